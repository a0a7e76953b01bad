# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal says a run takes: from clocks that are moved by hand."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.seen import Seen
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.texts import report_of, shown_range
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.timing import (
    Range,
    Round,
    Timing,
    Took,
    range_of,
)


class Host:
    """A clock, and the seconds for which others had the processor."""

    def __init__(self) -> None:
        self.clock, self.waited = 100.0, 7.0

    def spend(self, seconds: float, waited: float = 0.0) -> None:
        self.clock += seconds + waited
        self.waited += waited

    def timing(self) -> Timing:
        return Timing(lambda: self.clock, lambda: self.waited)


class Asking(Timing):
    """Asks its own questions at each statement, as a recorder does."""

    host: Host

    def statement_begins(self, text: str, line: int) -> None:
        with self._pause():
            self.host.spend(50, 20)
        super().statement_begins(text, line)


def _run(host: Host, timing: Timing) -> Round:
    host.spend(1, 0.5)  # connecting and planning
    timing.transaction_begins()
    host.spend(0.25)
    timing.statement_begins("SELECT", 1)
    host.spend(2, 4)
    timing.statement_ends(None)
    host.spend(0.25, 1)  # COMMIT
    timing.transaction_ends(True)
    host.spend(3)  # the history
    timing.statement_begins("VACUUM", 1)  # commits by itself
    host.spend(0.5, 0.125)
    timing.statement_ends(None)
    host.spend(1)
    return timing.round()


def test_transactions_and_single_statements_are_the_files_and_the_rest_is_the_runs() -> None:
    host = Host()
    timing = host.timing()
    host.spend(1000, 1000)
    timing.starts()
    found = _run(host, timing)
    assert found.files == Took(3 + 5.125, 5.125) and found.files.least == 3
    assert found.whole == Took(8 + 5.625, 5.625) and found.whole.least == 8


def test_what_the_observer_asks_is_not_the_runs() -> None:
    host = Host()
    asking = Asking(lambda: host.clock, lambda: host.waited)
    asking.host = host
    plain = Host()
    assert _run(host, asking) == _run(plain, plain.timing())


def test_the_range_is_from_the_least_without_waiting_to_the_most_with_it() -> None:
    assert range_of([Took(5.0, 3.0), Took(2.5, 0.25), Took(0.5, 0.0)]) == Range(0.5, 5.0)
    assert range_of([Took(5.0, 3.0)]) == Range(2.0, 5.0) and range_of([]) == Range(0.0, 0.0)
    assert Took(1.0, 1.5).least == 0.0, "two of its processes waited at once"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Range(0.17, 0.2), "170 to 200 ms"),
        (Range(0.17, 1.23), "170 ms to 1.2 s"),
        (Range(1.21, 1.24), "1.2 s"),
        (Range(1.2, 3.4), "1.2 to 3.4 s"),
        (Range(60.0, 125.0), "60.0 s to 2 min 5 s"),
        (Range(121.0, 125.0), "2 min 1 s to 2 min 5 s"),
    ],
)
def test_a_range_in_words(found: Range, words: str) -> None:
    assert shown_range(found) == words


def test_a_busy_host_is_named_where_the_range_is_wide_for_it() -> None:
    quiet = Seen(rounds=[Round(Took(0.4, 0.01), Took(0.6, 0.02)), Round(Took(0.5, 0.0), Took(0.7, 0.0))])
    report = report_of(quiet, [], "/srv/b.dump")
    assert "The files take 390 to 500 ms, the whole run 580 to 700 ms; they need" in report and "busy" not in report
    busy = Seen(rounds=[Round(Took(0.4, 0.01), Took(0.6, 0.02)), Round(Took(2.0, 1.5), Took(3.0, 2.0))])
    assert "up to 2.0 s of that is waiting for a processor" in report_of(busy, [], "/srv/b.dump")
