# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the retention module and of the clean-up, for both doors."""

from __future__ import annotations

from typing import Any

_WHERE: dict[str, dict[str, Any]] = {
    "column": {"type": "str"},
    "in": {"type": "list", "elements": "raw"},
    "equals": {"type": "raw"},
    "is_null": {"type": "bool"},
    "ignore_case": {"type": "bool", "default": False},
    "raw": {"type": "str"},
}

_MARK: dict[str, dict[str, Any]] = {
    "column": {"type": "str", "required": True},
    "value": {"type": "raw"},
}

_POLICY: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "table": {"type": "str", "required": True},
    "column": {"type": "str", "required": True},
    "keep": {"type": "str", "required": True},
    "where": {"type": "dict", "options": _WHERE},
    "allow_raw": {"type": "bool", "default": False},
    "mode": {"type": "str", "choices": ["delete", "mark"], "default": "delete"},
    "mark": {"type": "dict", "options": _MARK},
    "time_zone": {"type": "str", "default": "UTC"},
    "max_fraction": {"type": "float"},
    "contended": {"type": "bool", "default": False},
    "archive": {"type": "path"},
}

RETENTION_POLICY: dict[str, dict[str, Any]] = {
    "policies": {"type": "list", "elements": "dict", "required": True, "options": _POLICY},
}

CLEANUP: dict[str, dict[str, Any]] = {
    "tables": {"type": "list", "elements": "str"},
    "backup_dest": {"type": "path"},
    "backup_name": {"type": "str"},
    "require_backup_within": {"type": "str", "default": "26h"},
    "require_verified": {"type": "str", "choices": ["restored", "checksum"], "default": "restored"},
    "max_fraction": {"type": "float", "default": 0.5},
    "max_runtime": {"type": "str", "default": "1h"},
    "batch_target_ms": {"type": "int", "default": 100},
    "pause": {"type": "float", "default": 0.1},
    "max_replica_lag_mb": {"type": "int", "default": 256},
    "min_free_wal_mb": {"type": "int", "default": 512},
    "vacuum": {"type": "str", "choices": ["auto", "never"], "default": "auto"},
}
