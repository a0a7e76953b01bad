# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of recover."""

from __future__ import annotations

from ...text.options import Spec, option
from .backup import BACKUP
from .rescue import RESCUE
from .restore import DRILL

RECOVER: Spec = {
    "to": option(
        "str",
        "The moment, as a time with its zone, such as V(2026-11-26 01:59:59+00). What was committed up to then is there, and nothing after it.",
    ),
    "to_transaction": option(
        "str",
        "The moment just after this transaction was committed: its number, as C(%x) in C(log_line_prefix) and C(pg_waldump) show it.",
    ),
    "exclusive": option(
        "bool",
        "The moment just before O(to_transaction) was committed.",
        default=False,
    ),
    "to_restore_point": option(
        "str",
        "The moment of this restore point (C(pg_create_restore_point)); of several of this name, the newest one.",
    ),
    "before_drop": option(
        "str",
        "The moment just before this table was dropped, as C(SCHEMA.TABLE), or C(TABLE) in C(public). The archived write-ahead log is searched for "
        "transactions that dropped tables, the newest one first; each recovery shows whether it was this table's. PostgreSQL 15 or newer.",
    ),
    "timeline": option(
        "int",
        "Follow the log of this timeline, not of the newest one: after the live cluster went back to a moment, what was written later lies on the "
        "timeline that it left.",
    ),
    "action": option(
        "str",
        "What is done with the recovered database once it is proven. V(look) removes it again.",
        "V(dump) makes a backup of it by C(pg_dump) in O(dump_dir), and proves that by a restore. Other commands take it by its path.",
        "V(tables) makes that backup, and brings the tables in O(tables) beside the live ones, as M(titan.database.restore) does.",
        "V(rows) makes that backup, and puts the rows back that the live tables have lost, as M(titan.database.rescue) does; of all tables unless "
        "O(tables) names some.",
        "V(place) lets the recovered cluster take the place of the live one: with B(every database) of that server back at the moment. Once the "
        "moment is proven beside, it is recovered once more, into a directory beside the live one; then the server is stopped, its data directory "
        "renamed and kept, and the server started on the other one, read back, and backed up. If anything fails, the live one is back. Needs "
        "O(data_directory).",
        default="look",
        choices=("look", "dump", "tables", "rows", "place"),
    ),
    "data_directory": option(
        "path",
        "For O(action=place), the confirmation: the live server's data directory on the target host. Check mode says which one it is.",
    ),
    "accept_standbys": option(
        "bool",
        "For O(action=place) and O(put_back), go on although standbys or replication slots are attached to the live server. They cannot follow, "
        "and have to be recreated.",
        default=False,
    ),
    "put_back": option(
        "path",
        "Instead of a moment: the data directory that an earlier O(action=place) or O(put_back) has kept beside the live one takes its place "
        "again, and the other one is kept.",
    ),
    "stop_timeout": option(
        "int",
        "For O(action=place) and O(put_back), seconds in which the server has to stop (C(fast)); else the live one goes on.",
        default=120,
    ),
    "tables": option(
        "list",
        "The tables for O(action=tables) or O(action=rows), as C(SCHEMA.TABLE), or C(TABLE) in C(public).",
        elements="str",
    ),
    "where": RESCUE["where"]._replace(
        description=("For O(action=rows), SQL condition over the columns of the one table in O(tables).",)
    ),
    "keep": option(
        "str",
        "Keep the recovered cluster for this long, such as V(2h), for a person: the command that reaches it is printed to standard error. An "
        "interrupt ends that earlier, and the run goes on.",
    ),
    "checks": DRILL["checks"]._replace(
        description=(
            "SQL that has to return true in the recovered database, such as V(SELECT count(*\\) > 1000 FROM orders). Each is run in a transaction "
            "that may not write. If one does not, the run fails, and nothing is dumped or handed on.",
        ),
        variable="",
    ),
    "database": option(
        "str",
        "The database of the cluster that is meant. The one whose backups O(dest) holds if not given.",
    ),
    "dest": option(
        "path",
        "Directory on the target host with the records of the backups by pgBackRest, and with the pointer to the stanza.",
        required=True,
        variable="backup_dest",
    ),
    "dump_dir": option(
        "path",
        "Directory on the target host for the backup of the recovered database. The directory C(recovered) in O(dest) if not given.",
    ),
    "programs": BACKUP["programs"],
    "jobs": BACKUP["jobs"],
    "timeout": BACKUP["timeout"],
    "drill_dir": BACKUP["drill_dir"],
}
