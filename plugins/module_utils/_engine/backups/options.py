# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup, drill, list and restore, for the modules and the command alike."""

from __future__ import annotations

from typing import Any

_PROGRAMS: dict[str, dict[str, Any]] = {
    "programs": {"type": "path"},
    "jobs": {"type": "int", "default": 2},
    "timeout": {"type": "int", "default": 21600},
}
_DRILL_DIR: dict[str, dict[str, Any]] = {"drill_dir": {"type": "path"}, "identity": {"type": "path"}}

_STANZA: dict[str, dict[str, Any]] = {"stanza": {"type": "str"}, "pgbackrest_config": {"type": "path"}}

BACKUP: dict[str, dict[str, Any]] = {
    "engine": {"type": "str", "choices": ["pg_dump", "pgbackrest"], "default": "pg_dump"},
    **_STANZA,
    "type": {"type": "str", "choices": ["auto", "full", "diff", "incr"], "default": "auto"},
    "full_every": {"type": "str", "default": "7d"},
    "dest": {"type": "path", "required": True},
    "name": {"type": "str"},
    "format": {"type": "str", "choices": ["plain", "custom", "directory"], "default": "custom"},
    "compression": {"type": "str", "choices": ["auto", "gzip", "zstd", "none"], "default": "auto"},
    "verify": {"type": "str", "choices": ["checksum", "restored"], "default": "restored"},
    "drill_in": {"type": "str", "choices": ["cluster", "scratch_database"], "default": "cluster"},
    "proof": {"type": "str", "choices": ["hash", "redump"], "default": "hash"},
    "keep": {
        "type": "dict",
        "options": {
            "days": {"type": "int"},
            "last": {"type": "int"},
            "weekly": {"type": "int"},
            "monthly": {"type": "int"},
        },
    },
    "max_shrink": {"type": "float", "default": 0.5},
    "accept_shrink": {"type": "bool", "default": False},
    "accept_other_source": {"type": "bool", "default": False},
    "unless_verified_within": {"type": "str"},
    "globals": {"type": "bool", "default": True},
    "pin": {"type": "bool", "default": False},
    "encrypt_to": {"type": "list", "elements": "str"},
    "copy_to": {"type": "list", "elements": "str"},
    "copy_back": {"type": "list", "elements": "str"},
    "lock_timeout": {"type": "int", "default": 60},
    "window": {"type": "int", "default": 0},
    **_PROGRAMS,
    **_DRILL_DIR,
}

DRILL: dict[str, dict[str, Any]] = {
    "dest": {"type": "path"},
    "name": {"type": "str"},
    "source": {"type": "path"},
    **_PROGRAMS,
    **_DRILL_DIR,
}

PIN: dict[str, dict[str, Any]] = {
    "source": {"type": "path"},
    "dest": {"type": "path"},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

BACKUP_INFO: dict[str, dict[str, Any]] = {
    "dest": {"type": "path", "required": True},
    "name": {"type": "str"},
    "verify": {"type": "str", "choices": ["none", "checksum"], "default": "none"},
}

BACKUP_STANZA: dict[str, dict[str, Any]] = {
    "dest": {"type": "path", "required": True},
    "name": {"type": "str"},
    "stanza": {"type": "str", "required": True},
    "pgbackrest_config": {"type": "path", "required": True},
    "configure_server": {"type": "bool", "default": False},
}

RESTORE: dict[str, dict[str, Any]] = {
    "source": {"type": "path"},
    "dest": {"type": "path"},
    "name": {"type": "str"},
    "into": {"type": "str", "required": True},
    "swap": {"type": "bool", "default": False},
    "identity": {"type": "path"},
    **_PROGRAMS,
}
