# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What production will feel, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from ..text.listed import listed
from ..text.one_line import printable
from ..text.sizes import shown_bytes
from .seen import STOPS_READERS, STOPS_WRITERS, STRENGTH, LockSeen, Seen, Sized, StatementSeen
from .timing import Range

_LISTED = 5
_NOT_NOTICED = 0.1  # seconds
_WORTH_A_WORD = 8192  # bytes; less log is written by nearly every statement


def shown_seconds(seconds: float) -> str:
    """As "3.1 s", "12 ms" or "2 min 5 s"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def shown_range(found: Range) -> str:
    """As "3.1 s" or "0.4 to 1.3 s"."""
    least, most = shown_seconds(found.least), shown_seconds(found.most)
    if least == most:
        return most
    number, _blank, unit = least.partition(" ")
    same = " min " not in least + most and most.endswith(f" {unit}")
    return f"{number if same else least} to {most}"


def effect_of(mode: str) -> str:
    """Whom a lock of this mode keeps waiting."""
    if mode in STOPS_READERS:
        return "readers and writers wait"
    return "writers wait" if mode in STOPS_WRITERS else "nobody waits"


def report_of(seen: Seen, problems: Sequence[str], backup: str) -> str:
    """The whole report, line by line."""
    lines = [f"Rehearsed on {printable(backup)}"]
    for action, title in (("apply", "Forward"), ("rollback", "Way back")):
        statements = [each for each in seen.statements if each.action == action]
        if statements:
            lines.append(f"{title}:")
            lines += _files(statements)
    lines.append(
        f"The files take {shown_range(seen.files)}, the whole run {shown_range(seen.whole)}; they need {shown_bytes(seen.room)} on the way."
    )
    lines.append(_busy(seen))
    lines.append(_way_back(seen))
    lines += [f"Not passed: {problem}" for problem in problems] or ["Passed."]
    return "\n".join(filter(None, lines))


def _files(statements: Sequence[StatementSeen]) -> list[str]:
    lines, last = [], ""
    for each in statements:
        if each.file != last:
            lines.append(f"  {printable(each.file)}")
        last = each.file
        where = f"line {each.line}" if each.line else "for it"
        lines.append(f"    {where}: {each.text}")
        lines += [f"      {sentence}" for sentence in sentences_of(each)]
    return lines


def sentences_of(each: StatementSeen) -> list[str]:
    """What is worth a word about one statement."""
    said = [shown_seconds(each.seconds)]
    said += [
        f"{lock.mode} on {lock.relation} for {shown_seconds(lock.seconds)}: {effect_of(lock.mode)}"
        for lock in sorted(each.locks, key=_order)
        if STRENGTH.index(lock.mode) > 1
    ]
    mode, table = each.documented
    if each.alone and mode and not each.failure and all(lock.mode != mode for lock in each.locks):
        said.append(f"{mode} on {table} is documented; it was held too shortly to be seen")
    grown = [item for item in each.rewritten if item.number]
    if grown:
        said.append(f"rewrites {_listed(grown, shown_bytes)}, needs {shown_bytes(each.room)}")
    if each.built:
        said.append(f"builds {_listed(each.built, shown_bytes)}")
    if each.scanned:
        said.append(f"reads all of {_listed(each.scanned, _rows)}")
    if each.changed:
        said.append(f"changes {_listed(each.changed, _rows)}")
    amounts = [
        f"{shown_bytes(number)} of {what}"
        for number, what in (
            (each.wal, "write-ahead log"),
            (each.temporary, "temporary files"),
            (each.growth, "growth"),
        )
        if number > _WORTH_A_WORD
    ]
    said += [", ".join(amounts)] if amounts else []
    return said + ([f"fails: {each.failure}"] if each.failure else [])


def _order(lock: LockSeen) -> tuple[int, str]:
    return -STRENGTH.index(lock.mode), lock.relation


def _rows(number: int) -> str:
    return f"{number:,} rows"


def _listed(items: Sequence[Sized], shown: Callable[[int], str]) -> str:
    return listed([f"{each.relation} ({shown(each.number)})" for each in items], _LISTED)


def _busy(seen: Seen) -> str:
    """Why the range is wide, if it is."""
    waited = max((each.whole.waited for each in seen.rounds), default=0.0)
    if waited < seen.whole.most / 3 or waited < _NOT_NOTICED:
        return ""
    return f"This host was busy: up to {shown_seconds(waited)} of that is waiting for a processor, at the low priority of a rehearsal."


def _way_back(seen: Seen) -> str:
    back = seen.back
    if back.tried and not back.why:
        if not back.differences and not back.again:
            return "Rolled back, and run again: the schema was first that of before, then that of after the files."
        return ""
    return f"Not rolled back: {back.why}." if back.why and not back.tried else ""
