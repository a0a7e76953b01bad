# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup_stanza."""

from __future__ import annotations

from ...text.options import Spec, option

BACKUP_STANZA: Spec = {
    "dest": option(
        "path",
        "Directory on the target host for the records of the backups (their fingerprints and what drills have "
        "shown). It must exist, belong to the user that the module runs as (or to root), be no symbolic link "
        "and not be writable by group or others.",
        "The backups themselves lie in the repository that O(pgbackrest_config) names.",
        required=True,
    ),
    "name": option(
        "str",
        "Name of the backups in the catalog; O(stanza) if not given.",
    ),
    "stanza": option(
        "str",
        "Name of the stanza in O(pgbackrest_config).",
        required=True,
    ),
    "pgbackrest_config": option(
        "path",
        "Path on the target host of pgBackRest's configuration file. It must not be readable by others, because "
        "it may hold the keys of the repository.",
        required=True,
    ),
    "configure_server": option(
        "bool",
        "Set C(wal_level), C(archive_mode) and C(archive_command) by C(ALTER SYSTEM) where they are not right, "
        "and reload the server. This needs a superuser.",
        "What needs a restart is returned in RV(restart_required) and warned of. Run the module again after the "
        "restart.",
        default=False,
    ),
}
