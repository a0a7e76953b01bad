# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes proposed: what was tried on a copy, written as a migration that our own check accepts, applied, and measured again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect import effects
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.rounds import Phase
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.stopwatch import Timed
from ansible_collections.titan.database.plugins.module_utils._engine.index_effect.verdict import Round
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.operation import migration
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import embedded_programs, make_database, start_server
from tests.drill_programs import drill_programs
from tests.integration.backups.helpers import backup

HOSTILE = """-- verify: SELECT 'no' "%s" $x$; \\ """
NAME = HOSTILE.replace('"', '""')
SHOP = f"""
CREATE SCHEMA "{NAME}";
CREATE TABLE "{NAME}"."{NAME}" (id int PRIMARY KEY, "{NAME}" int, "order" timestamptz, live boolean, note text, doc json);
INSERT INTO "{NAME}"."{NAME}" SELECT n, n % 4000, timestamptz '2026-01-01' + (n * 7919 % 40000) * interval '1 minute', n % 500 = 0,
  repeat('x', 60), '{{}}' FROM generate_series(1, 40000) n;
CREATE TABLE public.covered (id int PRIMARY KEY, a int, b int);
INSERT INTO public.covered SELECT n, n % 2, n FROM generate_series(1, 20000) n;
CREATE INDEX covered_a_b ON public.covered (a, b);
CREATE TABLE public.parts (at date NOT NULL, kind int) PARTITION BY RANGE (at);
CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO public.parts SELECT date '2026-01-01' + n % 31, n FROM generate_series(1, 5000) n;
"""
FROM = f'FROM "{NAME}"."{NAME}" AS "the t"'
QUERIES = {
    "newest": f'SELECT id {FROM} ORDER BY "order" DESC LIMIT 10',
    "verify: of a value": f'SELECT note {FROM} WHERE "{NAME}" = $1',
    "live": f'SELECT id {FROM} WHERE live AND "order" > $1',
    "everything": f"SELECT count(note) {FROM}",
    "half": "SELECT count(id) FROM public.covered WHERE a = $1",
    "part": "SELECT at FROM public.parts WHERE kind = $1",
}


@pytest.fixture
def shop(settings: ConnectionSettings, workdir: Path) -> ConnectionSettings:
    workdir.chmod(0o755)
    for name, mode in (("backups", 0o700), ("d", 0o755), ("queries", 0o755), ("migrations", 0o755)):
        (workdir / name).mkdir(mode)
    with connect(settings) as database:
        database.execute(SHOP)
    for name, text in QUERIES.items():
        (workdir / "queries" / f"{name}.sql").write_text(text)
    backup(settings, workdir / "backups", verify="checksum")
    return settings


