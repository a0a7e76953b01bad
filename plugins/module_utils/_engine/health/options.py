# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of health_info and stats, for the modules and the command."""

from __future__ import annotations

from ..text.options import Spec, option
from .checks.table import THRESHOLDS

HEALTH_INFO: Spec = {
    "thresholds": option(
        "dict",
        "Pairs of limits, the warning first. A value above a limit exceeds it. Whatever is not given keeps its "
        "default.",
        "An empty list leaves the check out.",
        options={
            name: option(
                "list", f"{each.description} The default is V([{each.warning:g}, {each.critical:g}]).", elements="float"
            )
            for name, each in THRESHOLDS.items()
        },
    ),
    "slow_query_seconds": option(
        "float",
        "From how many seconds on a statement is slow.",
        default=5.0,
    ),
    "backup_dest": option(
        "path",
        "Directory on the target host that holds the backups. Without it, and without O(job_config), backups "
        "are not checked.",
        variable="backup_dest",
    ),
    "backup_name": option(
        "str",
        "Only backups of this name count, in a directory that holds several.",
        variable="backup_name",
    ),
    "job_config": option(
        "path",
        "Path on the target host of the configuration that the role P(titan.database.crontab#role) writes. It "
        "names the jobs, their records and the place of the backups.",
        variable="crontab_config_path",
        variable_default="/etc/titan-db/{{ crontab_environment }}.json",
    ),
    "timeout": option(
        "int",
        "End after this many seconds, whatever the run waits for; V(0) is no limit.",
        default=60,
    ),
}

STATS: Spec = {
    "top": option(
        "int",
        "How many tables and indexes the report lists, the largest first.",
        default=20,
    ),
    "html": option(
        "path",
        "File that the report is written to as a page for a browser, too, with the state of health, the backups of 90 days, "
        "the jobs of the week and what has changed since the last week. An existing file is replaced.",
    ),
    "backup_dest": HEALTH_INFO["backup_dest"],
    "backup_name": HEALTH_INFO["backup_name"],
    "job_config": HEALTH_INFO["job_config"],
    "timeout": option(
        "int",
        "End after this many seconds, whatever the run waits for; V(0) is no limit.",
        default=300,
    ),
}
