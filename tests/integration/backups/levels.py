# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which level of verification sees which change of a backup; test_altered.py shows each cell, the guide has the table."""

from __future__ import annotations

LEVELS = ("none", "checksum", "restored, proof: redump", "restored")
ROW_VALUES = ("row changed", "row swapped")  # the kinds of change that a count of the rows does not see
DAMAGED = "the file is damaged"
PUT_RIGHT = "the file is changed, and its checksum put right: "
# What is changed, and the levels that see it.
SEEN_BY = {
    DAMAGED: LEVELS[1:],
    f"{PUT_RIGHT}values in rows": LEVELS[3:],
    f"{PUT_RIGHT}rows added or removed": LEVELS[2:],
    f"{PUT_RIGHT}an object, a sequence, a large object, a right": LEVELS[2:],
}


def table() -> list[str]:
    """The lines of the guide's table."""
    lines = [f"| what is wrong | {' | '.join(f'`{level}`' for level in LEVELS)} |", f"| --- |{' --- |' * len(LEVELS)}"]
    for what, levels in SEEN_BY.items():
        lines.append(f"| {what} | {' | '.join('seen' if level in levels else 'not seen' for level in LEVELS)} |")
    return lines
