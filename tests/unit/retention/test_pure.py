"""Durations, policies, overlap, the planner and the batch size: no database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.retention.plan.pages import page_ranges
from ansible_collections.titan.database.plugins.module_utils._engine.retention.plan.planner import (
    Facts,
    choose,
    next_batch,
    page_bounds,
)
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.filters import Filter
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.parse import (
    parse_policy,
    split_table,
)
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.policy import (
    named,
    overlaps,
    shown,
)
from ansible_collections.titan.database.plugins.module_utils._engine.text.durations import Duration, parse_duration
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "meant", "said"),
    [
        ("90 days", Duration(days=90), "90 days"),
        ("0 seconds", Duration(), "0 seconds"),
        ("26h", Duration(seconds=26 * 3600), "26 hours"),
        ("1 week 2 days", Duration(days=9), "9 days"),
        ("1 Year, 6 MONTHS", Duration(months=18), "18 months"),
        ("  90min ", Duration(seconds=5400), "90 minutes"),
        ("1 day 1 s", Duration(days=1, seconds=1), "1 day 1 second"),
    ],
)
def test_durations(text: str, meant: Duration, said: str) -> None:
    assert parse_duration("keep", text, calendar=True) == meant
    assert str(meant) == said


@pytest.mark.parametrize(
    "text", ["", " ", "90", "days", "-1 day", "1.5 days", "1 day ago", "1 d;", "1 fortnight", "²days"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(OptionError, match="keep"):
        parse_duration("keep", text, calendar=True)


def test_months_only_where_a_calendar_makes_sense() -> None:
    with pytest.raises(OptionError):
        parse_duration("max_runtime", "1 month")


@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 10**8))
def test_a_duration_reads_back_from_what_it_says(months: int, days: int, seconds: int) -> None:
    one = Duration(months, days, seconds)
    assert parse_duration("keep", str(one), calendar=True) == one


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("logs", ("", "logs")),
        ("a.b", ("a", "b")),
        ('"a.b".c', ("a.b", "c")),
        ('a."b""c."', ("a", 'b"c.')),
        ("Mixed Case", ("", "Mixed Case")),
        ("it's; --", ("", "it's; --")),
    ],
)
def test_table_names(text: str, meant: tuple[str, str]) -> None:
    assert split_table("table", text) == meant


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a.b.c", '"a', '"a"b', '""', 'a."'])
def test_what_is_no_table_name(text: str) -> None:
    with pytest.raises(OptionError):
        split_table("table", text)


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_quoted_name_reads_back(schema: str, name: str) -> None:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    assert split_table("table", quoted) == (schema, name)


def policy(**changes: Any) -> Any:
    return parse_policy(
        {"table": "s.t", "column": "at", "keep": "1 day", "where": None, "mode": "delete", "mark": None, **changes}, "p"
    )


def where(**changes: Any) -> dict[str, Any]:
    return {"column": "level", "in": None, "equals": None, "is_null": None, "ignore_case": False, **changes}


FILTERS = st.one_of(
    st.just(None),
    st.builds(lambda values, fold: Filter("level", "in", tuple(sorted(v.lower() if fold else v for v in values)), fold),
              st.sets(st.sampled_from(["a", "A", "b", "B", "c"]), min_size=1), st.booleans()),
    st.builds(lambda kind: Filter("level", kind), st.sampled_from(["is_null", "is_not_null"])),
    st.just(Filter("level", "in", ("a",), sql_condition="n > 1")),
    st.just(Filter(sql_condition="n > 1")),
)  # fmt: skip


def passes(one: Filter | None, value: str | None) -> bool:
    if one is None:
        return True
    if not one.kind:
        return True  # what SQL says nobody knows here, so a row could pass
    if one.kind != "in":
        return (value is None) == (one.kind == "is_null")
    return value is not None and (value.lower() if one.ignore_case else value) in one.values


@given(FILTERS, FILTERS)
def test_policies_overlap_exactly_when_a_row_could_fall_under_both(one: Filter | None, other: Filter | None) -> None:
    from dataclasses import replace

    pair = [replace(policy(), where=one, name="1"), replace(policy(), where=other, name="2")]
    both = any(passes(one, value) and passes(other, value) for value in (None, "a", "A", "b", "B", "c", "C", "z"))
    assert bool(overlaps(pair)) == both


def test_other_tables_and_other_columns() -> None:
    by_user = policy(where={**where(equals="x"), "column": "service"})
    assert overlaps([policy(where=where(equals="a")), by_user])
    assert not overlaps([policy(), policy(table="s.other")])


def test_values_are_texts_of_the_server() -> None:
    assert policy(where=where(equals=True)).where.values == ("true",)
    assert policy(where=where(**{"in": [1, "two", 3.5]})).where.values == ("1", "two", "3.5")
    assert policy(where=where(**{"in": ["INFO", "info"]}, ignore_case=True)).where.values == ("info",)


def test_names_are_made_and_shown_in_order() -> None:
    made = named(
        [policy(where=where(**{"in": ["b", "a"]}, ignore_case=True)), policy(name="first", table="s.a", keep="2 days")]
    )
    assert [one.name for one in made] == ["s.t where level in (b, a) in any case", "first"]
    assert shown(made).splitlines()[0] == "first: s.a.at keep 2 days"


@pytest.mark.parametrize(
    ("facts", "kind", "word"),
    [
        (Facts(100, 0, 10), "none", "no row"),
        (Facts(100, 50, 10), "tid_sweep", "no index"),
        (Facts(10**6, 10**3, 10**4, "i"), "keyset", "0.1%"),
        (Facts(10**6, 9 * 10**5, 10**4, "i"), "tid_sweep", "90%"),
        (Facts(10**6, 10**5, 10**4, "i", largest_tie=90_000), "tid_sweep", "share one time"),
        (Facts(10**6, 10**6, 10**4, "i", expired=True), "drop_partition", "whole partition"),
        (Facts(0, 0, 0, expired=True), "drop_partition", "whole partition"),
        (Facts(10**6, 10**4, 10**4, key="k", key_share=0.01, span=9000), "pk_window", "1.0% of the key's values"),
        (
            Facts(10**6, 10**4, 10**4, "i", largest_tie=90_000, key="k", key_share=0.01, span=9000),
            "pk_window",
            "share one time",
        ),
        (Facts(10**6, 10**4, 10**4, key="k", key_share=0.01, span=100), "tid_sweep", "100 of 10,000 pages"),
        (Facts(10**6, 10**4, 10**4, key="k", key_share=0.9, span=9000), "tid_sweep", "9,000 of 10,000 pages"),
        (Facts(10**6, 10**4, 10**4, "i", key="k", key_share=0.01, span=9000), "keyset", "walks index i"),
    ],
)
def test_the_planner_chooses_and_says_why(facts: Facts, kind: str, word: str) -> None:
    chosen = choose(facts)
    assert chosen.kind == kind and word in chosen.reason


@given(st.integers(100, 20_000), st.floats(1e-6, 100), st.floats(0.01, 10))
def test_the_batch_stays_in_bounds_and_follows_the_target(size: int, seconds: float, target: float) -> None:
    after = next_batch(size, seconds, target, 100, 20_000)
    assert 100 <= after <= 20_000
    if seconds > target:
        assert after < size or after == 100
    if seconds < 0.2 * target:
        assert after > size or after == 20_000


def test_somebody_who_waited_halves_the_batch() -> None:
    assert next_batch(1000, 1e-3, 0.1, 100, 20_000) == 2000
    assert next_batch(1000, 1e-3, 0.1, 100, 20_000, waited=True) == 500


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9**5), st.integers(1, 300)), min_size=1, max_size=9))
def test_the_place_holds_every_due_row(rows: list[tuple[int, int, int]]) -> None:
    groups = [
        {"leaf": 1, "due_0": due, "first_0": f"({page},1)" if due else None, "last_0": f"({page + 3},{item})" if due else None}
        for due, page, item in rows
    ]  # fmt: skip
    found = page_ranges(groups, 0).get(1)
    due = [page for count, page, _item in rows if count]
    assert bool(found) == bool(due)
    if found:
        assert (found.first_page, found.last_page) == (min(due), max(due) + 3)
        assert found.span == found.last_page - found.first_page + 1 and found.key == ""


@pytest.mark.parametrize(
    ("facts", "thinly"),
    [
        (Facts(10**6, 10**4, 10**4, span=9000), True),
        (Facts(10**6, 10**4, 10**4, span=100), False),  # so few pages are read anyway
        (Facts(10**6, 10**4, 10**4, span=300), False),  # and these are full of due rows
        (Facts(10**6, 5 * 10**5, 10**4, span=10**4), False),
    ],
)
def test_the_key_is_looked_at_only_where_it_can_gain_something(facts: Facts, thinly: bool) -> None:
    assert facts.thinly_spread == thinly
    if (
        not thinly and facts.span >= 256
    ):  # a key leads to no fewer pages: the due rows are at least this part of its values
        share = facts.due / facts.rows
        assert not replace(facts, key="k", key_share=share).narrow_key


def test_steering_settles_below_the_target() -> None:
    size = 1000
    for _round in range(50):
        size = next_batch(size, size * 20e-6, 0.1, 100, 20_000)  # 20 microseconds a row
    assert 0.015 < size * 20e-6 < 0.04


@given(st.integers(0, 10**9), st.integers(0, 10**7))
def test_page_bounds_are_usable(rows: int, pages: int) -> None:
    smallest, first, largest = page_bounds(rows, pages)
    assert 1 <= smallest <= first <= largest
