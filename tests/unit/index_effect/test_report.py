# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: every kind of result in it, the same in the table, the page, the data and the record."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.health.report.measured import measured_text
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.sections import measured_indexes
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.data import data_of, record_of
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.indexes import Index
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.queries import Skipped
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.record import from_json
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.report import (
    page_of,
    served_by,
    text_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.result import (
    Effect,
    IndexResult,
    Result,
    Side,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.verdict import Round, judge
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.writes import Cost, Costs


def _index(name: str, **more: Any) -> Index:
    values = {"unique": False, "needed": "", "bytes": 1_200_000, **more}
    return Index(1, "public", name, name, "orders", 2, f"CREATE INDEX {name} ON orders (a)", "ON orders (a)", **values)


def _side(index: str) -> Side:
    return Side((index,), f"Index Scan {index}", frozenset({index}), 4.0)


def _effect(query: str, index: str, rounds: list[Round], changed: bool = True) -> Effect:
    without = Side(("seq",), "Seq Scan orders", frozenset(), 1037.0) if changed else _side(index)
    return Effect(
        query, (index,), without, _side(index), tuple(rounds), judge(rounds, changed) if rounds else None, index
    )


def _cost(without: float, present: float) -> Cost:
    return Cost(without, present, judge([Round(without, present, without)] * 12))


def _result(one_by_one: bool = False) -> Result:
    effects = (
        _effect("newest", "by_time", [Round(15.6, 0.26, 15.5)] * 12),
        _effect("twin", "by_user", [Round(0.3, 0.2, 0.3)] * 12, changed=False),
    )
    serves = served_by(effects)
    indexes = (
        IndexResult(_index("by_time"), 0.5, Costs(_cost(10, 12), _cost(10, 10)), serves.get("by_time", ())),
        IndexResult(_index("by|user", unique=True, bytes=8192), 0.1, Costs(why="the table has fewer than 20 rows"), ()),
    )
    skipped = (Skipped("broken", "PostgreSQL says: no such table"),)
    return Result(
        "/b/x.dump", "18.6", "titan", one_by_one, effects, indexes, ("orders_pkey: the constraint orders_pkey",), skipped,
        ("idx_twin",), 2, 12, 5, 1, 1.5,
    )  # fmt: skip


def test_the_text_says_it_all() -> None:
    text = text_of(_result())
    assert "59.8 times faster" in text and "no effect: the same plan" in text and "Index Scan by_time" in text
    assert "2.0 us (+20 %)" in text and "nothing that is seen (spread 1.00)" in text and "unknown" in text
    assert "none of the 2 queries (keeps duplicates out)" in text and "1.2 MB" in text and "8 kB" in text
    for said in ("broken was not measured: PostgreSQL says: no such table.", "idx_twin is not there", "orders_pkey"):
        assert said in text
    assert "fewer than 20 rows" in text


def test_one_by_one_shows_what_changes_a_plan_and_counts_the_rest() -> None:
    text = text_of(_result(one_by_one=True))
    assert "newest, by_time" in text and "\ntwin" not in text
    assert "Of 4 pairs of a query and an index, 3 have the same plan" in text


def test_the_page_has_the_same_rows_and_no_cell_breaks_its_table() -> None:
    page = page_of(_result())
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") - line.count("\\|") for line in rows} == {9, 8}
    assert "| newest | 15.55 | 0.26 | 1.0 | 1,037 | 4 | 59.8 times faster | Index Scan by_time |" in rows
    assert page.startswith("# ") and page.endswith("\n") and "by\\|user" in page


def test_the_data_is_json_and_has_each_verdict() -> None:
    data = json.loads(json.dumps(data_of(_result())))
    assert [(each["name"], each["effect"]) for each in data["queries"]] == [("newest", "faster"), ("twin", "none")]
    first, second = data["indexes"]
    assert first["serves"] == ["newest"] and first["insert"]["seen"] and not first["update"]["seen"]
    assert second["insert"] is None and data["not_measured"][0]["name"] == "broken"


def test_an_index_serves_a_query_that_is_faster_for_it_only() -> None:
    slower = _effect("slow", "by_time", [Round(1, 9, 1)] * 12)
    unseen = _effect("same", "by_time", [Round(1, 1, 1)] * 12)
    unused = _effect("fast", "by_time", [Round(9, 1, 9)] * 12)._replace(present=_side("another"))
    assert served_by([slower, unseen, unused, _effect("not measured", "by_time", [])]) == {}


def test_the_record_comes_back_as_it_was_and_a_damaged_one_is_none() -> None:
    kept = json.loads(json.dumps(record_of(_result(one_by_one=True), 1000.0)))
    found = from_json(kept)
    assert found and found.at == 1000.0 and found.effects == (("newest (by_time)", "59.8 times faster"),)
    assert found.idle == (), "a unique index is not idle"
    assert "1 effect(s) make a query faster" in found.summary
    for damaged in ({}, {**kept, "effects": 1}, {**kept, "idle": [["x"]]}, {**kept, "at": "never"}):
        assert from_json(damaged) is None


def test_an_index_whose_verdict_was_hidden_by_noise_is_not_said_to_serve_nobody() -> None:
    noisy = _effect("busy", "by_time", [Round(2.5, 4, 7.5) if n % 3 == 0 else Round(2.5, 1, 7.5) for n in range(12)])
    unknown = served_by([noisy], "unknown")
    result = _result(one_by_one=True)
    hidden, told = (
        result._replace(
            effects=(noisy,), indexes=(IndexResult(_index("by_time"), 0.5, Costs(), serves=(), unknown=names),)
        )
        for names in (unknown["by_time"], ())
    )
    assert served_by([noisy]) == {} and record_of(hidden, 1.0)["idle"] == []
    assert record_of(told, 1.0)["idle"] == [["by_time", 1_200_000]], "as it would have been said"
    assert "no verdict: too noisy" in text_of(hidden) and "unknown: busy" in text_of(hidden)
    assert "0 of 1 indexes serve none" in str(record_of(hidden, 1.0)["summary"]) and "1 verdict(s)" in str(
        record_of(hidden, 1.0)["summary"]
    )


def test_the_weekly_report_and_its_page_show_what_is_recorded() -> None:
    kept = record_of(_result(one_by_one=True), 1000.0)
    kept["idle"] = [["idle <b>", 8192]]
    found = from_json(kept)
    assert found is not None
    text, part = measured_text(found), str(measured_indexes(found))
    for said in ("1970-01-01 00:16 UTC", "newest (by_time)", "59.8 times faster"):
        assert said in text and said in part
    assert "idle <b>" in text and "serves none of the queries" in text
    assert "idle &lt;b&gt;" in part and "<b>" not in part
