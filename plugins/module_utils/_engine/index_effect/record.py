# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last result, kept in the environment's state directory for the statistics report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FILE = "index_effect.json"  # report.record_of makes its content


class Remembered(NamedTuple):
    """The last result.

    Attributes:
        at: When, in seconds since 1970.
        head, summary: What was done, and what was found.
        effects: (query, result) of each effect.
        idle: The indexes that serve none of the queries, with their bytes; only of a run that left each out alone.
    """

    at: float
    head: str
    summary: str
    effects: tuple[tuple[str, str], ...]
    idle: tuple[tuple[str, int], ...]


def from_json(data: Mapping[str, Any]) -> Remembered | None:
    """The last result, or None where there is none that can be read."""
    try:
        return Remembered(
            float(data["at"]),
            str(data["head"]),
            str(data["summary"]),
            tuple((str(query), str(words)) for query, words in data["effects"]),
            tuple((str(name), int(size)) for name, size in data["idle"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
