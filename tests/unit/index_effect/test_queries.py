# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query's words say: which column a parameter is compared with, what it reads, and what a file of it may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.parameters import (
    parameters_of,
    relations_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.plans import (
    indexes_in,
    pages_of,
    scans,
    shape,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.queries import queries_from_files


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT 1 FROM t WHERE a = $1", {1: ("", "a")}),
        ("SELECT 1 FROM t WHERE $1 = a", {1: ("", "a")}),
        ("SELECT 1 FROM t x WHERE x.a >= $1 AND x.a<$2", {1: ("x", "a"), 2: ("x", "a")}),
        ("SELECT 1 FROM s.t WHERE s.t.a <> $1", {1: ("t", "a")}),
        ('SELECT 1 FROM t WHERE "A b" = $1', {1: ("", "A b")}),
        ("SELECT 1 FROM t WHERE a BETWEEN $1 AND $2 AND b = $3", {1: ("", "a"), 2: ("", "a"), 3: ("", "b")}),
        ("SELECT 1 FROM t WHERE a NOT IN ($1, $2, $3)", {1: ("", "a"), 2: ("", "a"), 3: ("", "a")}),
        ("SELECT 1 FROM t WHERE a = ANY (ARRAY[$1, $2])", {1: ("", "a"), 2: ("", "a")}),
        ("SELECT 1 FROM t WHERE a::text LIKE $1", {1: ("", "a")}),
        ("SELECT 1 FROM t WHERE a IS NOT DISTINCT FROM $1", {1: ("", "a")}),
        ("SELECT 1 FROM t WHERE $1::int > t.a", {1: ("t", "a")}),
        ("SELECT 1 FROM t ORDER BY a LIMIT $1 OFFSET $2", {1: "limit", 2: "offset"}),
        ("SELECT 1 FROM t WHERE lower(a) = $1", {1: ("lower(a)", (("", "a"),))}),
        ("SELECT 1 FROM t x WHERE s.f(x.a, 'y') >= $1::int", {1: ("s.f(x.a, 'y')", (("x", "a"),))}),
        ("SELECT 1 FROM t WHERE lower(a) LIKE lower($1)", {1: ("lower(a)", (("", "a"),))}),
        ("SELECT 1 FROM t WHERE lower($1) = lower( a )", {1: ("lower( a )", (("", "a"),))}),
        ("SELECT 1 FROM t WHERE a = upper($1)", {1: ("", "a")}),
        ("SELECT 1 FROM t WHERE b = 1 AND a ->> 'k' = $1", {1: ("a ->> 'k'", (("", "a"),))}),
        (
            "SELECT 1 FROM t WHERE (a ->> 'k')::int BETWEEN $1 AND $2",
            dict.fromkeys((1, 2), ("(a ->> 'k')::int", (("", "a"),))),
        ),
        ("SELECT 1 FROM t WHERE a + 1 > $1", {1: ("a + 1", (("", "a"),))}),
        ("SELECT 1 FROM t WHERE coalesce(a, $1) = $2", {1: None, 2: None}),
        ("SELECT 1 FROM t WHERE (SELECT max(b) FROM u) = $1", {1: None}),
        ("SELECT 1 FROM t WHERE now() > $1", {1: None}),
        ('SELECT 1 FROM t WHERE live AND "order" > $1', {1: ("", "order")}),
        ("SELECT 1 FROM t WHERE a = 'x' AND ) = $1", {1: None}),
        ("SELECT f($1) FROM t", {1: None}),
        ("SELECT f(a, $1) FROM t", {1: None}),
        ("SELECT 1 FROM t WHERE $1 = f(a)", {1: ("f(a)", (("", "a"),))}),
        ("SELECT $1", {1: None}),
        ("SELECT '$1', \"$2\" FROM t -- $3\n WHERE a = $4", {4: ("", "a")}),
        ("SELECT coalesce(a, $1) FROM t WHERE b = $1", {1: ("", "b")}),
        ("$1", {1: None}),
    ],
)
def test_the_column_that_a_parameter_is_compared_with(query: str, found: dict[int, object]) -> None:
    assert parameters_of(query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT 1 FROM t", [("t", "t")]),
        ('SELECT 1 FROM s."T t" AS x JOIN u ON true', [('s."T t"', "x"), ("u", "u")]),
        ("SELECT 1 FROM a, b c, ONLY d WHERE true", [("a", "a"), ("b", "c"), ("d", "d")]),
        ("SELECT 1 FROM a LEFT JOIN b USING (x)", [("a", "a"), ("b", "b")]),
        ("SELECT 1 FROM (SELECT 1 FROM inner_one) AS x", [("inner_one", "inner_one")]),
        ("SELECT 1 FROM generate_series(1, 2) g", []),
        ("WITH x AS (SELECT 1 FROM a) SELECT 1 FROM x", [("a", "a"), ("x", "x")]),
        ("SELECT 1", []),
        ("SELECT 1 FROM", []),
    ],
)
def test_what_a_query_reads(query: str, found: list[tuple[str, str]]) -> None:
    assert relations_of(query) == found


