# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharing out what is loaded at a time, and what an archive says is in it."""

from __future__ import annotations

import io
import os

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.contents import copy_contents
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.list_lines import is_of_data
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.streams import shares

LINES = [
    "10; 0 1 TABLE DATA public a shop",
    "11; 0 2 TABLE DATA public b c d shop",
    "12; 0 3 TABLE DATA public b shop",
    "13; 0 4 BLOBS - BLOBS shop",
    "14; 0 0 SEQUENCE SET public a_id_seq shop",
]


def test_tables_are_shared_out_by_their_rows_in_their_order() -> None:
    first, second = shares(LINES, {"public a": 5, "public b c d": 9, "public b": 3}, 2)
    assert first == [LINES[1], LINES[3], LINES[4]]
    assert second == [LINES[0], LINES[2]]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_nothing_is_lost_or_loaded_twice(count: int) -> None:
    parts = shares(LINES, {}, count)
    assert sorted(line for part in parts for line in part) == sorted(LINES)
    assert all(part and part == sorted(part) for part in parts) and len(parts) <= count


def test_what_is_made_after_the_rows_is_not_taken_for_rows() -> None:
    assert all(map(is_of_data, LINES))
    assert not is_of_data("15; 0 9 MATERIALIZED VIEW DATA public totals shop")
    assert not is_of_data("16; 1259 9 INDEX public TABLE DATA shop")


def test_what_is_no_archive_is_not_understood() -> None:
    for text in (b"", b"PGDMP", b"PGDMP\1\x10\0\4\x08\3", b"PGDMP\1\x20\0\4\x08\1" + os.urandom(200), b"SELECT 1;\n"):
        assert not copy_contents(io.BytesIO(text), io.BytesIO())
