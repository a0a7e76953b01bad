"""Which index makes which superfluous, and what a rebuild gives back: no database."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.reindex.bloat import (
    Pages,
    estimated_pages,
    measured_pages,
    share,
)
from ansible_collections.titan.database.plugins.module_utils._engine.reindex.duplicates import (
    IndexShape,
    find_redundant,
)
from hypothesis import given
from hypothesis import strategies as st


def index(oid: int, keys: str, **changes: Any) -> IndexShape:
    made = tuple(f"{key}\x1fops\x1f0\x1f0" for key in keys.split())
    return IndexShape(
        **{"oid": oid, "schema": "s", "name": f"i{oid}", "table": "s.t", "method": "btree", "keys": made, **changes}
    )


def found(*indexes: IndexShape) -> list[tuple[str, str, str]]:
    return [(one.index.name, one.keeper.name, one.kind) for one in find_redundant(indexes)]


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [
        ([index(1, "a"), index(2, "a")], [("i2", "i1", "exact")]),
        ([index(1, "a"), index(2, "a"), index(3, "a")], [("i2", "i1", "exact"), ("i3", "i1", "exact")]),
        ([index(1, "a"), index(2, "a b")], [("i1", "i2", "prefix")]),
        ([index(1, "a b"), index(2, "b")], []),
        ([index(1, "a"), index(2, "a", unique=True, bound=True)], [("i1", "i2", "unique_duplicate")]),
        ([index(1, "a", unique=True), index(2, "a b")], []),
        ([index(1, "a", bound=True), index(2, "a b")], []),
        ([index(1, "a"), index(2, "a", predicate="x")], []),
        ([index(1, "a", predicate="x"), index(2, "a b", predicate="x")], [("i1", "i2", "prefix")]),
        ([index(1, "a", predicate="x"), index(2, "a")], []),
        ([index(1, "a"), index(2, "a", table="s.other")], []),
        ([index(1, "a", method="hash"), index(2, "a")], []),
        ([index(1, "a", method="gin"), index(2, "a b", method="gin")], []),
        ([index(1, "a", include=("c",)), index(2, "a")], [("i2", "i1", "exact")]),
        ([index(1, "a", include=("c",)), index(2, "a b")], []),
        ([index(1, "a", include=("b",)), index(2, "a b")], [("i1", "i2", "prefix")]),
        ([index(1, "a"), index(2, "a b"), index(3, "a b c")], [("i1", "i3", "prefix"), ("i2", "i3", "prefix")]),
    ],
)
def test_superfluous(indexes: list[IndexShape], expected: list[tuple[str, str, str]]) -> None:
    got = found(*indexes)
    assert [(name, kind) for name, _keeper, kind in got] == [(name, kind) for name, _keeper, kind in expected]
    kept = {one.name for one in indexes} - {name for name, _keeper, _kind in got}
    assert all(keeper in kept for _name, keeper, _kind in got), "a keeper is itself among those that go"


def test_another_order_class_or_collation_is_another_index() -> None:
    plain = index(1, "a")
    for other in ("a\x1fother\x1f0\x1f0", "a\x1fops\x1f100\x1f0", "a\x1fops\x1f0\x1f3"):
        assert found(plain, IndexShape(2, "s", "i2", "s.t", "btree", (other,))) == []


SHAPES = st.lists(
    st.builds(lambda keys, unique, predicate, include: (keys, unique, predicate, include),
              st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True), st.booleans(), st.sampled_from(["", "p"]),
              st.sampled_from([(), ("b",), ("z",)])), max_size=7)  # fmt: skip


@given(SHAPES)
def test_what_goes_is_always_replaced_by_something_that_stays(shapes: Any) -> None:
    indexes = [
        index(oid, " ".join(keys), unique=unique, predicate=predicate, include=include)
        for oid, (keys, unique, predicate, include) in enumerate(shapes, 1)
    ]
    redundant = find_redundant(indexes)
    gone = {one.index.oid for one in redundant}
    for one in redundant:
        assert not one.index.unique and one.keeper.oid not in gone
        assert one.keeper.keys[: len(one.index.keys)] == one.index.keys and one.keeper.predicate == one.index.predicate
        assert set(one.index.include) <= {*one.keeper.include, *(key.split("\x1f")[0] for key in one.keeper.keys)}


def test_deleted_pages_count_although_the_rest_is_dense() -> None:
    """After half of a table went, pgstatindex says 90 percent density, and half of the pages are deleted."""
    pages = Pages(total=5000, internal=20, leaf=2480, density=90.0)
    assert share(5000, measured_pages(pages, 90)) == pytest.approx(0.5, abs=0.01)
    fresh = Pages(total=2501, internal=20, leaf=2480, density=90.0)
    assert share(2501, measured_pages(fresh, 90)) == 0


def test_the_estimate_of_a_fresh_index() -> None:
    """A million bigint keys take 2,745 pages in a freshly built index."""
    assert estimated_pages(1_000_000, 8, False, 90, 8192) == pytest.approx(2745, rel=0.02)
