# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the documents finds what it should find: a runner that lets everything pass proves nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.docs import blocks
from tests.integration.docs.blocks import Block, blocks_of
from tests.integration.docs.conftest import Place
from tests.integration.docs.test_documents import same_commands

TEXT = """# Title

<!-- needs: community.postgresql -->
<!-- added to: a/b.yml -->
```sh
one
```

text

```sql
SELECT 1;
```

   <!-- fails: no such thing -->
   ```sh
   two
   three
   ```
<!-- file: a/b.sql -->

```yaml
lost: the comment is not right above
```
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, {"PATH": os.environ["PATH"]})


def sh(text: str, mark: str = "", value: str = "", document: str = "docs/a.md") -> Block:
    return Block(document, 1, "sh", text, mark, value)


def test_blocks_and_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    path = tmp_path / "a.md"
    path.write_text(TEXT)
    found = list(blocks_of(path))
    assert [(block.line, block.language, block.mark, block.value, block.needs) for block in found] == [
        (5, "sh", "added to", "a/b.yml", "community.postgresql"),
        (11, "sql", "", "", ""),
        (16, "sh", "fails", "no such thing", ""),
        (22, "yaml", "", "", ""),
    ]
    assert found[2].text == "two\nthree\n"
    path.write_text("```sh\nnever closed\n")
    with pytest.raises(ValueError, match="never closed"):
        list(blocks_of(path))
    for wrong in ("<!-- needs: a miracle -->", "<!-- fails: x -->\n<!-- file: y -->"):
        path.write_text(f"{wrong}\n```sh\ntrue\n```\n")
        with pytest.raises(ValueError, match="cannot be said"):
            list(blocks_of(path))


def test_an_excuse_excuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    path = tmp_path / "a.md"
    path.write_text("<!-- not run: too hard -->\n```sh\nfalse\n```\n")
    assert [(block.mark, block.text) for block in blocks_of(path)] == [("", "false\n")]


def test_what_is_left_to_ci_is_in_its_script() -> None:
    script = "# make lint\nstage demo make demo\nmake test 2>&1 | tee log\n"
    assert same_commands(sh("make demo  # why\nmake test\n"), script) == []
    assert same_commands(sh("make lint\nmake\tdemo\nmake tes\n"), script) == ["make lint", "make\tdemo", "make tes"]


def test_a_block_that_fails_is_named_with_its_output(place: Place) -> None:
    place.run(sh("true\n"))
    with pytest.raises(AssertionError, match=r"docs/a.md:1 ended with status 3(.|\n)*what it said"):
        place.run(sh("echo what it said; exit 3\n"))
    with pytest.raises(AssertionError):
        place.run(sh("false\ntrue\n"))


def test_a_block_that_has_to_fail_must_fail_with_its_text(place: Place) -> None:
    place.run(sh("echo no such thing; exit 1\n", "fails", "no such thing"))
    for text in ("echo no such thing\n", "echo other; exit 1\n"):
        with pytest.raises(AssertionError):
            place.run(sh(text, "fails", "no such thing"))


def test_a_file_is_written_inside_the_copy_only(place: Place) -> None:
    place.run(sh("content\n", "file", "new/folder/x.sql"))
    assert (place.root / "new" / "folder" / "x.sql").read_text() == "content\n"
    with pytest.raises(AssertionError):
        place.run(sh("content\n", "file", "../x.sql"))
    place.run(sh("more\n", "added to", "new/folder/x.sql"))
    assert (place.root / "new" / "folder" / "x.sql").read_text() == "content\nmore\n"


def test_the_names_of_production_become_the_demos(place: Place) -> None:
    text = place.translate(
        "ansible-playbook site.yml -l production\nls /home/ubuntu/backups/database/titan_prod_2.sql.gz\n"
    )
    assert text == f"ansible-playbook site.yml -l demo\nls {place.demo}/backups/titan_demo_2.sql.gz\n"


def test_a_plain_command_of_another_document_is_not_executed_again(place: Place) -> None:
    program = place.root / ".demo" / "bin" / "titan-db"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho $1 >> {place.root}/calls\n")
    program.chmod(0o755)
    for document in ("docs/a.md", "docs/a.md", "docs/b.md"):
        place.run(sh("titan-db list  # again\n: | titan-db list\n", document=document))
    assert (place.root / "calls").read_text().split() == ["list"] * 5
