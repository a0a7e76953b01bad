# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message, and how it is made shorter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: failure, recovery, success, report or test.
        title, body: Plain text.
        facts: Further values for webhooks.
        page: Path of a page that a mail shows and brings along; "" for none.
    """

    kind: str
    title: str
    body: str
    facts: Mapping[str, object]
    page: str = ""


def shortened(text: str, limit: int) -> str:
    """The title and the end of the log, which says how it ended."""
    if len(text) <= limit:
        return text
    title, _gap, body = text.partition("\n\n")
    title = title[:200]
    return f"{title}\n\n…{body[-(limit - len(title) - 3) :]}"
