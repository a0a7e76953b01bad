# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents name exists: links, paths, targets, commands, playbooks, variables, tests."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.titan.database.plugins.module_utils._engine import cli

from tests.integration.docs.blocks import DOCUMENTS, EXECUTED, ROOT, SHOWN, Block, all_blocks, blocks_of
from tools import tried

MADE_BY_THE_RELEASE = ("CHANGELOG.md",)
# Pages that the benchmarks write.
GENERATED = [path for path in DOCUMENTS if path.name.startswith("benchmark")]
BLOCKS = all_blocks()
IDS = [path.name for path in DOCUMENTS]


def prose(path: Path) -> str:
    """The document without its blocks."""
    return re.sub(r"^\s*```.*?^\s*```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command_lines(blocks: list[Block]) -> Iterator[tuple[Block, str]]:
    for block in blocks:
        if block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                yield block, line.strip()


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_links_and_paths_exist(path: Path) -> None:
    text = prose(path)
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", text):
        if re.match(r"https?:", target):
            continue
        name, _hash, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists() or name in MADE_BY_THE_RELEASE, target
        assert not anchor or anchor in anchors(linked), target
    for name in re.findall(
        r"`((?:docs|examples|inventories|molecule|playbooks|plugins|roles|tests|changelogs|benchmarks)/[\w./-]+)`", text
    ):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"`make ([a-z-]+)`", text):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.M), target


def test_the_index_lists_every_guide() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    guides = [path.name for path in DOCUMENTS[1:] if path.name != "README.md" and path not in GENERATED]
    assert [name for name in guides if f"({name})" not in index] == []
    assert len(DOCUMENTS) >= 13


def test_each_block_is_of_a_kind_that_is_executed_or_only_shown() -> None:
    assert [block.place for block in BLOCKS if block.language not in (*EXECUTED, *SHOWN)] == []
    hidden = [
        block.place for block in BLOCKS if block.language in SHOWN and re.search(r"^\s*\$ ", block.text, flags=re.M)
    ]
    assert hidden == [], "commands belong into blocks that are executed"


def test_every_titan_db_command_is_one_that_the_command_understands(capsys: pytest.CaptureFixture[str]) -> None:
    seen = 0
    for block, line in command_lines(BLOCKS):
        words = shlex.split(line, comments=True)
        if "titan-db" in words[:4]:
            words = words[words.index("titan-db") + 1 :]
            words = words[: next((at for at, word in enumerate(words) if word in ("|", ">", ">>", "||", "&&")), None)]
            if words not in (["--help"], ["--version"]):
                try:
                    cli.parser().parse_args(words)
                except SystemExit:
                    pytest.fail(f"{block.place}: {line}: {capsys.readouterr().err}")
                seen += 1
    assert seen > 10


def test_every_playbook_and_target_exists() -> None:
    seen = 0
    for block, line in command_lines(BLOCKS):
        for name in re.findall(r"titan\.database\.(\w+)", line) if "ansible-playbook" in line else ():
            assert (ROOT / "playbooks" / f"{name}.yml").exists(), f"{block.place}: {name}"
            seen += 1
        for name in re.findall(r"^make ([a-z-]+)", line):
            assert re.search(rf"^{name}:.*##", (ROOT / "Makefile").read_text(), flags=re.M), f"{block.place}: {name}"
            seen += 1
    assert seen > 5


@pytest.mark.parametrize(
    ("kind", "folder"), [("modules", "plugins/modules"), ("roles", "roles"), ("playbooks", "playbooks")]
)
def test_the_readme_names_everything_there_is(kind: str, folder: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    inner = {"guard"}  # imported by the other playbooks
    names = {path.stem for path in (ROOT / folder).iterdir() if path.suffix in (".py", ".yml") or kind == "roles"}
    assert [name for name in sorted(names - inner) if f"`titan.database.{name}`" not in text] == []


def test_messages_that_the_restore_page_explains_are_those_of_the_engine() -> None:
    text = (ROOT / "docs" / "restore.md").read_text(encoding="utf-8")
    table = text[text.index("## It went wrong") : text.index("## Back to how it was")]
    engine = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "plugins" / "module_utils" / "_engine").rglob("*.py")
    )
    explained = re.findall(r"^\| `([^`]+)` \|", table, flags=re.M)
    servers = {"No space left on device"}
    assert len(explained) >= 4
    assert [message for message in explained if message not in engine and message not in servers] == []


