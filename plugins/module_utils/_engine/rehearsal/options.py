# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of rehearse."""

from __future__ import annotations

from ..backups.declared.copy import FOR_A_COPY, WITHOUT_SANDBOX
from ..migrations.options import MIGRATION
from ..text.options import Spec, option

# What says which files run, and how; as the real run has it.
OF_THE_RUN: tuple[str, ...] = (
    "path", "files", "naming", "history", "target", "redundant_indexes", "allow_out_of_order", "accept_edited", "placeholders",
    "mixed", "without_transaction", "lock_timeout", "concurrent_lock_timeout", "lock_retries", "lint", "plain_index_max_rows", "accept_superuser",
)  # fmt: skip

REHEARSE: Spec = {
    "state": option(
        "str",
        "V(rehearsed) restores the backup into a throw-away cluster, runs the pending migrations there, rolls them back, runs them "
        "again, and removes the cluster.",
        "V(checked) looks at O(record) only. It fails unless exactly these files were rehearsed, and passed, on a backup that is "
        "not older than O(backup_within).",
        default="rehearsed",
        choices=("rehearsed", "checked"),
    ),
    **{name: MIGRATION[name] for name in OF_THE_RUN},
    "rollback": option(
        "str",
        "V(if_any) rolls the files back where each of them has a rollback and all of them come after what is applied, compares the "
        "schema with the one before, and runs them again. V(required) fails where that cannot be done. V(skip) only goes forward.",
        default="if_any",
        choices=("if_any", "required", "skip"),
        variable="migrations_rehearsal_rollback",
        variable_default="if_any",
    ),
    "max_block": option(
        "str",
        "The longest time for which an existing table may be locked against its writers, such as V(500ms) or V(2s). "
        "No limit if not given.",
        variable="migrations_rehearsal_max_block",
        variable_default="",
    ),
    "max_disk": option(
        "str",
        "The most room that the files may need on the way, such as V(5GB), for tables, indexes, temporary files and write-ahead "
        "log together. No limit if not given.",
        variable="migrations_rehearsal_max_disk",
        variable_default="",
    ),
    "max_duration": option(
        "str",
        "The longest time that all files together may take, such as V(10m). No limit if not given.",
        variable="migrations_rehearsal_max_duration",
        variable_default="",
    ),
    "record": option(
        "path",
        "A file on the target host in which the result is kept, with the checksums of the files and the time of the backup.",
        variable="migrations_rehearsal_record",
        variable_default="",
    ),
    "backup_within": option(
        "str",
        "With O(state=checked), the greatest age of the backup that the files were rehearsed on.",
        default="1d",
        variable="migrations_rehearsal_backup_within",
        variable_default="1d",
    ),
    "job_config": option(
        "path",
        "Path on the target host of the environment's configuration. The statistics report shows the environment's last rehearsal.",
    ),
    **WITHOUT_SANDBOX,
    # The playbook's task fills them: the role of the migrations does not know the backups' variables.
    **{name: each._replace(variable="", variable_default=None) for name, each in FOR_A_COPY.items()},
}
