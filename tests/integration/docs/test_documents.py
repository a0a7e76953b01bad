# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command, SQL statement and playbook of the documents is executed; nothing is excused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.docs.blocks import DOCUMENTS, EXECUTED, NEEDS, Block, all_blocks, blocks_of


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_says_can_be_done(document: Path, place: Any) -> None:
    """All blocks of one document in order, since later ones build on earlier ones."""
    for block in blocks_of(document):
        if block.language in EXECUTED and block.mark != "run by" and block.needs in ("", *place.needs):
            place.run(block)
    if document.name == "contribute.md":
        (log,) = (place.root / ".cache" / "molecule").iterdir()
        assert "molecule test -s default --destroy never\n" in log.read_text(), "KEEP=1 keeps the hosts"


@pytest.mark.slow
@pytest.mark.parametrize("need", NEEDS)
def test_what_the_documents_need_is_here(need: str, place: Any) -> None:
    """In CI it has to be (TITAN_COLLECTIONS names where); elsewhere the report shows what was left out."""
    wanting = [block.place for block in all_blocks() if block.needs == need]
    assert wanting, f"nothing needs {need}"
    if need not in place.needs:
        pytest.skip(f"{need} is not here, so these blocks were not executed: {', '.join(wanting)}")


def same_commands(block: Block, script: str) -> list[str]:
    """The lines of the block that are not commands of the script."""
    commands = [line.partition("#")[0].strip() for line in block.text.splitlines()]
    lines = [f" {line.partition('#')[0]} " for line in script.splitlines()]
    return [command for command in commands if command and not any(f" {command} " in line for line in lines)]


def test_what_others_run_is_run_by_them() -> None:
    """A block that another file executes is in that file: the same commands, or read from the document by a test."""
    left = [block for block in all_blocks() if block.mark == "run by"]
    for block in left:
        text = (Path(__file__).parents[3] / block.value).read_text(encoding="utf-8")
        if block.value in (".ci/run", "Makefile"):
            assert block.language == "sh" and same_commands(block, text.replace("$(BIN)/", " ")) == [], block.place
        else:
            assert f'run_by("{block.value}", "{block.document}")' in text, (
                f"{block.place}: {block.value} does not read it"
            )
    run = [block for block in all_blocks() if block.language in EXECUTED]
    print(f"{len(run)} blocks; executed by others: {[f'{block.place} by {block.value}' for block in left]}")
    assert len(run) > 10 * len(left), "too many are left to others"
