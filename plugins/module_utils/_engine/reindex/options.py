# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the reindex module and command."""

from __future__ import annotations

from typing import Any

REINDEX: dict[str, dict[str, Any]] = {
    "tables": {"type": "list", "elements": "str"},
    "min_reclaimable": {"type": "float", "default": 0.3},
    "min_size_mb": {"type": "int", "default": 1},
    "max_runtime": {"type": "str", "default": "2h"},
    "lock_timeout_ms": {"type": "int", "default": 2000},
}
