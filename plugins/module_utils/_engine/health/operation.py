# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations behind the module health_info and the subcommands health and stats."""

from __future__ import annotations

from .look import health_info
from .stats import stats

__all__ = ["health_info", "stats"]
