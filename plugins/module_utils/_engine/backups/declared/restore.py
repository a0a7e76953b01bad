# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of restore, of drill, and of what lists and keeps backups."""

from __future__ import annotations

from ...text.options import Spec, option
from .backup import BACKUP

BACKUP_INFO: Spec = {
    "dest": option(
        "path",
        "Directory on the target host with the backups. For one that is not there, or holds none, the result says what is there.",
        required=True,
        variable="backup_dest",
    ),
    "name": option(
        "str",
        "List only backups of this name; all if not given.",
        variable="backup_name",
    ),
    "verify": option(
        "str",
        "V(none) compares sizes with the manifests.",
        "V(checksum) reads every byte and compares SHA-256; a dump without a manifest is decoded to its end.",
        default="none",
        choices=("none", "checksum"),
    ),
    "timeout": BACKUP["timeout"],
}

PIN: Spec = {
    "source": option(
        "path",
        "Path of the backup on the target host.",
        "If not given, the newest verified backup in O(dest). To let one go it must be given.",
    ),
    "dest": option(
        "path",
        "Directory on the target host whose newest verified backup is meant.",
        variable="backup_dest",
    ),
    "name": option(
        "str",
        "Of O(dest), only backups of this name.",
        variable="backup_name",
    ),
    "state": option(
        "str",
        "V(present) pins the backup, V(absent) lets the rules apply to it again.",
        default="present",
        choices=("present", "absent"),
    ),
}

DATABASE = option(
    "str",
    "Of a dump that holds several databases (by C(pg_dumpall)), the one that is meant.",
)

DRILL: Spec = {
    "source": option(
        "path",
        "The backup on the target host: a file, a directory, or the record of a backup by pgBackRest.",
        "A dump that others made may have any name: what C(pg_dump) writes in any of its formats, and what C(pg_dumpall) writes, "
        "also compressed by C(gzip), C(zstd), C(xz) or C(bzip2) and encrypted by C(age). It is restored, and what is in it is told; "
        "nothing is written beside it.",
        "The newest one in O(dest) if not given.",
    ),
    "dest": BACKUP_INFO["dest"]._replace(required=False),
    "name": BACKUP_INFO["name"],
    "database": DATABASE,
    "checks": option(
        "list",
        "SQL that has to return true in the restored database, such as V(SELECT count\\(*\\) > 1000 FROM orders). Each is run "
        "in a transaction that may not write; the drill fails if one does not return one row with the value true.",
        elements="str",
        variable="backup_checks",
    ),
    "time_columns": option(
        "list",
        "Columns whose newest time is reported, beside those of the retention policies that the restored database holds itself.",
        elements="dict",
        options={
            "table": option("str", "The table, with its schema unless that is C(public).", required=True),
            "column": option("str", "The column.", required=True),
        },
        variable="backup_time_columns",
    ),
    "against": option(
        "path",
        "Path on the target host of an env file that names a live database to compare the restored one with. Rows that only one "
        "of both has are counted for each table, and the drill fails if there are any. The live database is read in one "
        "transaction that may not write; a table that differs is sorted there.",
    ),
    "programs": BACKUP["programs"],
    "jobs": BACKUP["jobs"],
    "timeout": BACKUP["timeout"],
    "drill_dir": BACKUP["drill_dir"],
    "identity": BACKUP["identity"],
}

RESTORE: Spec = {
    "source": option(
        "path",
        "The backup on the target host. A dump that others made may have any name, as in a drill.",
        "The newest verified one in O(dest) if not given.",
    ),
    "database": DATABASE,
    "dest": option(
        "path",
        "Directory on the target host with the backups.",
        variable="backup_dest",
    ),
    "name": option(
        "str",
        "Only backups of this name in O(dest).",
        variable="backup_name",
    ),
    "into": option(
        "str",
        "Name of the database to restore into. It must not exist, unless O(swap=true).",
        "Required, unless O(tables) or O(schemas) name what is wanted: these then come beside the live ones, in the connected database.",
    ),
    "tables": option(
        "list",
        "Restore only these tables, each as C(SCHEMA.TABLE), or C(TABLE) in C(public), with their partitions, indexes, constraints and "
        "rows, and with the types, sequences and functions that they need.",
        "With O(into), into a new database. Without it, into the connected database, beside the live table as "
        "C(<table>_restored_YYYYMMDD_HHMMSS); nothing else there is changed.",
        "Foreign keys to tables that are not restored are left out; the result names them.",
        elements="str",
    ),
    "schemas": option(
        "list",
        "The same for all that is in these schemas. Without O(into), each comes beside the live one as "
        "C(<schema>_restored_YYYYMMDD_HHMMSS).",
        elements="str",
    ),
    "no_owner": option(
        "bool",
        "Objects of O(tables) and O(schemas) belong to the role that restores them, or to the owner of the database if that is a "
        "superuser. The owners of the source need not exist.",
        default=False,
    ),
    "no_privileges": option(
        "bool",
        "Leave out the privileges on objects of O(tables) and O(schemas).",
        default=False,
    ),
    "swap": option(
        "bool",
        "If the database O(into) exists, end the connections to it, rename it to "
        "C(<into>_before_YYYYMMDD_HHMMSS), and give the restored one its name. This happens after the restore "
        "was compared.",
        default=False,
    ),
    "accept_superuser": option(
        "bool",
        "Let a superuser load the dump, with whose rights the dump's own code then runs. The result warns of it.",
        "Without it, a superuser makes a role for the load that is none, and drops it afterwards; what the dump has that could run "
        "programs is refused by name.",
        default=False,
    ),
    "identity": BACKUP["identity"],
    "programs": BACKUP["programs"],
    "jobs": BACKUP["jobs"],
    "timeout": BACKUP["timeout"],
    "drill_dir": BACKUP["drill_dir"],
}
