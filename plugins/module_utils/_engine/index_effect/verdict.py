# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What times with and without something say: an effect, none, or nothing, because the machine is too busy. Pure.

Each round measures without, with, and without again. Under the hypothesis that there is no effect, the middle one is the least,
the middle, and the greatest of the three equally often, whatever the machine does from one round to the next; a drift makes it
the middle one. The sum of its ranks over the rounds is the statistic of van Elteren's test (Wilcoxon's rank sum, stratified;
Bulletin de l'Institut International de Statistique 37, 1960); its distribution is counted, not approximated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

# Beyond which the rank test calls an effect by chance: once in so many. The spread has to be exceeded, too.
SIGNIFICANCE = 0.001
# With fewer, even the clearest order of the ranks is not improbable enough.
FEWEST_ROUNDS = 7
_SPREAD = 0.9  # the share of the rounds whose two measurements of the same thing lie within the spread
FASTER, SLOWER, NONE, UNKNOWN = "faster", "slower", "none", "unknown"
# Where the same thing takes more than so many times as long a moment later, that no effect is seen says nothing: a factor that
# matters could hide in it.
_TOO_NOISY = 2.0
# For a query less is no effect: how the pages of a table happen to lie in memory does as much, and differs from one copy to the next.
LEAST = 1.2
_OFF = 1.05  # by which the median of some rounds is off at least


class Round(NamedTuple):
    """Milliseconds (or any other unit) of one round."""

    before: float
    present: float
    after: float

    def nearer(self, factor: float) -> Round:
        """The round as it would be if the effect were smaller by this factor."""
        return self._replace(present=self.present * factor)


class Verdict(NamedTuple):
    """What may be said.

    Attributes:
        effect: faster, slower, none, or unknown.
        factor: Median over the rounds of how many times as long it takes without; below 1 if it is slower with.
        spread: The factor between two measurements of the same thing in one round, which nine rounds of ten do not exceed.
        chance: How probable ranks as far apart are if there is no effect (both sides).
        reason: Why there is none, or no verdict: a sentence's end.
    """

    effect: str
    factor: float
    spread: float
    chance: float
    reason: str = ""

    @property
    def words(self) -> str:
        """For a table: "60.6 times faster", "no effect: the same plan", "no verdict: too noisy"."""
        if self.effect in (NONE, UNKNOWN):
            return f"no {'effect' if self.effect == NONE else 'verdict'}: {self.reason}"
        return f"{self.factor if self.effect == FASTER else 1 / self.factor:.1f} times {self.effect}"


def judge(rounds: Sequence[Round], plan_changed: bool = True, least: float = 1.0) -> Verdict:
    """The verdict over the rounds.

    Args:
        rounds: At least one; every value above 0.
        plan_changed: Whether the plan is another one with it. The same plan has no effect, whatever the clock says.
        least: A factor below which there is no effect; that it is above has to be as improbable to be chance.
    """
    factor = math.exp(median(math.log(each.before * each.after) / 2 - math.log(each.present) for each in rounds))
    spread, chance = spread_of(rounds), chance_of(rounds)
    if not plan_changed:
        return Verdict(NONE, factor, spread, chance, "the same plan")
    if chance > SIGNIFICANCE or max(factor, 1 / factor) <= spread:
        if spread > _TOO_NOISY:
            return Verdict(UNKNOWN, factor, spread, chance, "too noisy")
        if chance <= SIGNIFICANCE:
            return Verdict(NONE, factor, spread, chance, "inside the spread")
        large = _is_clear(factor, spread, LEAST)  # in most rounds, though not in enough of them
        return Verdict(UNKNOWN if large else NONE, factor, spread, chance, "the rounds do not agree")
    if max(factor, 1 / factor) < least:
        return Verdict(NONE, factor, spread, chance, f"below {least:.1f} times")
    if least > 1 and chance_of([each.nearer(least if factor > 1 else 1 / least) for each in rounds]) > SIGNIFICANCE:
        if _is_clear(factor, spread, least):
            return Verdict(UNKNOWN, factor, spread, chance, "the rounds do not agree")
        return Verdict(NONE, factor, spread, chance, f"not clearly above {least:.1f} times")
    return Verdict(FASTER if factor > 1 else SLOWER, factor, spread, chance)


def _is_clear(factor: float, spread: float, least: float) -> bool:
    """Whether a factor is outside the spread, and further beyond the least one than the median of some rounds is off."""
    return max(factor, 1 / factor) > max(spread, least * max(_OFF, math.sqrt(spread)))


def spread_of(rounds: Sequence[Round]) -> float:
    """How far apart the same thing was measured within a round; 1.0 for not at all. See Verdict.spread."""
    factors = sorted(max(each.before, each.after) / min(each.before, each.after) for each in rounds)
    return factors[math.ceil(_SPREAD * len(factors)) - 1]


def chance_of(rounds: Sequence[Round]) -> float:
    """The two-sided probability of ranks as far from the middle as these. Equal values count against an effect."""
    low = sum(1 + (each.before <= each.present) + (each.after <= each.present) for each in rounds)
    high = sum(1 + (each.before >= each.present) + (each.after >= each.present) for each in rounds)
    return min(1.0, 2 * _at_most(min(low, high), len(rounds)))


def _at_most(total: int, rounds: int) -> float:
    """How probable a sum of so many ranks of 1, 2 or 3 is that is not greater."""
    ways = [1]  # index: the sum less one for each round
    for _round in range(rounds):
        ways = [sum(ways[max(0, at - 2) : at + 1]) for at in range(len(ways) + 2)]
    return sum(ways[: max(0, total - rounds + 1)]) / 3**rounds