def role_options() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return found


def test_variables_are_those_of_the_roles_and_have_their_types() -> None:
    options = role_options()
    playbooks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").rglob("*.yml"))
    seen = 0
    for block in BLOCKS:
        data = yaml.safe_load(block.text) if block.language == "yaml" else None
        assert "True:" not in str(data), (
            f"{block.place}: YAML takes a bare on, yes or true for a boolean; quote the key"
        )
        for name, value in data.items() if isinstance(data, dict) else ():
            seen += 1
            if name not in options:
                assert name.startswith(("titan_", "deploy_")) and name in playbooks, (
                    f"{block.place}: nobody reads {name}"
                )
                continue
            spec = {key: item for key, item in options[name].items() if key != "description"}
            result = ArgumentSpecValidator({name: _bare(spec)}).validate({name: value})
            assert not result.error_messages, f"{block.place}: {result.error_messages}"
    assert seen > 10


def _bare(spec: dict[str, Any]) -> dict[str, Any]:
    """An argument spec without what only the documentation needs."""
    kept = {key: value for key, value in spec.items() if key not in ("description", "version_added", "default")}
    if "options" in kept:
        kept["options"] = {name: _bare(item) for name, item in kept["options"].items()}
    return kept


# Names of PostgreSQL, of its programs, of Ansible and of Titan's application; none of ours.
FOREIGN = {
    "ansible_host", "ansible_ssh_private_key_file", "ansible_user", "archive_command", "archive_mode", "max_standby_streaming_delay",
    "pg_amcheck", "pg_dump", "pg_stat_statements",
    "pg_lsclusters", "pg_maintain", "pg_monitor", "pg_read_all_data", "pg_upgrade", "search_path", "wal_level",
}  # fmt: skip
WITH_ROLES = [*(path for path in DOCUMENTS if path not in GENERATED), *sorted((ROOT / "roles").glob("*/README.md"))]


def sources() -> str:
    """Everything that gives a name its meaning: roles, playbooks, modules, the engine, the tests' fixtures, Titan's SQL."""
    places = (
        "roles/*/[dmtv]*/*.yml",
        "playbooks/*.yml",
        "plugins/**/*.py",
        "tests/conftest.py",
        "examples/titan/**/*.sql",
    )
    return "\n".join(file.read_text(encoding="utf-8") for place in places for file in sorted(ROOT.glob(place)))


@pytest.mark.parametrize("path", WITH_ROLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_name_in_the_text_is_one_of_the_sources(path: Path) -> None:
    """Options, variables, results, extra variables and flags, as they are called today."""
    scenarios = {folder.name for folder in (ROOT / "molecule").iterdir()}
    known, options = set(re.findall(r"\w+", sources())) | FOREIGN | scenarios, role_options()
    text = path.read_text(encoding="utf-8")
    roles = tuple(f"{folder.name}_" for folder in (ROOT / "roles").iterdir())
    for name in re.findall(r"`([a-z]+_\w+)(?:: [^`]*)?`", prose(path)):
        assert name in known or name.startswith("titan_"), f"{name} is nothing"
        if name.startswith(roles) and not name.endswith(
            ("_result", "_name", "_dest", "_stanza", "_thresholds", "_age", "_missed", "_failed", "_stuck", "_pending")
        ):
            assert name in options, f"{name} is no variable of a role"
    set_there = set(re.findall(r"^[ -]*([a-z]+_\w+):", text, flags=re.M)) - {"backup_age"}  # a limit of health
    assert [name for name in set_there if name.startswith(roles) and name not in options] == [], "in a block"
    for name in re.findall(r"-e ([a-z]\w*)=", text):
        assert name in known, f"-e {name}: nobody reads it"
    code = [span for span in re.findall(r"`([^`\n]+)`", prose(path)) if not span.startswith("pg")]
    flags = {flag for span in code for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", span)} - OTHERS_FLAGS
    spoken = "".join(_help(word) for word in cli.COMMANDS) + _help()
    assert [flag for flag in flags if not re.search(rf"{flag}\b", spoken)] == []


# Of ansible-playbook, ansible-galaxy, psql and pgbackrest.
OTHERS_FLAGS = {
    "--clean", "--create", "--no-owner", "--tags", "--skip-tags", "--start-at-task",
    "--check", "--delta", "--diff", "--no-deps", "--single-transaction", "--target", "--target-action",
    "--target-timeline", "--type", "--help",
}  # fmt: skip


def _help(*words: str) -> str:
    """What titan-db says of itself."""
    with contextlib.redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit):
        cli.parser().parse_args([*words, "--help"])
    return said.getvalue()


def claims() -> list[list[str]]:
    """The rows of docs/claims.md."""
    lines = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ") and "---" not in line]
    return [row for row in rows if row[0] != "it says"]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_every_claim_names_tests_that_exist() -> None:
    rows = claims()
    assert len(rows) > 40
    for row in rows:
        assert len(row) == 4, row
        links = re.findall(r'\[[^]]+\]\(\.\./(\S+) "(test_\w+)"\)', row[3])
        assert links or "**not proven yet**" in row[3], row
        for name, test in links:
            assert test in functions(ROOT / name), f"{name}: {test} is named for the claim {row[0]!r}"
    without = sum("**not proven yet**" in row[3] for row in rows)
    last = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8").splitlines()[-1]
    assert last == f"{len(rows)} claims; {len(rows) - without} with tests, {without} not proven yet."


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = page.split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"^\|.*?(?=\n\n)", below, flags=re.M | re.S)
    assert lines, heading
    return [line.strip("| ").split(" | ") for line in lines[0].splitlines()[2:]]


