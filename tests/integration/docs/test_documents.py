# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command, SQL statement and playbook of the documents is executed, or says why it cannot be here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.docs.blocks import DOCUMENTS, EXECUTED, SHOWN, Block, all_blocks, blocks_of, excused


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_says_can_be_done(document: Path, place: Any) -> None:
    """All blocks of one document in order, since later ones build on earlier ones."""
    for block in blocks_of(document):
        if block.language in EXECUTED and not excused(block):
            place.run(block)


def test_nothing_is_neither_run_nor_excused() -> None:
    blocks = all_blocks()
    run = [block for block in blocks if block.language in EXECUTED and not excused(block)]
    left_out = [block for block in blocks if excused(block)]
    shown = [block for block in blocks if block.language in SHOWN and not excused(block)]
    print(f"{len(run)} blocks are run, {len(left_out)} are excused, {len(shown)} are output:")
    for block in left_out:
        print(f"  {block.place} is not run: {block.value}")
    assert [block.place for block in blocks if block not in (*run, *left_out, *shown)] == []
    assert len(run) > 3 * len(left_out), "too many excuses"


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.place) for block in all_blocks() if block.mark == "not run"]
)
def test_excused(block: Block) -> None:
    """Shows each excuse with its reason in the report (pytest -rs)."""
    assert len(block.value.split()) > 3, f"{block.place}: give a reason"
    pytest.skip(block.value)
