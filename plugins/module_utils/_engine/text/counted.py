# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A number and the words that agree with it."""

from __future__ import annotations


def counted(number: int, one: str, more: str) -> str:
    """The number with the words for it: ``1 migration was``, ``2 migrations were``, ``0 migrations were``."""
    return f"{number} {one if number == 1 else more}"
