"""How long answers are waited for: a busy machine's are late, those of a silent network never come."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.pool_clients import Answers


class Probe:
    """A thread that is answered at these moments of its own clock, and ends with the last one, or never."""

    def __init__(self, moments: list[float], ends: bool) -> None:
        self.now, self._moments, self._ends = 0.0, moments, ends
        self.answers = Answers(lambda: self.now)

    def is_alive(self) -> bool:
        return bool(self._moments) or not self._ends

    def join(self, seconds: float) -> None:
        until = self.now + seconds
        while self._moments and self._moments[0] <= until:
            self.now = self._moments.pop(0)
            self.answers.count()
            if not self.is_alive():
                return
        self.now = until


@pytest.mark.parametrize(
    ("moments", "ends", "given_up_at"),
    [
        ([1, 2, 3], True, None),
        ([7, 14, 21, 28], True, None),
        ([1, 2], False, 10.0),
        ([], False, 8.0),
        ([float(second) for second in range(100)], True, 32.0),
    ],
    ids=["quick", "late", "silent", "silent from the start", "without an end"],
)
def test_answers_are_waited_for_while_they_come(moments: list[float], ends: bool, given_up_at: float | None) -> None:
    probe = Probe(list(moments), ends)
    quiet = probe.answers.wait(probe, 8.0, 32.0)
    assert probe.is_alive() is (given_up_at is not None)
    if given_up_at is not None:
        assert probe.now == given_up_at and quiet == min(
            8.0, given_up_at - max([0.0, *(m for m in moments if m <= given_up_at)])
        )
