# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the evidence, and its JSON schema. Times are texts as 2026-11-26T02:00:00Z."""

from __future__ import annotations

from typing import Any, TypedDict

from ..outcome import Data

FORMAT = 1


class BackupEvidence(TypedDict):
    """A backup that is kept; proof is proven (by a restore), checksum or unproven, problem why it must not be relied on."""

    file: str
    name: str
    database: str
    started: str
    finished: str
    bytes: int
    sha256: str
    format: str
    proof: str
    proven_at: str | None
    restore_seconds: float | None
    pinned: bool
    problem: str
    server_version: str
    made_by_version: str


class DeletionEvidence(TypedDict):
    """What a clean-up did for one policy: rows that were due, and that were deleted or marked."""

    policy: str
    due: int
    done: int


class RunEvidence(TypedDict):
    """An ended run of a job; failed ones have a message. numbers are those of its metrics."""

    job: str
    run: str
    started: str
    seconds: float
    status: int
    message: str
    numbers: dict[str, float]
    deletions: list[DeletionEvidence]


class AlertEvidence(TypedDict):
    """A job's newest message about a failure: when, and whether any channel took it."""

    job: str
    sent: str | None
    delivered: bool
    reason: str
    failures_in_a_row: int
    last_success: str | None


class Evidence(TypedDict):
    """What an environment has to show; limits says in sentences what is not in it."""

    format: int
    environment: str
    host: str
    made_at: str
    since: str
    until: str
    version: str
    python: str
    backups: list[BackupEvidence]
    runs: list[RunEvidence]
    alerts: list[AlertEvidence]
    undelivered_messages: int
    limits: list[str]


_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
_SHAPES: dict[str, Data] = {
    "str": _TEXT,
    "int": _WHOLE,
    "float": _NUMBER,
    "bool": {"type": "boolean"},
    "float | None": {"type": ["number", "null"]},
    "dict[str, float]": {"type": "object", "additionalProperties": _NUMBER},
    "list[str]": {"type": "array", "items": _TEXT},
}
_TIMES = ("started", "finished", "proven_at", "sent", "last_success", "made_at", "since", "until")


def schema() -> Data:
    """The JSON schema (2020-12) of the evidence, from the types above."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Evidence of titan.database",
        **_of(Evidence),
    }


def _of(kind: Any) -> Data:
    names = {name: str(getattr(each, "__forward_arg__", each)) for name, each in kind.__annotations__.items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(names),
        "properties": {name: _field(name, shape) for name, shape in names.items()},
    }


def _field(name: str, shape: str) -> Data:
    if name in _TIMES:
        return {"anyOf": [_TIME, {"type": "null"}]} if shape.endswith("None") else _TIME
    for kind in (BackupEvidence, RunEvidence, AlertEvidence, DeletionEvidence):
        if shape == f"list[{kind.__name__}]":
            return {"type": "array", "items": _of(kind)}
    return {"const": FORMAT} if name == "format" and shape == "int" else _SHAPES[shape]
