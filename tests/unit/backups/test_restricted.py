"""A dump's own psql commands are refused by psql, whatever pieces it comes in; what pg_dump writes passes."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.restricted import (
    can_restrict,
    restriction,
    without_restriction,
)
from hypothesis import given
from hypothesis import strategies as st

KEY = "aB3xK9"
DUMP = (
    f"--\n-- PostgreSQL database dump\n--\n\n\\restrict {KEY}\n\n-- Dumped\n\nSET a = 1;\nCOPY t FROM stdin;\n"
    f"\\restrict {KEY}\n\\unrestrict other\nx\\unrestrict {KEY}\n\\.\n\n--\n-- dump complete\n--\n\n\\unrestrict {KEY}\n\n"
).encode()
WITHOUT = (
    "--\n-- PostgreSQL database dump\n--\n\n--\n\n-- Dumped\n\nSET a = 1;\nCOPY t FROM stdin;\n"
    f"\\restrict {KEY}\n\\unrestrict other\nx\\unrestrict {KEY}\n\\.\n\n--\n-- dump complete\n--\n\n--\n\n"
).encode()


def passed(dump: bytes, *cuts: int) -> bytes:
    edges = sorted({0, len(dump), *(cut % (len(dump) + 1) for cut in cuts)})
    pieces = [dump[start:end] for start, end in zip(edges, edges[1:])]
    first, _newline, rest = b"".join([restriction(), *without_restriction(pieces)]).partition(b"\n")
    assert first.startswith(b"\\restrict ") and len(first) > 40 and first.split()[1] not in dump
    return rest


@given(st.lists(st.integers(0, 1000), max_size=8))
def test_the_pair_of_pg_dump_is_left_out_in_whatever_pieces(cuts: list[int]) -> None:
    assert passed(DUMP, *cuts) == WITHOUT


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=4))
def test_anything_else_stays(dump: bytes, cuts: list[int]) -> None:
    assert passed(dump, *cuts) == dump


def test_a_large_dump_stays_whole() -> None:
    body = b"INSERT INTO t VALUES (1);\n" * 20_000
    large = DUMP.replace(b"SET a = 1;\n", body)
    assert passed(large, *range(0, len(large), 65_536)) == WITHOUT.replace(b"SET a = 1;\n", body)
    assert passed(body + b"\\restrict x\n") == body + b"\\restrict x\n"


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("15.13", False),
        ("15.14", True),
        ("17.5", False),
        ("17.6", True),
        ("18.0", True),
        ("18", True),
        ("12.22", False),
        ("19.1", True),
    ],
)
def test_which_psql_can(version: str, can: bool) -> None:
    assert can_restrict(version) is can
