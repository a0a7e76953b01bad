# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment tells of itself for the page of all environments. The shapes are what travels and is kept as JSON.

A host may tell anything: another version's words, or what somebody who has taken it over wants others to see.
"""

from __future__ import annotations

from typing import TypedDict, cast

from ..environment.status import WORDS

_LATEST = 253402300799.0  # the end of the year 9999, in seconds since 1970
_LARGEST = 1e18
_UNKNOWN = "unknown"


class Finding(TypedDict):
    """A check that is not ok; fix is the command that helps, or ""."""

    name: str
    status: str
    message: str
    fix: str


class Reached(TypedDict):
    """A recovery point or time beside its target, in seconds; None: unknown, or no target.

    now is what a disaster at the moment of asking would cost, worst the most of the trend. trend has, of a recovery point, the
    worst of each of the last days (the oldest first), of a recovery time what each timed restore took.
    """

    now: float | None
    worst: float | None
    target: float | None
    trend: list[float | None]


class EnvironmentRecord(TypedDict):
    """An environment at one moment; times in seconds since 1970, size in bytes (None: the database could not be asked)."""

    environment: str
    host: str
    database: str
    asked_at: float
    version: str
    state: str
    findings: list[Finding]
    size: int | None
    recovery_point: Reached
    recovery_time: Reached
    proven_at: float | None
    backups: int
    runs: int
    failed_runs: int


class Kept(TypedDict):
    """What the site keeps of a host.

    record is the newest that it told (None: never any), page_at the time of its page (0: there is none), failed_since the first of
    the tries that failed since then (0: the newest try did not), why that was.
    """

    name: str
    record: EnvironmentRecord | None
    page_at: float
    failed_since: float
    why: str


def kept_from_json(data: object) -> Kept | None:
    """What a file of data holds; None where that is another version's shape. A record of another shape is none."""
    if not isinstance(data, dict) or not set(Kept.__annotations__) <= set(data):
        return None
    texts = isinstance(data["name"], str) and isinstance(data["why"], str)
    if not texts or not _is_moment(data["page_at"]) or not _is_moment(data["failed_since"]):
        return None
    told = {name: data[name] for name in Kept.__annotations__}
    return cast(Kept, {**told, "record": record_from_json(data["record"])})


def record_from_json(data: object) -> EnvironmentRecord | None:
    """What a host has told; None where that is another shape. A state that is none of ours is unknown."""
    if not isinstance(data, dict) or not set(EnvironmentRecord.__annotations__) <= set(data):
        return None
    findings = data["findings"] if isinstance(data["findings"], list) else [None]
    sound = (
        all(isinstance(data[name], str) for name in ("environment", "host", "database", "version", "state"))
        and _is_moment(data["asked_at"])
        and (data["size"] is None or _is_number(data["size"]))
        and (data["proven_at"] is None or _is_moment(data["proven_at"]))
        and all(_is_number(data[name]) for name in ("backups", "runs", "failed_runs"))
        and all(_is_reached(data[name]) for name in ("recovery_point", "recovery_time"))
        and all(isinstance(each, dict) and _is_finding(each) for each in findings)
    )
    if not sound:
        return None
    told = {name: data[name] for name in EnvironmentRecord.__annotations__}
    told["state"] = _word(told["state"])
    told["findings"] = [
        {**{name: each[name] for name in Finding.__annotations__}, "status": _word(each["status"])}
        for each in data["findings"]
    ]
    return cast(EnvironmentRecord, told)


def _word(word: str) -> str:
    return word if word in WORDS else _UNKNOWN


def _is_finding(each: dict[str, object]) -> bool:
    return all(isinstance(each.get(name), str) for name in Finding.__annotations__)


def _is_reached(data: object) -> bool:
    if not isinstance(data, dict) or not set(Reached.__annotations__) <= set(data):
        return False
    trend = data["trend"] if isinstance(data["trend"], list) else [""]
    return all(each is None or _is_number(each) for each in (data["now"], data["worst"], data["target"], *trend))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST  # no NaN


def _is_moment(value: object) -> bool:
    return _is_number(value) and 0 <= cast(float, value) <= _LATEST
