# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery says: its plan, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import TitanError
from ...outcome import Data, Outcome
from ...text.one_line import printable
from ..catalog.exchanges import Exchange
from ..proof.look import Check
from .hand_on import DUMP, LOOK, PLACE, ROWS, TABLES, dump_directory
from .place_report import place_data, place_lines
from .proof import Proof
from .records import lsn_text
from .stop import Commit, Stop
from .target import DROP, Target, format_moment


class Recovered(NamedTuple):
    """What is said of a recovered cluster.

    Attributes:
        stop: Where it stopped.
        proof: That it did.
        checks: What the database was asked.
        database: Its name.
    """

    stop: Stop
    proof: Proof
    checks: Sequence[Check]
    database: str


def planned(
    target: Target, stop: Stop, options: Mapping[str, Any], place: Sequence[str] = (), warnings: Sequence[str] = ()
) -> Outcome:
    """What a run would do."""
    lines = [f"Would recover {target} from backup {stop.base.label}, beside the live server.", *_sides(stop)]
    if target.kind == DROP:
        lines.append(
            "  Which table that transaction dropped is seen after the recovery; if it is another one, an older one is tried."
        )
    lines += place or [f"  {_then(options)}"]
    data = {**_data(target, stop), "proof": None, "checks": [], "dump": None, "handed_on": None, "place": None}
    changes = options["action"] != LOOK
    after = f"{_then(options)}\n" if changes else ""
    return Outcome(changes, data, "\n".join(map(printable, lines)), "", after, tuple(warnings))


def not_yet(target: Target, error: TitanError) -> Outcome:
    """What check mode says of a time after the last commit in the archive."""
    said = f"{error.message} A run lets the server archive its current segment first, and looks again."
    data: Data = {
        "target": str(target), "backup": None, "lsn": None, "timeline": None, "proof": None, "checks": [], "dump": None,
        "handed_on": None, "place": None,
    }  # fmt: skip
    return Outcome(False, data, printable(said), warnings=(said,))


def outcome_of(
    target: Target,
    seen: Recovered,
    dump: str,
    handed: Outcome | None,
    warnings: tuple[str, ...],
    placed: Exchange | None = None,
) -> Outcome:
    """What was done."""
    stop, proof = seen.stop, seen.proof
    lines = [f"Recovered {target} from backup {stop.base.label}: database {seen.database!r}.", *_sides(stop, proof)]
    lines.append(f"  It left timeline {proof.left[0]} at {lsn_text(proof.left[1])} for timeline {proof.timeline}.")
    if seen.checks:
        lines.append(f"  {len(seen.checks)} check(s) returned true.")
    if placed:
        lines += place_lines(placed)
    else:
        lines.append(f"  Dump: {dump}" if dump else "  The recovered cluster was removed.")
    if handed:
        lines += handed.summary.splitlines()
    data = {
        **_data(target, stop), "proof": proof.as_data(stop), "checks": [each._asdict() for each in seen.checks], "dump": dump or None,
        "handed_on": handed.data if handed else None, "place": place_data(placed) if placed else None,
    }  # fmt: skip
    before, after = (handed.before, handed.after) if handed else ("", f"{dump}\n" if dump else "")
    if placed:
        before, after = f"{placed.data}: as it runs\n", f"{placed.data}: {target}\n"
    return Outcome(
        bool(dump or placed),
        data,
        "\n".join(map(printable, lines)),
        before,
        after,
        (*warnings, *(handed.warnings if handed else ())),
    )


def _data(target: Target, stop: Stop) -> Data:
    return {"target": str(target), "backup": stop.base.label, "lsn": lsn_text(stop.lsn), "timeline": stop.timeline}


def _sides(stop: Stop, proof: Proof | None = None) -> list[str]:
    """Both sides of the moment, and what the recovered server says of them."""
    return [
        f"  last transaction before: {_side(stop.last, proof.last if proof else '')}",
        f"  first transaction after: {_side(stop.next, proof.next if proof else '')}",
    ]


def _side(commit: Commit | None, status: str) -> str:
    if not commit:
        return "none"
    return f"{commit.xid}, committed at {format_moment(commit.time)}" + (
        f"; in the recovered cluster: {status}" if status else ""
    )


def _then(options: Mapping[str, Any]) -> str:
    tables, folder = ", ".join(options["tables"] or ()), dump_directory(options)
    return {
        LOOK: "Then the recovered cluster is removed.",
        DUMP: f"Then its database is dumped to {folder}.",
        TABLES: f"Then its database is dumped to {folder}, and {tables} brought beside the live tables.",
        PLACE: "Then it takes the place of the live cluster.",
        ROWS: f"Then its database is dumped to {folder}, and lost rows of {tables or 'all tables'} put back.",
    }[options["action"]]
