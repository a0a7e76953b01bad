# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clocks, the host's and the server's: when they disagree one of them is wrong, and what goes by age is not to be deleted."""

from __future__ import annotations

from .database import Database

LARGEST_DIFFERENCE = 300.0  # seconds


def clock_doubt(database: Database) -> str:
    """Why the clocks cannot be relied on, as a clause; empty when they agree as of the connection's start."""
    ahead = database.clock_ahead
    if abs(ahead) <= LARGEST_DIFFERENCE:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f"the clock of the server is {_length(abs(ahead))} {way} this host's; one of them is wrong, check both"


def _length(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