def _measured(workdir: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    where = ["--dest", str(workdir / "backups"), "--drill-dir", str(workdir / "d"), "--programs", drill_programs()]
    what = ["--queries", str(workdir / "queries"), "--rounds", "7", "--json", *more]
    status = cli.main(["measure", *where, *what])
    said = capsys.readouterr()
    assert status == 0, said.err
    data: dict[str, Any] = json.loads(said.out)
    return data


def _migrated(settings: ConnectionSettings, folder: Path, check: bool = False, **more: Any) -> Outcome:
    files = [{"name": each.name, "content": each.read_text()} for each in sorted(folder.iterdir())]
    return migration(Call(complete({"files": files, **more}, MIGRATION), settings, check))


def _indexes(settings: ConnectionSettings) -> list[str]:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', %s) ORDER BY 1"
    with connect(settings) as database:
        return [row["indexdef"] for row in database.rows(query, (HOSTILE,))]


def _by_the_plan(
    executions: Mapping[str, Callable[[], object]], phase: Phase, rounds: int, _random: Random
) -> dict[str, Timed]:
    """In the place of the clock, which a busy machine disturbs: all are executed, and all but "live" are faster."""
    for there in (False, True, False):
        with phase(there):
            for execute in executions.values():
                execute()
    return {name: Timed((Round(9, 9 if name == "live" else 1, 9),) * rounds, False) for name in executions}


def test_what_is_proposed_is_a_migration_that_helps(
    shop: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "measure_rounds", _by_the_plan)
    folder, before = workdir / "migrations", _indexes(shop)
    data = _measured(workdir, capsys, "--suggest", str(folder / "1_suggested.sql"))
    suggested = data["suggestion"]
    text, rollback = (folder / "1_suggested.sql").read_text(), (folder / "1_suggested.down.sql").read_text()
    assert (text, rollback) == (suggested["migration"], suggested["rollback"])
    assert _indexes(shop) == before, "production is not touched"
    faster = {each["name"] for each in data["queries"] if each["effect"] == "faster"}
    assert faster == {"newest", "verify: of a value"} and len(suggested["indexes"]) == 2
    assert {tuple(each["serves"]) for each in data["indexes"]} == {("newest",), ("verify: of a value",)}
    assert any("faster" in each["reason"] and "live" in each["index"] for each in suggested["rejected"])
    assert (
        text.count("CREATE INDEX CONCURRENTLY IF NOT EXISTS")
        == rollback.count("DROP INDEX CONCURRENTLY")
        == len(suggested["indexes"])
    )
    assert "covered" not in text.partition("\n\nCREATE")[2]
    assert {
        "index": "public.parts_1 (kind)",
        "reason": "the table is partitioned, where no index can be built concurrently",
    } in suggested["rejected"]

    would = _migrated(shop, folder, check=True)
    assert would.data["lint"] == [] and would.changed, would.data
    done = _migrated(shop, folder)
    assert done.changed and [each["version"] for each in done.data["applied"]] == ["1"]
    assert len(_indexes(shop)) == len(before) + len(suggested["indexes"])

    backup(shop, workdir / "backups", verify="checksum")
    again = _measured(workdir, capsys, "--suggest", str(folder / "2_more.sql"))
    assert again["suggestion"]["migration"] == "" and again["indexes"] == [], "nothing is left to propose"
    assert not (folder / "2_more.sql").exists()
    _migrated(shop, folder, state="rolled_back", target="0", allow_rollback=True)
    assert _indexes(shop) == before


DOCS = """
CREATE SCHEMA "the x"; CREATE EXTENSION pg_trgm SCHEMA "the x"; CREATE EXTENSION pg_stat_statements;
CREATE TABLE docs (id int PRIMARY KEY, doc jsonb, tags int[], body text, mail varchar(40));
INSERT INTO docs SELECT n, jsonb_build_object('k', n), ARRAY[n, n + 1], 'SECRET ' || md5(n::text), 'Who' || n || '@example.org'
  FROM generate_series(1, 8000) n;
SELECT pg_stat_statements_reset();
"""


def test_expressions_and_what_a_gin_finds_are_proposed_for_production(
    workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries of pg_stat_statements, with parameters from the copy, beside one of a file."""
    monkeypatch.setattr(effects, "measure_rounds", _by_the_plan)
    server = start_server(embedded_programs(), "shared_preload_libraries=pg_stat_statements")
    try:
        settings = make_database(server)
        workdir.chmod(0o755)
        for name, mode in (("backups", 0o700), ("d", 0o755), ("queries", 0o755), ("migrations", 0o755)):
            (workdir / name).mkdir(mode)
        with connect(settings, fixed_settings=False) as database:
            database.execute(DOCS)
            for condition in ("doc @> '{\"k\": 7}'", "tags && '{5}'"):
                database.execute(f"SELECT id FROM docs WHERE {condition}")
        (workdir / "queries" / "mail.sql").write_text("SELECT id FROM docs d WHERE lower(d.mail) = lower($1)")
        text = "-- values: SELECT '%c4ca42%'\nSELECT id FROM docs WHERE body LIKE $1"
        (workdir / "queries" / "like.sql").write_text(text)
        backup(settings, workdir / "backups", verify="checksum")
        (workdir / "env").write_text(
            f"DATABASE_URL=postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}\n"
        )
        more = ("--top", "9", "--env-file", str(workdir / "env"), "--suggest", str(workdir / "migrations" / "1_s.sql"))
        data = _measured(workdir, capsys, *more)
        found = {
            line.partition(" USING ")[2] for line in data["suggestion"]["migration"].splitlines() if "CREATE" in line
        }
        assert found == {
            "gin (doc);", "gin (tags);", 'gin (body "the x".gin_trgm_ops);', "btree (lower((mail)::text));"
        }, data  # fmt: skip
        assert "SECRET" not in json.dumps(data)
        would = _migrated(settings, workdir / "migrations", check=True)
        assert would.changed and would.data["lint"] == []
        assert _migrated(settings, workdir / "migrations").changed
        assert sum("idx_docs_" in each for each in _indexes(settings)) == 4
    finally:
        server.remove()


@pytest.mark.parametrize("wrong", ["1.txt", "no/1.sql", "there.sql", "half.sql", "1.sql --indexes x"])
def test_a_file_that_cannot_be_written_is_named_before_anything_is_restored(
    wrong: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "q.sql").write_text("SELECT 1")
    for name in ("there.sql", "half.down.sql"):
        (workdir / name).touch()
    name, *more = wrong.split()
    assert (
        cli.main(
            [
                "measure",
                "--dest",
                str(workdir),
                "--queries",
                str(workdir / "q.sql"),
                "--suggest",
                str(workdir / name),
                *more,
            ]
        )
        == 2
    )
    assert "suggest" in capsys.readouterr().err
