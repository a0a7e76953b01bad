# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of the nine indexes: what it calls an effect, what it calls none, and what plans say without a clock."""

from __future__ import annotations

import argparse

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from benchmarks.queries.run import Seen, measure, page


@pytest.mark.parametrize(
    ("without", "having", "plans", "verdict"),
    [
        ([9.0, 10.0, 11.0], [1.9, 2.0, 2.1], ("a", "b"), "5.0 times faster"),
        ([9.0, 10.0, 11.0], [19.0, 20.0, 21.0], ("a", "b"), "2.0 times slower"),
        ([9.0, 10.0, 30.0], [8.0, 9.5, 9.6], ("a", "b"), "no effect: inside the spread"),
        # Cold at first, warm ever after: a plain before and after would credit the index.
        ([50.0, 5.0, 5.1, 5.2], [5.0, 5.1], ("a", "b"), "no effect: inside the spread"),
        ([50.0, 40.0], [5.0, 5.1], ("same", "same"), "no effect: the same plan"),
    ],
)
def test_no_effect_is_reported_as_none(
    without: list[float], having: list[float], plans: tuple[str, str], verdict: str
) -> None:
    assert Seen("q", without, having, dict(zip((False, True), plans)), {False: 1, True: 1}).verdict == verdict


def test_the_nine_queries_without_with_and_without_again(titan: ConnectionSettings) -> None:
    results = measure(titan, rounds=1, repeats=3)
    assert [item.name[:2] for item in results] == [f"{number:02}" for number in range(1, 10)]
    for item in results:
        assert len(item.without) == 2 and len(item.having) == 1, "absent, present, absent"
        if item.name[:2] in ("06", "07"):
            # Their indexes were there under another name: no clock can make an effect of that.
            assert item.verdict == "no effect: the same plan" and item.ratio
            assert item.buffers[False] == item.buffers[True]
        if item.name[:2] in ("01", "02", "09"):
            assert "Seq Scan" in item.plans[False] and "Index Scan" in item.plans[True]
            # All orders of a market are a good part of the table: hardly a page less at the original's size.
            assert item.name[:2] == "09" or item.buffers[True] < item.buffers[False]
    with connect(titan) as database:
        assert database.value("SELECT to_regclass('public.idx_orders_created_at')") is None, "it leaves the base schema"
    text = page(results, argparse.Namespace(scale=1, rounds=1, repeats=3), "18")
    assert text.count("no effect: the same plan") >= 2 and text.count("\n| 0") == 9
