# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plans say of tables, and the candidates that follow from it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.candidates import (
    Candidate,
    Existing,
    candidates_of,
    is_covered,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.clauses import (
    BTREE,
    FALSE,
    GIN,
    NOT_NULL,
    NULL,
    TRIGRAM,
    TRUE,
    Asked,
    Condition,
    Key,
    Special,
    Table,
    asked_of,
    read_whole,
)
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.migration_file import (
    rollback_path,
)

T = Table("public", "t")


def _scan(condition: str = "", alias: str = "t", **more: Any) -> dict[str, Any]:
    node = {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "t", "Alias": alias, **more}
    return {**node, "Filter": condition} if condition else node


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(t.a = $1)", Asked(T, equal=("a",))),
        ("($1 = t.a)", Asked(T, equal=("a",))),
        ("((t.a = $1) AND ((t.b)::text = 'it''s, open'::text))", Asked(T, equal=("a", "b"))),
        ("(t.a = ANY ($1))", Asked(T, equal=("a",))),
        ("((t.a >= $1) AND (t.a < now()))", Asked(T, ranged=("a",))),
        ("(t.is_active AND (NOT t.is_read) AND (t.x = $1))",
         Asked(T, equal=("x",), conditions=(Condition("is_active", TRUE), Condition("is_read", FALSE)))),
        ("((t.gone IS NULL) AND (t.a IS NOT NULL))", Asked(T, conditions=(Condition("gone", NULL), Condition("a", NOT_NULL)))),
        ('(t."it is, \n(odd) AND" = $1)', Asked(T, equal=("it is, \n(odd) AND",))),
        ("((t.a = $1) OR (t.b = $2))", Asked(T)),
        ("(lower(t.a) = $1)", Asked(T, special=(Special("lower(a)", BTREE),))),
        ("((t.a + 1) = $1)", Asked(T, special=(Special("(a + 1)", BTREE),))),
        ("(t.a ~~ 'x%'::text)", Asked(T, special=(Special("a", TRIGRAM),))),
        ('((t."A b")::text ~~* $1)', Asked(T, special=(Special('"A b"', TRIGRAM),))),
        ("(t.doc @> $1)", Asked(T, special=(Special("doc", GIN),))),
        ("(($1 && t.tags) AND (t.doc ? 'k'::text))", Asked(T, special=(Special("tags", GIN), Special("doc", GIN)))),
        ("(to_tsvector('english'::regconfig, t.body) @@ plainto_tsquery($1))",
         Asked(T, special=(Special("to_tsvector('english'::regconfig, body)", GIN),))),
        ("((t.doc ->> 'k'::text) = $1)", Asked(T, special=(Special("(doc ->> 'k'::text)", BTREE),))),
        ("(('x'::text < lower((t.a)::text)))", Asked(T, special=(Special("lower((a)::text)", BTREE),))),
        ("((t.doc ->> $1) = $2)", Asked(T)),
        ("(t.doc @> t.other)", Asked(T)),
        ("(lower(t.a) = lower(t.b))", Asked(T)),
        ("(t.f(1) = 2)", Asked(T)),
        ("(t.a !~~ 'x%'::text)", Asked(T)),
        ("(t.a <> $1)", Asked(T)),
        ("(t.a = t.b)", Asked(T)),
        ("((hashed SubPlan 1) AND (t.a = $1))", Asked(T, equal=("a",))),
        ("((CASE WHEN t.a THEN 1 ELSE 2 END = 1) AND (t.b = $1))", Asked(T, equal=("b",))),
        ("(t.a IS DISTINCT FROM $1)", Asked(T)),
        ("((t.d)::date = $1)", Asked(T, equal=("d",))),
    ],
)  # fmt: skip
def test_a_condition_says_which_columns_could_find_its_rows(condition: str, expected: Asked) -> None:
    assert asked_of(_scan(condition)) == [expected]


def test_joins_and_sorts_are_told_to_the_tables_that_they_are_of() -> None:
    other = {"Node Type": "Seq Scan", "Schema": "s", "Relation Name": "u", "Alias": "u_1", "Filter": "(u_1.b > $1)"}
    join = {"Node Type": "Hash Join", "Hash Cond": "(t.id = u_1.t)", "Plans": [_scan("(t.a = $1)"), other]}
    plan = {"Node Type": "Sort", "Sort Key": ["t.x DESC NULLS LAST", 't."desc"'], "Plans": [join]}
    assert asked_of(plan) == [
        Asked(T, equal=("a",), joined=("id",), sorted=(Key("x", "DESC NULLS LAST"), Key("desc"))),
        Asked(Table("s", "u"), joined=("t",), ranged=("b",)),
    ]
    assert read_whole(plan) == {T, Table("s", "u")}
    for keys in (["t.x", "u_1.y"], ["t.x", "(count(*))"], ["(t.x + 1)"]):
        assert all(each.sorted == () for each in asked_of({**plan, "Sort Key": keys}))


def test_what_is_fixed_comes_before_what_orders() -> None:
    asked = Asked(T, ("a",), (), ("r",), (Key("at", "DESC"),), (Condition("live", TRUE),))
    made = candidates_of(asked)
    assert made[0] == Candidate(T, (Key("a"), Key("at", "DESC")), (Condition("live", TRUE),))
    assert Candidate(T, (Key("a"), Key("r"))) in made and Candidate(T, (Key("a"),)) in made
    assert candidates_of(Asked(T, ("a", "b", "c", "d"))) == []
    assert candidates_of(Asked(T)) == []


@pytest.mark.parametrize(
    ("keys", "there", "covered"),
    [
        ([Key("a")], [Key("a"), Key("b")], True),
        ([Key("a", "DESC")], [Key("a")], True),  # read backward
        ([Key("a", "DESC NULLS LAST")], [Key("a")], False),
        ([Key("a"), Key("b", "DESC")], [Key("a"), Key("b")], False),
        ([Key("a"), Key("b", "DESC")], [Key("a", "DESC"), Key("b")], True),
        ([Key("a"), Key("b")], [Key("b"), Key("a")], False),
        ([Key("a"), Key("b")], [Key("a")], False),
        ([Key("a")], [Key(""), Key("a")], False),
    ],
)
def test_what_another_index_can_do_is_not_proposed(keys: list[Key], there: list[Key], covered: bool) -> None:
    candidate = Candidate(T, tuple(keys))
    assert is_covered(candidate, [Existing(T, tuple(there), partial=False)]) is covered
    assert not is_covered(candidate, [Existing(T, tuple(there), partial=True)])
    assert not is_covered(candidate, [Existing(Table("x", "t"), tuple(there), partial=False)])


def test_the_rollback_lies_beside() -> None:
    assert rollback_path("/m/1.sql") == "/m/1.down.sql" == rollback_path("/m/1.up.sql")
