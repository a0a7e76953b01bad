# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What make demo writes into .demo/README.md. That its commands run: tests/integration/docs, which executes the same texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from examples.demo import guides
from tests.integration.docs.blocks import DOCUMENTS, ROOT, blocks_of

OTHERS = {"README", "architecture", "bootstrap", "claims", "contribute", "releases"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("demo")
    guides.write(ROOT, folder)
    found = re.split(r"^## docs/(.+)\.md$", (folder / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2]))


def test_each_guide_with_commands_is_there(parts: dict[str, str]) -> None:
    wanted = {
        path.stem
        for path in DOCUMENTS
        if path.parent.name == "docs" and any(block.language in ("sh", "sql") for block in blocks_of(path))
    }
    wanted = {name for name in wanted if not name.startswith("benchmark")} - OTHERS
    assert set(parts) == wanted and len(wanted) > 12


def test_the_names_are_the_demos_and_the_programs_too(parts: dict[str, str]) -> None:
    text = "\n".join(parts.values())
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    for name in ("-l production", "/etc/titan-db/", "/home/ubuntu", "sudo -u", "titan_prod", "-p 5433"):
        assert name not in commands, name
    lines = [line.split() for line in commands.splitlines() if line and not line.startswith((" ", "#"))]
    assert {words[0] for words in lines} & {"titan-db", "psql"} == set()
    assert sum(words[0] == ".demo/bin/titan-db" for words in lines) > 30
    assert "Write this to `takeover.yml`:\n\n```yaml\n- hosts: demo\n" in parts["takeover"]