def test_each_line_of_trust_names_tests_that_exist() -> None:
    """And each test of the scenario belongs to a line."""
    rows = rows_of((ROOT / "docs" / "security.md").read_text(encoding="utf-8"), "## Who trusts whom")
    assert len(rows) > 30
    scenario, on_a_host = "molecule/borders/tests/test_borders.py", set()
    for row in rows:
        links = re.findall(r'\[[^]]+\]\(\.\./(\S+) "(test_\w+)"\)', row[-2])
        there = re.findall(r'\[[^]]+\]\(\.\./(\S+) "(test_\w+)"\)', row[-1])
        assert len(row) == 5 and links and there, row
        for name, test in (*links, *there):
            assert test in functions(ROOT / name), f"{name}: {test} is named for {row[2]!r}"
        assert {name for name, _test in there} <= {scenario, "molecule/pgbackrest/tests/test_pgbackrest.py"}
        on_a_host |= {test for name, test in there if name == scenario}
    assert on_a_host == {name for name in functions(ROOT / scenario) if name.startswith("test_")}


def test_each_line_that_a_superuser_runs_is_in_the_list() -> None:
    listed = [row[0] for row in rows_of((ROOT / "docs" / "security.md").read_text(encoding="utf-8"), "## Superusers")]
    known = [span for cell in listed for span in re.findall(r"`([^`]+)`", cell)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    given = re.findall(r"sudo -u postgres psql[^\n]* <<'SQL'\n(.*?)\n *SQL\n", text, flags=re.S)
    lines = [line for line in text.splitlines() if "sudo -u postgres" in line and not line.endswith(" <<'SQL'")]
    lines = [line for line in lines if "Lines with `sudo" not in line]
    assert len(given) >= 2 and len(lines) >= 8
    assert [each for each in (*given, *lines) if not any(span in each for span in known)] == []


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.name != "env-files.md"], ids=lambda path: path.name
)
def test_no_password_in_any_document(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for password in re.findall(r"://[^\s:/]+:([^\s@]+)@", text):
        assert password == "a%20password", "write the made-up password of the guides"
    assert not re.search(r"(?i)(password|token|secret)\s*[=:]\s*(?!\"?\{\{)[\w/+]{8,}", text)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path not in GENERATED], ids=lambda path: path.name)
def test_lines_can_be_read_without_scrolling(path: Path) -> None:
    outside = [line for line in prose(path).splitlines() if not line.startswith(("|", "   |")) and len(line) > 130]
    assert outside == []
    assert [block.place for block in blocks_of(path) if max(map(len, block.text.splitlines()), default=0) > 150] == []


def test_the_table_of_what_is_tried_is_current() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tried.written(text) == text, "make options"
    assert tried.written(text.replace(" 15,", " 14,", 1)) == text
