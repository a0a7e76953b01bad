# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a check ends, as monitoring plug-ins number it (Nagios Plugin Development Guidelines, return codes)."""

from __future__ import annotations

from collections.abc import Collection

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3

WORDS = ("ok", "warning", "critical", "unknown")  # by number
WORST_FIRST = ("critical", "unknown", "warning", "ok")  # "unknown" may hide anything


def worst_word(words: Collection[str]) -> str:
    """The worst of the states; ok for none."""
    return next((word for word in WORST_FIRST if word in words), "ok")
