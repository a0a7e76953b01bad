# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held in less memory is what a dictionary or a list would hold."""

from __future__ import annotations

import random
import tracemalloc

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.record_text import json_bytes
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.compact import CompactMap
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.positions import Position, between
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.texts import Lines, Texts


def _numbers() -> CompactMap[int]:
    return CompactMap(">Q", lambda value: (value,), lambda value: value)


def test_a_compact_map_holds_what_a_dictionary_would() -> None:
    chosen, found, wanted = random.Random(1), _numbers(), dict[str, int]()
    for number in range(5000):
        name, value = f"k{chosen.randrange(3000)}" + "é\udc80" * (number % 3), chosen.getrandbits(64)
        assert found.add(name, value) == (name not in wanted)
        wanted.setdefault(name, value)
        if not number % 7:
            found.replace(name, value)
            wanted[name] = value
    assert list(found.items()) == list(wanted.items())
    assert len(found) == len(wanted)
    assert "none" not in found and found.get("none") is None


def test_positions_are_kept_to_the_last_bit() -> None:
    ends = (Position(-(2**63), False), Position(2**63 - 1, True))
    assert dict(between([("a", ends)])) == {"a": ends}


def test_a_compact_map_is_written_as_a_dictionary_is() -> None:
    found = _numbers()
    assert json_bytes({"x": found}) == json_bytes({"x": {}})
    found.add("b", 1)
    found.add("a", 2)
    assert json_bytes({"x": found}) == json_bytes({"x": {"a": 2, "b": 1}})


def test_compressed_texts_are_read_as_they_came() -> None:
    texts = [b"", b"one\ntwo", *(b"%d" % number * 40 for number in range(5000)), b"\xff"]
    found = Texts(texts)
    assert list(found) == list(found) == texts
    assert len(found) == len(texts) and not Texts()
    lines = ["1; 2 3 TABLE public a\udcff owner", ""]
    assert list(Lines(lines)) == lines
    assert lines[0] in Lines(lines) and "b" not in Lines(lines)


def test_a_compact_map_takes_a_fifth_of_a_dictionary_s_room() -> None:
    names = [f"SEQUENCE many.table_{number:05d}_id_seq" for number in range(2000)]
    tracemalloc.start()
    try:
        found = _numbers()
        for name in names:
            found.add(name, 1)
        taken, _most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) * 70 > taken > len(found) * 40
