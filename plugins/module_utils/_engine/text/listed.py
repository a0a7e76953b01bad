# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], most: int = 5) -> str:
    """ "a, b and 3 more": the first names, and how many are not shown; empty if there is none."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
