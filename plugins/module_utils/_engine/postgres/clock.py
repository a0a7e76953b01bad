# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clocks, the host's and the server's, and what the host has recorded: when they disagree, nothing that goes by age is deleted."""

from __future__ import annotations

from .database import Database

LARGEST_DIFFERENCE = 300.0  # seconds


def clock_doubt(database: Database, record_ahead: tuple[float, str]) -> str:
    """Why the clocks cannot be relied on, as a clause; empty when they agree as of the connection's start.

    Args:
        record_ahead: As in Call: seconds, and a job.
    """
    ahead = database.clock_ahead
    if abs(ahead) <= LARGEST_DIFFERENCE:
        return _doubt_of_record(*record_ahead)
    way = "ahead of" if ahead > 0 else "behind"
    return f"the clock of the server is {_length(abs(ahead))} {way} this host's; one of them is wrong; check both"


def _doubt_of_record(ahead: float, job: str) -> str:
    """Why this host's clock cannot be relied on beside the newest record of its jobs, as a clause; empty when it can.

    Args:
        ahead: Seconds by which the record is dated after now.
        job: Whose record it is.
    """
    if ahead <= LARGEST_DIFFERENCE:
        return ""
    return (
        f"the record of the job {job!r} is dated {_length(ahead)} in the future, so this host's clock is behind, or was ahead when "
        "that job ran; check the clock, then run that job once, which dates its record anew"
    )


def _length(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
