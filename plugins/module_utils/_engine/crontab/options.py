# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the schedule's operation."""

from __future__ import annotations

from typing import Any

from .expression import WEEKDAYS

CRONTAB: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "user": {"type": "str"},
    "cron_file": {"type": "path"},
    "jobs": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "schedule": {"type": "str", "required": True},
            "only_on": {"type": "str", "choices": list(WEEKDAYS)},
            "command": {"type": "str", "required": True},
            "log": {"type": "str", "required": True},
            "directory": {"type": "str"},
            "env_file": {"type": "str"},
            "on_start_failure": {"type": "str"},
        },
    },
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
            "group": {"type": "str"},
        },
    },
    "adopt": {"type": "bool", "default": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}
