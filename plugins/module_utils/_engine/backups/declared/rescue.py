# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of rescue."""

from __future__ import annotations

from ...text.options import Spec, option
from .backup import BACKUP
from .restore import RESTORE

RESCUE: Spec = {
    "source": option(
        "path",
        "The backup on the target host that still has the rows. It is restored into a throw-away cluster, compared with its "
        "manifest, and removed afterwards.",
        "The newest verified one in O(dest) if not given.",
    ),
    "from_database": option(
        "str",
        "A database of the same server that still has the rows, instead of a backup: one that a backup was restored into, for "
        "example. Nothing in it is changed.",
    ),
    "dest": RESTORE["dest"],
    "name": RESTORE["name"],
    "tables": option(
        "list",
        "Tables whose rows are wanted, as C(SCHEMA.TABLE), or C(TABLE) in C(public). Rows of other tables that they refer to are "
        "brought too, and rows that went with them by C(ON DELETE CASCADE).",
        "If not given, every row that any table lacks.",
        elements="str",
    ),
    "where": option(
        "str",
        "SQL condition over the columns of the one table in O(tables), such as V(created_at >= '2026-11-01'). It is looked at in the "
        "restored copy.",
    ),
    "changed": option(
        "bool",
        "Also give rows that are in both, and differ, the values that the backup has.",
        default=False,
    ),
    "skip_conflicts": option(
        "bool",
        "Leave out rows that the live table would refuse (a unique value that another row has taken meanwhile, a parent that is not "
        "there), and the rows that refer to them. Without it, nothing is changed if there is one.",
        default=False,
    ),
    "without_triggers": option(
        "bool",
        "Do not fire the triggers of the tables for these rows. Only a table's owner can do that, and it locks the table against "
        "writers until the end.",
        default=False,
    ),
    "accept_superuser": option(
        "bool",
        "Run as a superuser although something in the database belongs to a role that is none. Triggers and functions of that role "
        "then run with a superuser's rights. The result warns of it.",
        default=False,
    ),
    "undo": option(
        "path",
        "Take back the rescue that this file on the target host tells of: rows that it brought go, and rows that it replaced get "
        "their former values, if they are still as the rescue left them.",
    ),
    "record_dir": option(
        "path",
        "Directory on the target host for the file that takes the rescue back. It holds rows of the database (mode 0600).",
        "The directory C(rescued) in O(dest) if not given.",
    ),
    "lock_timeout": option(
        "int",
        "Seconds to wait for each lock on the live tables.",
        default=10,
    ),
    "identity": BACKUP["identity"],
    "programs": BACKUP["programs"],
    "jobs": BACKUP["jobs"],
    "timeout": BACKUP["timeout"],
    "drill_dir": BACKUP["drill_dir"],
}