def test_a_plan_is_the_same_whatever_an_index_is_called() -> None:
    def plan(name: str) -> dict[str, object]:
        scan = {"Node Type": "Index Scan", "Index Name": name, "Relation Name": "t", "Scan Direction": "Forward"}
        return {
            "Node Type": "Limit",
            "Total Cost": 1.0,
            "Plans": [scan],
            "Shared Hit Blocks": 3,
            "Shared Read Blocks": 2,
        }

    definitions = {"one": "ON t USING btree (a)", "two": "ON t USING btree (a)", "other": "ON t USING btree (b)"}
    assert shape(plan("one"), definitions) == shape(plan("two"), definitions) != shape(plan("other"), definitions)
    backward = plan("one")
    backward["Plans"] = [{**plan("one")["Plans"][0], "Scan Direction": "Backward"}]  # type: ignore[index]
    assert shape(backward, definitions) != shape(plan("one"), definitions)
    assert list(scans(plan("one"))) == ["Index Scan one"] and indexes_in(plan("one")) == {"one"}
    assert pages_of(plan("one")) == 5 and pages_of({"Node Type": "Result"}) == 0
    bitmap = {
        "Node Type": "Bitmap Heap Scan",
        "Relation Name": "t",
        "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "one"}],
    }
    assert list(scans(bitmap)) == ["Bitmap Index Scan one"]
    assert list(scans({"Node Type": "Seq Scan", "Relation Name": "t"})) == ["Seq Scan t"]


def test_the_marks_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a b.sql").write_text(
        "-- plan: some_index\r\n-- parameters: uuid, text\n-- values: SELECT 1, 2;\n-- other: x\n"
        "SELECT 1 FROM t WHERE a = $1 AND b = $2; -- the end\n"
    )
    (tmp_path / "0.sql").write_text("WITH x AS (SELECT 1) SELECT * FROM x")
    (tmp_path / "notes.txt").write_text("no query")
    below = tmp_path / "other"
    below.mkdir()
    (below / "0.sql").write_text("SELECT 2")
    first, second, third = queries_from_files([str(tmp_path), str(below / "0.sql")])
    assert (first.name, first.types, first.plan, first.values) == ("0", "", "", "")
    assert second == (
        "a b",
        "SELECT 1 FROM t WHERE a = $1 AND b = $2",
        "uuid, text",
        "some_index",
        "SELECT 1, 2",
        False,
    )
    assert (third.name, third.text) == ("0 (2)", "SELECT 2")


@pytest.mark.parametrize("text", ["", "SELECT 1; SELECT 2", "DELETE FROM t", "SELECT 'open", "\\echo x", "\xff"])
def test_what_is_no_query_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_bytes(text.encode("latin-1"))
    with pytest.raises(OptionError, match=r"q\.sql"):
        queries_from_files([str(tmp_path)])


def test_what_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(OptionError, match="queries"):
            queries_from_files([str(path)])
