# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of a crontab: when, and what. Pure."""

from __future__ import annotations

import re


def starts_nothing(line: str) -> bool:
    """Whether cron starts nothing for the line: it is empty, a comment or a variable."""
    return bool(re.match(r"\s*(#|[A-Za-z_]\w*\s*=|$)", line))


def parse_entry(line: str, with_user: bool) -> tuple[str, str] | None:
    """Schedule and command of a crontab line; None where cron starts nothing for it.

    Args:
        line: Of a crontab.
        with_user: Whether a user's name stands before the command.

    Returns:
        The schedule with one space between its fields; the command as it stands there.
    """
    if starts_nothing(line):
        return None
    fields = 1 if line.lstrip().startswith("@") else 5
    head = fields + with_user
    words = line.split(None, head)
    return (" ".join(words[:fields]), words[head]) if len(words) > head else None


def parse_variable(line: str) -> tuple[str, str] | None:
    """Name and value that a crontab line sets for the lines below it; None for any other line (crontab(5))."""
    found = re.fullmatch(r"""\s*(['"]?)([A-Za-z_]\w*)\1\s*=\s*(.*?)\s*""", line)
    if not found:
        return None
    value = found[3]
    quoted = len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]
    return found[2], value[1:-1] if quoted else value
