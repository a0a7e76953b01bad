# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of health and stats, for the module and the command alike."""

from __future__ import annotations

from typing import Any

from .thresholds import DEFAULTS

_PLACES: dict[str, dict[str, Any]] = {
    "backup_dest": {"type": "path"},
    "backup_name": {"type": "str"},
    "job_config": {"type": "path"},
}

HEALTH_INFO: dict[str, dict[str, Any]] = {
    "thresholds": {
        "type": "dict",
        "options": {name: {"type": "list", "elements": "float"} for name in DEFAULTS},
    },
    "slow_query_seconds": {"type": "float", "default": 5.0},
    **_PLACES,
}

STATS: dict[str, dict[str, Any]] = {
    "top": {"type": "int", "default": 20},
    **_PLACES,
}
