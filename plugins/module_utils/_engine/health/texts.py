# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for people: the table of health, the report of stats. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .thresholds import WORDS, Check


def size_text(count: float) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def table_text(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A plain table; right holds the columns to align to the right."""
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [
            text.rjust(width) if index in right else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def health_text(checks: Sequence[Check]) -> str:
    """The findings, worst first, each with what to do about it."""
    order = (2, 3, 1, 0)
    ranked = sorted(checks, key=lambda check: order.index(check.status))
    body = table_text(
        ("status", "check", "finding"), [(WORDS[each.status], each.name, each.message) for each in ranked]
    )
    fixes = [f"{each.name}: {each.fix}" for each in ranked if each.status and each.fix]
    return body + ("\n\nWhat to do:\n  " + "\n  ".join(fixes) if fixes else "")
