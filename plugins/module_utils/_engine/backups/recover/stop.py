# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a recovery begins and stops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ...outcome import Data
from .records import lsn_text
from .target import format_moment


class Base(NamedTuple):
    """A backup that recovery can begin from.

    Attributes:
        label: pgBackRest's.
        timeline: On which it was taken.
        first: Name of the first segment that it needs.
        stop: Position at which it is consistent.
        finished: When it was, in whole seconds.
    """

    label: str
    timeline: int
    first: str
    stop: int
    finished: datetime


class Commit(NamedTuple):
    """A transaction that was committed."""

    xid: int
    time: datetime

    def as_data(self) -> Data:
        return {"transaction": self.xid, "time": format_moment(self.time)}


@dataclass(frozen=True)
class Stop:
    """Where recovery stops.

    Attributes:
        base: The backup to begin from.
        timeline: Whose log is followed.
        lsn: Position of the record to stop at.
        inclusive: Whether that record is still applied.
        last: The last transaction that is committed then; None for none since the backup.
        next: The first one that is not; None for none in the archive.
        dropped: What the next one dropped, for "before_drop".
    """

    base: Base
    timeline: int
    lsn: int
    inclusive: bool
    last: Commit | None
    next: Commit | None
    dropped: tuple[tuple[int, int], ...] = ()

    @property
    def restore_options(self) -> list[str]:
        """What pgBackRest is told."""
        exclusive = [] if self.inclusive else ["--target-exclusive"]
        return ["--type=lsn", f"--target={lsn_text(self.lsn)}", f"--target-timeline={self.timeline}", *exclusive]
