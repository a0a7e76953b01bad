# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for people: the table of health, the report of stats. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from ...environment.status import CRITICAL, OK, WORDS
from ...text.one_line import printable
from ..checks.definition import Check, NotChecked

# One without a path and a configuration; that of a job says both in its own way.
_TITAN_DB = re.compile(r"(?<![\w./-])titan-db (?!(?:cron|why|note|notify-test) )(\w+)\b(?! --config )")


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
    rows = [[printable(text) for text in row] for row in rows]  # names of tables are their owners' own
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [
            text.rjust(width) if index in right else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def health_text(checks: Sequence[Check], silent: Sequence[NotChecked] = ()) -> str:
    """The findings, worst first, each with what to do about it, and what was not checked."""
    order = (2, 3, 1, 0)
    ranked = sorted(checks, key=lambda check: order.index(check.status))
    body = table_text(
        ("status", "check", "finding"), [(WORDS[each.status], each.name, each.message) for each in ranked]
    )
    fixes = [f"{each.name}: {printable(each.fix)}" for each in ranked if each.status and each.fix]
    left_out = [f"{each.name}: {printable(each.reason)}" for each in silent]
    return "".join(
        f"{title}{chr(10) + '  ' if title else ''}{(chr(10) + '  ').join(lines)}"
        for title, lines in (("", [body]), ("\n\nWhat to do:", fixes), ("\n\nNot checked:", left_out))
        if lines
    )


def reachable(place: str) -> Check:
    """The server answers."""
    return Check("connection", OK, 1.0, place)


def unreachable(message: str) -> Check:
    """The server cannot be asked."""
    return Check(
        "connection", CRITICAL, None, message, "systemctl status postgresql; psql -l shows which databases it has"
    )


def as_typed(checks: Sequence[Check], command: str, config_path: str) -> list[Check]:
    """The checks with titan-db in their fixes as one types it: with its path and the environment's configuration."""

    def typed(found: re.Match[str]) -> str:
        return f"{shlex.quote(command)} {found[1]} --config {shlex.quote(config_path)}"

    return [replace(check, fix=_TITAN_DB.sub(typed, check.fix)) for check in checks]
