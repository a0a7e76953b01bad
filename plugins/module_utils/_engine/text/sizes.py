# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes as people write and read them, in powers of 1024 as PostgreSQL counts."""

from __future__ import annotations

import re

from ..errors import OptionError

_UNITS = ("B", "kB", "MB", "GB", "TB")
_WRITTEN = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kKmMgGtT]?)(?:[iI]?[bB])?\s*")


def parse_bytes(option: str, text: object) -> int:
    """The bytes that the text says, as "500MB", "1.5 GB" or a plain number.

    Raises:
        OptionError: it is none; the message shows the allowed form.
    """
    found = _WRITTEN.fullmatch(str(text))
    if not found:
        raise OptionError(option, text, "Write a number and a unit, as 500MB or 1.5GB; units are kB, MB, GB, TB.")
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))


def shown_bytes(number: int) -> str:
    """As "4.2 GB": with one digit after the point where there are few before it."""
    size, unit = float(number), 0
    while abs(size) >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit and abs(size) < 100 else f"{size:.0f} {_UNITS[unit]}"
