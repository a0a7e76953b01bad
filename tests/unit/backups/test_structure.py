# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No two relations of a structure have one label, and what a manifest of before says is still compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.source import (
    Source,
    source_from_json,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.positions import (
    Position,
    relation_label,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.structure import (
    Structure,
    structure_from_json,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.structure_differences import (
    structure_differences,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text(alphabet='ab."', min_size=1, max_size=6)


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_relations_have_two_labels(schema: str, name: str, other_schema: str, other_name: str) -> None:
    same = (schema, name) == (other_schema, other_name)
    assert (relation_label(schema, name) == relation_label(other_schema, other_name)) == same


def of_sequences(**stands: int) -> Structure:
    return Structure("18.0", {}, {name: (Position(value, True),) * 2 for name, value in stands.items()})


def test_a_manifest_with_labels_of_before_is_compared() -> None:
    label = relation_label("a.b", 'c "d"')
    before = of_sequences(**{'a.b.c "d"': 5})
    assert structure_differences(before, of_sequences(**{label: 5})).messages == ()
    assert structure_differences(before, of_sequences(**{label: 6})).messages != ()


def test_a_manifest_without_members_is_read() -> None:
    written = of_sequences(s=1).as_json()
    del written["members"], written["member_relations"]
    assert structure_from_json(written) == of_sequences(s=1)


def test_an_access_method_is_compared_where_the_manifest_has_it() -> None:
    heap, other = (replace(of_sequences(), methods=methods) for methods in ({}, {"a.b": "columnar"}))
    assert structure_differences(heap, other).messages and structure_differences(other, heap).messages
    assert structure_differences(of_sequences(), other).messages == ()
    assert structure_from_json(other.as_json()) == other


def test_a_view_that_a_newer_server_writes_in_other_words_is_named_and_not_blamed() -> None:
    """pg_dump 18 of one view, as servers 15 and 16 or later have written it; a table's definition is compared all the same."""
    old = replace(of_sequences(), objects={"VIEW public.v": "a", "TABLE public.t": "c"}, server_major=15)
    new = replace(old, objects={"VIEW public.v": "b", "TABLE public.t": "c"}, server_major=18)
    found = structure_differences(old, new)
    assert not found.messages and "VIEW public.v were not compared" in found.warnings[0]
    assert structure_differences(replace(old, server_major=16), new).messages
    assert structure_differences(old, replace(new, objects={**old.objects, "TABLE public.t": "d"})).messages
    assert structure_from_json(old.as_json(), 15) == old


@pytest.mark.parametrize("part", ["objects", "populated", "column_order", "members", "access_methods", "undumped"])
@pytest.mark.parametrize("value", ["text", 7, ["a"], {"a": None}])
def test_a_part_that_somebody_has_written_otherwise_is_refused_when_it_is_read(part: str, value: object) -> None:
    """The manifest's reader makes a sentence of these; what is read is written again."""
    written = of_sequences(s=1).as_json()
    with pytest.raises((TypeError, ValueError)):
        structure_from_json({**written, part: value})


@pytest.mark.parametrize(
    "part", [{"bytes": [1]}, {"server_major": "15"}, {"roles": [None]}, {"properties": {"comment": 7}}]
)
def test_a_source_that_somebody_has_written_otherwise_is_refused_when_it_is_read(part: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        source_from_json(part)
    assert source_from_json({"bytes": None, "newer": 1}) == Source()
