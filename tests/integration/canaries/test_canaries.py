# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every word of titan-db and every module, when it succeeds and when it fails: no canary is in anything that is said or written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, login, make_database
from tests.integration.alerts.stub import Stub, running_stub
from tests.integration.backups.secrets import CommandLines

from .site import CANARY, DATABASE, NAME, UNACCEPTABLE, Site

pytestmark = pytest.mark.slow

MIGRATIONS = {
    "unique": "INSERT INTO public.logs SELECT id, level, at FROM public.logs LIMIT 1",
    "check": f"""ALTER TABLE public."{NAME}" ADD CONSTRAINT none CHECK (mail IS NULL)""",
    "cast": "ALTER TABLE public.logs ALTER level TYPE int USING level::int",
    "raise": "DO $$ BEGIN RAISE EXCEPTION 'of %', (SELECT level FROM public.logs LIMIT 1) USING HINT = (SELECT min(level) FROM public.logs); END $$",
    "trigger": "DELETE FROM public.kept",
    "dynamic": "DO $$ BEGIN EXECUTE 'SELECT ' || (SELECT level FROM public.logs LIMIT 1); END $$",
    "password": f"CREATE ROLE k7 PASSWORD '{CANARY}-migration' NONSENSE",
    "value": f"INSERT INTO public.logs VALUES (1, '{CANARY}-seed', '{CANARY}-seed')",
    "verify": "-- verify: SELECT level::int = 1 FROM public.logs LIMIT 1\nSELECT 1",
}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        yield made


@pytest.fixture
def site(server: Cluster, stub: Stub, workdir: Path) -> Iterator[Site]:
    made = make_database(server)
    role = f"{made.database}_role"
    with connect(made, fixed_settings=False) as database:
        database.execute(DATABASE.format(name=made.database, role=role))
    yield Site(workdir, made, stub)
    with connect(server.settings()) as admin:
        for row in admin.rows("SELECT datname::text FROM pg_database WHERE starts_with(datname, %s)", (made.database,)):
            drop_database(server, row["datname"])
        admin.execute(f'DROP ROLE "{role}"')


def sql(site: Site, text: str) -> None:
    with connect(site.settings, fixed_settings=False) as database:
        database.execute(text)


def words(site: Site, call_module: Any) -> None:
    """Every word once, when all is well and when something is not; each ends with the status that it has to."""
    policies = [
        {"name": "logs", "table": "logs", "column": "at", "keep": "20 days", "archive": f"{site.folder}/archive"}
    ]
    site.keep("policies", call_module("retention_policy", policies=policies, **login(site.settings)))
    assert site.titan_db("backup", "backup", "--verify", "checksum", "--json") == 0
    assert site.titan_db("drill", "drill") == 0
    assert site.titan_db("list", "list") == 0
    assert site.titan_db("cleanup, checked", "cleanup", "--check", "--json") == 0
    assert site.titan_db("cleanup", "cleanup", "--json") == 0
    page = f"{site.folder}/page.html"
    assert site.titan_db("stats, as a page", "stats", "--html", page) == 0
    site.keep("the page", {"page": Path(page).read_text(encoding="utf-8")})
    for word in ("stats", "health", "reindex"):
        site.titan_db(word, word, "--json", *(["--by-hand"] if word != "health" else []))
    assert site.titan_db("restore", "restore", "--source", newest(site), "--into", f"{site.settings.database}_new") == 0
    for each in ("notify-test --check", "notify-test", "note --job backup --status 3"):
        assert site.titan_db(each, *each.split()) == (0 if "note " in each else 2)


def failures(site: Site, call_module: Any) -> None:
    """Every word whose work a row, a lost database or a broken place keeps from being done."""
    sql(site, UNACCEPTABLE)
    assert site.titan_db("backup that is not restored", "backup", "--verify", "restored") == 1
    assert site.titan_db("backup that is not proven", "backup", "--verify", "checksum") == 0
    assert site.titan_db("drill that fails", "drill", "--source", newest(site)) == 1
    target = ("--into", f"{site.settings.database}_bad")
    assert site.titan_db("restore that fails", "restore", "--source", newest(site), *target) == 1
    assert site.titan_db("plain", "backup", "--format", "plain", "--verify", "checksum") == 0
    assert site.titan_db("restore that fails, plain", "restore", "--source", newest(site, "sql"), *target) == 1
    policies = [
        {"name": "kept", "table": "kept", "column": "at", "keep": "20 days"},
        {"name": "logs", "table": "logs", "column": "at", "keep": "10 days", "archive": f"{site.folder}/archive"},
    ]
    site.keep("more policies", call_module("retention_policy", policies=policies, **login(site.settings)))
    (site.folder / "archive").rename(site.folder / "elsewhere")
    (site.folder / "archive").touch()
    assert site.titan_db("cleanup that a trigger refuses and that has no archive", "cleanup", "--json") == 1
    site.connect_to(1)
    for word in ("backup", "health"):
        assert site.titan_db(f"{word} without a database", word) != 0
    site.connect_to(site.settings.port)


def newest(site: Site, kind: str = "dump") -> str:
    return str(
        max(
            path
            for path in (site.folder / "backups").iterdir()
            if path.name.endswith((f".{kind}", f".{kind}.gz", f".{kind}.zst"))
        )
    )


def modules(site: Site, call_module: Any) -> None:
    """Migrations that fail on rows; modules that only tell."""
    for number, (name, text) in enumerate(MIGRATIONS.items()):
        folder = site.folder.parent / f"{site.folder.name}-migrations-{number}"
        folder.mkdir()
        (folder / f"0001_{name}.sql").write_text(text)
        result = site.keep(f"migration: {name}", call_module("migration", path=str(folder), **login(site.settings)))
        assert result.get("failed"), name
        assert f"0001_{name}.sql" in result["msg"]
        (folder / f"0001_{name}.sql").unlink()
        folder.rmdir()
    site.keep("health_info", call_module("health_info", **login(site.settings)))
    site.keep("backup_info", call_module("backup_info", dest=f"{site.folder}/backups"))
    site.keep("migration_info", call_module("migration_info", path=str(site.folder), **login(site.settings)))


def found_in(text: str) -> bool:
    return CANARY in text.lower()


def test_no_canary_is_said_or_written(site: Site, stub: Stub, call_module: Any) -> None:
    with CommandLines() as lines:
        words(site, call_module)
        failures(site, call_module)
        modules(site, call_module)
    assert any("pg_restore" in line for line in lines.seen) and any("pg_dump" in line for line in lines.seen)
    told = [body for path, body in stub.received if path == "/message"]
    assert len(told) > 5 and any("may hold a row" in body for body in told)
    places = [
        *site.said.items(),
        *((path, text) for path, text in without_settings(site.written())),
        *(("message", body) for _path, body in stub.received),
        *(("command line", line) for line in lines.seen),
    ]
    leaks = [f"{place}: {around(text)}" for place, text in places if found_in(text)]
    assert not leaks, "\n\n".join(leaks)
    # A name is told, but never with what it holds of line ends.
    assert "k7name" in str(site.said)
    assert [place for place, text in site.said.items() if NAME in text] == []


def without_settings(files: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """A manifest that is not encrypted lies beside its dump, for its owner only, and has the database's own settings."""
    for path, text in files:
        if path.startswith("backups/") and path.endswith(".json"):
            manifest = json.loads(text)
            assert manifest["source"].pop("properties")["settings"]
            text = json.dumps(manifest)
        yield path, text


def around(text: str) -> str:
    at = text.lower().index(CANARY)
    return text[max(0, at - 200) : at + 60]
