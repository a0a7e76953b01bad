# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The percent sign in a crontab, which ends the command unless a backslash stands before it. Pure."""

from __future__ import annotations

import re


def escape_for_cron(text: str) -> str:
    """Write the text so that cron hands it to the shell unchanged."""
    return text.replace("\\", "\\\\").replace("%", "\\%")


def unescape_cron(text: str) -> str:
    """What cron hands to the shell for the command of a line, without what follows an unescaped "%"."""
    out, index = [], 0
    while index < len(text):
        if text[index] == "\\" and text[index + 1 : index + 2] in ("\\", "%"):
            out.append(text[index + 1])
            index += 2
            continue
        if text[index] == "%":
            break
        out.append(text[index])
        index += 1
    return "".join(out)


def has_bare_percent(command: str) -> bool:
    """Whether cron would cut the command at a "%" and feed the rest to it as standard input."""
    return bool(re.search(r"(?<!\\)(?:\\\\)*%", command))
