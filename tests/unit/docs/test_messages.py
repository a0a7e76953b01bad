# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/messages.md explains messages of the code, as they are today; docs/words.md words that are used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.integration.docs.blocks import ROOT

ENGINE = ROOT / "plugins" / "module_utils" / "_engine"
# The last part of the page is of messages that PostgreSQL makes.
OURS, _HEADING, SERVERS = (
    (ROOT / "docs" / "messages.md").read_text(encoding="utf-8").partition("\n## Said by PostgreSQL")
)


def texts(folder: Path = ENGINE) -> Iterator[str]:
    """Each text of the engine's code; a value that is put into one is written as "..."."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def explained(page: str) -> list[str]:
    return [
        each
        for cell in re.findall(r"^\| (`[^|]+) \|", page, flags=re.MULTILINE)
        for each in re.findall("`([^`]+)`", cell)
    ]


def pattern(message: str) -> re.Pattern[str]:
    """The message, with anything in the places of "..."."""
    return re.compile(".*?".join(re.escape(part.strip()) for part in message.split("...")), re.DOTALL)


def test_each_message_that_is_explained_is_one_of_the_code() -> None:
    code, messages = list(texts()), explained(OURS)
    assert len(messages) > 40 and len(set(messages)) == len(messages)
    assert [each for each in messages if not any(pattern(each).search(text) for text in code)] == []
    assert not any(pattern("Cannot connect ... however").search(text) for text in code), "the test can say no"


def test_each_area_that_raises_messages_has_some_explained() -> None:
    folders = [path for path in [*ENGINE.iterdir(), *(ENGINE / "backups").iterdir()] if path.is_dir()]
    raising = [
        folder
        for folder in folders
        if sum(path.read_text(encoding="utf-8").count("raise TitanError(") for path in folder.rglob("*.py")) > 2
    ]
    patterns = [pattern(each) for each in explained(OURS)]
    missing = [
        str(folder.relative_to(ENGINE))
        for folder in raising
        if not any(each.search(text) for text in texts(folder) for each in patterns)
    ]
    assert len(raising) > 20 and missing == []


def test_each_row_says_what_to_do() -> None:
    rows = re.findall(r"^\| `[^|]+ \| (.*) \|$", OURS + SERVERS, flags=re.MULTILINE)
    assert len(rows) > 90 and len(explained(OURS)) + len(explained(SERVERS)) >= len(rows)
    assert [row for row in rows if len(row.split()) < 2 and "](" not in row] == []


def test_the_words_are_in_order_and_used() -> None:
    rows = re.findall(r"^\| ([a-z][\w, -]+) \| (.+) \|$", (ROOT / "docs" / "words.md").read_text("utf-8"), re.MULTILINE)
    words = [word for word, _meaning in rows if word != "word"]
    wanted = {"drill", "manifest", "adopted", "pin", "converge", "stanza"}
    assert words == sorted(words) and len(words) > 30 and wanted <= set(words)
    assert any(word.startswith("proven") for word in words)
    others = [path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "words.md"]
    text = "\n".join(path.read_text(encoding="utf-8").lower() for path in others)
    assert [word for entry in words for word in entry.split(", ") if word not in text] == []
