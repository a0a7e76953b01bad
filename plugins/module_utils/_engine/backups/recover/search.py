# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the log the wanted moment is, from which backup it is reached, and what was committed on both sides of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ...errors import TitanError
from .records import COMMIT, OTHER, RESTORE_POINT, Record, lsn_from
from .stop import Base, Commit, Stop
from .target import DROP, POINT, TIME, TRANSACTION, Target, format_moment
from .wal import Archive


@dataclass(frozen=True)
class Window:
    """What can be reached: from the end of the oldest backup to the last commit in the archive."""

    since: datetime
    until: datetime | None

    def __str__(self) -> str:
        end = format_moment(self.until) if self.until else "the end of the backup, since nothing was committed after it"
        return f"from {format_moment(self.since)} to {end}"


class BeyondArchiveError(TitanError):
    """The moment lies after the last commit in the archive."""


def bases_of(info: Mapping[str, Any], archive: Archive) -> list[Base]:
    """The sound backups of the newest cluster in the stanza that the timeline goes back to, newest first.

    Raises:
        TitanError: there is none.
    """
    current = newest_cluster(info)
    found = []
    for backup in info["backup"]:
        if int(backup["database"]["id"]) != current or backup.get("error"):
            continue
        first, stop = str(backup["archive"]["start"]), lsn_from(str(backup["lsn"]["stop"]))
        timeline = int(first[:8], 16)
        if archive.has(timeline, stop):
            finished = datetime.fromtimestamp(backup["timestamp"]["stop"], timezone.utc)
            found.append(Base(str(backup["label"]), timeline, first, stop, finished))
    if not found:
        raise TitanError(
            f"Stanza {info['name']!r} has no sound backup of timeline {archive.timeline}. Take one; what was before cannot be reached."
        )
    return sorted(found, key=_by_stop, reverse=True)


def newest_cluster(info: Mapping[str, Any]) -> int:
    """The number that pgBackRest gives the cluster whose log it takes now."""
    return max(int(each["id"]) for each in info["db"])


def newest_segment(info: Mapping[str, Any]) -> str:
    """Name of the newest segment in the archive.

    Raises:
        TitanError: there is none.
    """
    current = newest_cluster(info)
    names = [str(each["max"]) for each in info["archive"] if int(each["database"]["id"]) == current and each.get("max")]
    if not names:
        raise TitanError(f"The archive of stanza {info['name']!r} is empty. Take a backup, which needs it.")
    return max(names)


def _by_stop(base: Base) -> int:
    return base.stop


def find_stop(
    archive: Archive, bases: Sequence[Base], target: Target, before: int | None = None, database: int | None = None
) -> Stop:
    """Find the target in the log.

    Args:
        archive: Opened.
        bases: Newest first.
        target: What is wanted.
        before: For "before_drop": look only at what is before this position.
        database: For "before_drop": OID of the database, if it is known.

    Raises:
        BeyondArchiveError: it is a time after the last commit in the archive.
        TitanError: the archive does not hold it; the message says from when to when it reaches.
    """
    if target.kind == TIME:
        return _stop_at_time(archive, bases, target)
    until: datetime | None = None
    newer: Base | None = None
    for base in bases:  # the newest log first
        found = None
        for record in archive.records(
            archive.number_of(base.first), archive.segment_at(newer.stop) if newer else None, _managers(target)
        ):
            until = max(filter(None, (until, record.time)), default=None)
            wanted = record.lsn >= base.stop and (before is None or record.lsn < before)
            found = record if wanted and _is(record, target, database) else found
        if found:
            return _stop_of(archive, bases, target, found)
        newer = base
    raise TitanError(
        f"There is no {_what(target)} in the archived log. What can be reached is {Window(bases[-1].finished, until)}."
    )


def _what(target: Target) -> str:
    return {
        TRANSACTION: f"commit of transaction {target.xid}",
        POINT: f"restore point {target.value!r}",
        DROP: f"DROP of {target.value}",
    }[target.kind]


def _managers(target: Target) -> tuple[str, ...]:
    return ("Transaction", "XLOG") if target.kind == POINT else ("Transaction",)


def _is(record: Record, target: Target, database: int | None) -> bool:
    if target.kind == TRANSACTION:
        return record.kind == COMMIT and record.xid == target.xid
    if target.kind == POINT:
        return record.kind == RESTORE_POINT and record.name == target.value
    ours = [one for one, _file in record.dropped if database in (None, one)]
    return record.kind == COMMIT and bool(ours) and record.with_statistics


def _stop_of(archive: Archive, bases: Sequence[Base], target: Target, found: Record) -> Stop:
    base = next(each for each in bases if each.stop <= found.lsn)
    inclusive = target.kind == POINT or (target.kind == TRANSACTION and not target.before)
    last = following = None
    for record in _commits(archive, base):
        if record.lsn < found.lsn or (inclusive and record.lsn == found.lsn):
            last = record
        else:
            following = record
            break
    return Stop(base, archive.timeline, found.lsn, inclusive, _commit(last), _commit(following), found.dropped)


def _known(time: datetime | None) -> datetime:
    """The time of a commit, or of a target that is one: both have it."""
    if time is None:
        raise AssertionError("a commit without a time")
    return time


def _stop_at_time(archive: Archive, bases: Sequence[Base], target: Target) -> Stop:
    """Before the first commit after the time, as recovery_target_time has it."""
    wanted = _known(target.time)
    oldest = bases[-1]
    for base in bases:
        if base.finished > wanted and base is not oldest:
            continue
        last: Record | None = None
        for record in _commits(archive, base):
            if _known(record.time) <= wanted:
                last = record
                continue
            if record.lsn < base.stop:
                break  # it was reached while the backup ran: an older one is needed
            if last is None and base.finished > wanted:
                break
            return Stop(base, archive.timeline, record.lsn, False, _commit(last), _commit(record))
        else:
            if last is None and base.finished > wanted:
                break
            window = Window(oldest.finished, last.time if last else None)
            raise BeyondArchiveError(f"The archived log does not reach {target}. What can be reached is {window}.")
    until = _last_time(archive, bases[0])
    raise TitanError(
        f"{target} cannot be reached: no backup was finished by then. What can be reached is {Window(oldest.finished, until)}."
    )


def _commits(archive: Archive, base: Base) -> Iterator[Record]:
    for record in archive.records(archive.number_of(base.first), None, ("Transaction",)):
        if record.kind == COMMIT:
            yield record


def _last_time(archive: Archive, base: Base) -> datetime | None:
    times = [record.time for record in _commits(archive, base)]
    return times[-1] if times else None


def end_of_archive(archive: Archive, bases: Sequence[Base], target: Target) -> Stop:
    """Where the archive ends, for a time after which nothing was committed: at the last restore point that it holds.

    Raises:
        TitanError: there is none after the newest backup, or something was committed after the time.
    """
    wanted = _known(target.time)
    base = next((each for each in bases if each.finished <= wanted), bases[-1])
    last: Record | None = None
    point: Record | None = None
    for record in archive.records(archive.number_of(base.first), None, ("Transaction", "XLOG")):
        if record.kind == COMMIT:
            if _known(record.time) > wanted:
                break
            last = record
        elif record.kind == RESTORE_POINT:
            point = record
        elif record.kind == OTHER and point and point.lsn >= base.stop and (last is None or point.lsn > last.lsn):
            return Stop(base, archive.timeline, point.lsn, True, _commit(last), None)
    raise TitanError(f"The end of the archived log is not where it was expected. Try {target} again.")


def _commit(record: Record | None) -> Commit | None:
    return Commit(record.xid, record.time) if record and record.time else None
