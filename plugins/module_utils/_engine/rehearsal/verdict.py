# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rehearsal has passed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..text.durations import parse_seconds
from ..text.sizes import parse_bytes, shown_bytes
from .seen import STOPS_WRITERS, Seen
from .texts import shown_seconds


class Limits(NamedTuple):
    """What is allowed: seconds, bytes, seconds; None for no limit. rollback: as the option says."""

    block: float | None
    disk: int | None
    duration: float | None
    rollback: str


def limits_of(options: Mapping[str, Any]) -> Limits:
    """The limits.

    Raises:
        OptionError: one is no length of time, or no size.
    """
    block, disk, duration = options["max_block"], options["max_disk"], options["max_duration"]
    return Limits(
        parse_seconds("max_block", _with_fraction(block)) if block else None,
        parse_bytes("max_disk", disk) if disk else None,
        parse_seconds("max_duration", _with_fraction(duration)) if duration else None,
        options["rollback"],
    )


def _with_fraction(text: object) -> object:
    """Milliseconds as seconds: "500ms" is 0.5 s."""
    written = str(text).strip()
    number = written[:-2].strip() if written.lower().endswith("ms") else ""
    return f"{int(number) / 1000:.3f}" if number.isascii() and number.isdigit() else text


def problems_of(seen: Seen, limits: Limits) -> list[str]:
    """Why it has not passed; empty if it has."""
    found = [f"It fails: {seen.failure}"] if seen.failure else []
    if limits.block is not None:
        found += [
            f"{each.file}, line {each.line}: {lock.mode} on {lock.relation} for {shown_seconds(lock.seconds)}; "
            f"max_block is {shown_seconds(limits.block)}."
            for each in seen.forward
            for lock in each.locks
            if lock.mode in STOPS_WRITERS and lock.seconds > limits.block
        ]
    if limits.disk is not None and seen.room > limits.disk:
        found.append(f"The files need {shown_bytes(seen.room)} on the way; max_disk is {shown_bytes(limits.disk)}.")
    if limits.duration is not None and seen.seconds > limits.duration:
        found.append(f"The files take {shown_seconds(seen.seconds)}; max_duration is {shown_seconds(limits.duration)}.")
    return found + _of_the_way_back(seen, limits)


def _of_the_way_back(seen: Seen, limits: Limits) -> list[str]:
    back = seen.back
    if seen.failure or limits.rollback == "skip":
        return []
    if not back.tried:
        needed = limits.rollback == "required" and back.why
        return [f"The files cannot be rolled back: {back.why}; rollback is required."] if needed else []
    if back.why:
        return [f"The rollback fails: {back.why}"]
    found = [f"After the rollback, {what}." for what in back.differences]
    return found + [f"After running them again: {what}" for what in back.again]
