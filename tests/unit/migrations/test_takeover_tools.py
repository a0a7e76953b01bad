"""The tools whose history can be taken over: the option names all of them, and their checksums are what the tools compute."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.naming import parse_files
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.history import inventory
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.takeover import (
    evidence,
    foreign_history,
    replay,
    tools,
)


def test_the_option_names_every_tool() -> None:
    assert set(MIGRATION["from"].choices or ()) == set(tools.TOOLS)


def test_checksums_are_the_tools_own() -> None:
    text = "\ufeffCREATE TABLE ä (x int);\r\n\n-- end\r"
    (item,) = parse_files([{"name": "V1__a.sql", "content": text}], "flyway")
    crc = zlib.crc32("CREATE TABLE ä (x int);-- end".encode())
    assert int(tools.flyway_checksum(item) or 0) % (1 << 32) == crc
    assert tools.sqlx_checksum(item) == hashlib.sha384(text[1:].encode()).hexdigest()
    assert tools.prisma_checksum(item) == hashlib.sha256(text[1:].encode()).hexdigest()


@pytest.mark.parametrize("naming", ["plain", "liquibase"])
def test_a_change_set_is_found_as_liquibase_finds_it(naming: str) -> None:
    text = '--liquibase formatted sql\n  -- ChangeSet "m e":1 runInTransaction:false\nSELECT 1;\n'
    files = parse_files([{"name": "1_a.sql", "content": text}], naming)
    row = foreign_history.Row("db/1_a.sql::m e:1", "db/1_a.sql", "2026-01-01", "applied", None)
    found, left = foreign_history._liquibase([row], files)
    assert [(item.migration.file, item.at) for item in found] == [("1_a.sql", "2026-01-01")] and not left


def _flyway_row(version: str, script: str, state: str = "applied", checksum: str | None = "1") -> foreign_history.Row:
    return foreign_history.Row(version, script, "2026-01-01", state, checksum)


def test_a_baseline_file_has_run_where_flyway_says_so_of_it_or_of_what_it_stands_for() -> None:
    files = parse_files([{"name": name, "content": ""} for name in ("B3__all.sql", "V4__next.sql")], "flyway")
    own = [_flyway_row("3", "B3__all.sql", "baseline", "0"), _flyway_row("4", "V4__next.sql")]
    found, left = foreign_history._matched(tools.TOOLS["flyway"], own, files)
    assert [(item.migration.key, item.at, item.same_file) for item in found] == [
        ("B3", "2026-01-01", True), ("4", "2026-01-01", False),
    ] and not left  # fmt: skip
    older = [_flyway_row("1", "V1__a.sql"), _flyway_row("3", "V3__b.sql"), _flyway_row("9", "V9__x.sql")]
    found, left = foreign_history._matched(tools.TOOLS["flyway"], older, files)
    assert [(item.migration.key, item.same_file) for item in found] == [("B3", None)] and left == ["9"]
    for rows, due in (([_flyway_row("2", "V2__a.sql")], []), ([_flyway_row("9", "V9__x.sql")], ["B3"])):
        found, _left = foreign_history._matched(tools.TOOLS["flyway"], rows, files)
        assert [item.migration.key for item in found] == due


@pytest.mark.parametrize(
    ("head", "attribute"), [(" logicalFilePath:a/old.sql", ""), ("", " logicalFilePath:a/old.sql")]
)
def test_a_change_set_is_known_by_its_logical_path(head: str, attribute: str) -> None:
    text = f"--liquibase formatted sql{head}\n\n--changeset me:1{attribute}\nSELECT 1;\n"
    row = foreign_history.Row("old.sql::me:1", "a/old.sql", "2026-01-01", "applied", None)
    found, left = foreign_history._liquibase([row], parse_files([{"name": "1_new.sql", "content": text}], "liquibase"))
    assert [item.migration.file for item in found] == ["1_new.sql"] and not left


def _verdicts(steps: list[dict[str, str | None]], live: dict[str, str]) -> list[str]:
    """The verdicts on files which make objects what the steps say, one after another."""
    files = parse_files([{"name": f"{at}_x.sql", "content": ""} for at in range(1, len(steps) + 1)], "plain")
    state: dict[str, str] = {}
    effects = []
    for item, step in zip(files, steps):
        hashes = {
            name: inventory.hashes_of({name: text})[name] if text is not None else None for name, text in step.items()
        }
        now = inventory.hashes_of(state)
        effects.append(replay.Effect(item, {name: now.get(name) for name in step}, hashes, ""))
        state = {name: text for name, text in {**state, **step}.items() if text is not None}
    found, _extra = evidence.compare(effects, state, live)
    evidence.settle_traceless(found)
    return [item.verdict for item in found]


def test_what_was_so_before_a_file_does_not_prove_it() -> None:
    f, t = "function f()", "table t"
    back_and_forth: list[dict[str, str | None]] = [{f: "one"}, {f: "two"}, {f: "one"}]
    assert _verdicts(back_and_forth, {f: "one"}) == ["proven"] * 3  # nothing speaks against it
    assert _verdicts([*back_and_forth, {t: "t"}], {f: "one", t: "t"}) == ["proven"] * 4
    assert _verdicts([*back_and_forth, {t: "t"}], {f: "one"}) == ["proven", "unproven", "unproven", "absent"]
    assert _verdicts([{t: "t"}, *back_and_forth], {t: "t", f: "two"}) == ["proven", "proven", "proven", "absent"]
    first, second = "CREATE INDEX a ON t (x)", "CREATE INDEX b ON t (x)"
    indexes: list[dict[str, str | None]] = [{"index a": first}, {"index b": second}, {t: "t"}]
    assert _verdicts(indexes, {"index a": first}) == ["proven", "unproven", "absent"]
    assert _verdicts(indexes, {"index a": first, t: "t"}) == ["proven"] * 3
    assert _verdicts(indexes[1:], {"index old": first, t: "t"}) == ["proven"] * 2
