# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the migration operations."""

from __future__ import annotations

from typing import Any

from .files.naming import NAMINGS

Spec = dict[str, dict[str, Any]]

_FILES: Spec = {
    "path": {"type": "path"},
    "files": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "content": {"type": "str", "required": True}},
    },
    "naming": {"type": "str", "choices": list(NAMINGS), "default": "plain"},
}

MIGRATION: Spec = {
    **_FILES,
    "state": {"type": "str", "choices": ["applied", "rolled_back", "baselined"], "default": "applied"},
    "target": {"type": "str"},
    "redundant_indexes": {"type": "str", "choices": ["skip", "create", "fail"], "default": "skip"},
    "allow_out_of_order": {"type": "list", "elements": "str", "default": []},
    "accept_edited": {"type": "list", "elements": "str", "default": []},
    "placeholders": {"type": "dict", "default": {}},
    "mixed": {"type": "str", "choices": ["refuse", "steps"], "default": "refuse"},
    "without_transaction": {"type": "list", "elements": "str", "default": []},
    "lock_timeout": {"type": "int", "default": 500},
    "concurrent_lock_timeout": {"type": "int", "default": 120000},
    "lock_retries": {"type": "int", "default": 10},
    "plain_index_max_rows": {"type": "int", "default": 10000},
    "wait": {"type": "int", "default": 30},
    "progress_file": {"type": "path"},
    "record": {"type": "path"},
    "rehearse": {"type": "bool", "default": False},
    "allow_rollback": {"type": "bool", "default": False},
}

MIGRATION_INFO: Spec = {**_FILES, "placeholders": {"type": "dict", "default": {}}}
