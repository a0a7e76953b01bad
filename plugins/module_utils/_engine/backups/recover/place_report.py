# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a recovered cluster that takes, or has taken, the live one's place."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ...outcome import Data, Outcome
from ...text.one_line import printable
from ..catalog.exchanges import Exchange
from ..place.live import Live


def plan_lines(live: Live, options: Mapping[str, Any]) -> list[str]:
    """What a run would do to the live cluster."""
    lines = [
        f"  Then it would be recovered into the place of {live.data}: {_databases(live)} go back to the moment.",
        f"  Stopped and started by {live.control}; the live directory would be kept as {live.data}.before_<time>.",
    ]
    lines += [f"  Would be left behind: {each}" for each in live.standbys]
    confirmed = [] if options["data_directory"] else [f"  To confirm that: --data-directory {shlex.quote(live.data)}"]
    return lines + confirmed


def _databases(live: Live) -> str:
    return f"all databases ({', '.join(live.databases)})"


def place_lines(done: Exchange) -> list[str]:
    """What has come out."""
    return [
        f"  It has taken the place of {done.data}, on timeline {done.timeline}; the server is running and was verified.",
        f"  Kept, and removed by nothing: {done.outgoing}",
        f"  Back in one command: titan-db recover --put-back {shlex.quote(done.outgoing)}",
        f"  Backup of the new timeline, proven: {done.backup}"
        if done.backup
        else "  Its timeline has no proven backup yet.",
    ]


def place_data(done: Exchange) -> Data:
    """As it is documented under "place"."""
    return {
        "data_directory": done.data, "kept": done.outgoing, "timeline": done.timeline, "backup": done.backup or None,
        "unit": done.control["unit"] or None,
    }  # fmt: skip


def place_warnings(live: Live) -> list[str]:
    """What is left to do for people."""
    found = [f"It can no longer follow and has to be recreated: {each}." for each in live.standbys]
    return found + watch_warnings(live)


def watch_warnings(live: Live) -> list[str]:
    """Where systemd has lost the server from its eyes."""
    control = live.control
    if not control.unit or control.by_systemd:
        return []
    stop = f"sudo pg_ctlcluster {' '.join(map(shlex.quote, control.cluster))} stop && sudo systemctl start {shlex.quote(control.unit)}"
    return [f"The server was started by its owner, so systemd no longer watches it. When convenient: {stop}"]


def finished_outcome(done: Exchange | None, warnings: Sequence[str]) -> Outcome:
    """Of an exchange whose backup an earlier run had not come to."""
    if done is None:
        raise AssertionError("neither a recovery nor an exchange")
    lines = [f"{done.data} was exchanged by an earlier run for the cluster as of {done.moment}.", *place_lines(done)]
    data: Data = {
        "target": done.moment, "backup": None, "lsn": None, "timeline": None, "proof": None, "checks": [], "dump": None,
        "handed_on": None, "place": place_data(done),
    }  # fmt: skip
    return Outcome(True, data, "\n".join(map(printable, lines)), "", f"{done.backup}\n", tuple(warnings))


def planned_back(planned: Exchange, live: Live, warnings: Sequence[str]) -> Outcome:
    """What putting back would do."""
    lines = [
        f"Would put {planned.incoming} back into the place of {planned.data}: all that was written since is not in it.",
        f"  Stopped and started by {live.control}; the directory that is live now would be kept as {planned.outgoing}.",
    ]
    return _back(planned, lines, warnings)


def put_back_outcome(done: Exchange, warnings: Sequence[str]) -> Outcome:
    """What putting back has done."""
    lines = [
        f"{done.incoming} is back in the place of {done.data}, on timeline {done.timeline}; the server is running and was verified.",
        f"  Kept, and removed by nothing: {done.outgoing}",
        f"  Back in one command: titan-db recover --put-back {shlex.quote(done.outgoing)}",
        f"  Backup of its timeline, proven: {done.backup}",
    ]
    return _back(done, lines, warnings)


def _back(exchange: Exchange, lines: list[str], warnings: Sequence[str]) -> Outcome:
    data: Data = {
        "target": None, "backup": None, "lsn": None, "timeline": None, "proof": None, "checks": [], "dump": None, "handed_on": None,
        "place": place_data(exchange),
    }  # fmt: skip
    before, after = f"{exchange.data}: as it runs\n", f"{exchange.data}: {exchange.incoming}\n"
    return Outcome(True, data, "\n".join(map(printable, lines)), before, after, tuple(warnings))
