# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes measured on a copy: what serves a query and what does not, what writers pay, and that production sees nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import sandboxed
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import embedded_programs, make_database, start_server
from tests.drill_programs import drill_programs
from tests.integration.backups.helpers import backup
from tests.processes import ended, forked

SHOP = """
CREATE TABLE public."Customers" (id int PRIMARY KEY, email text NOT NULL UNIQUE, secret text);
CREATE TABLE public.orders (id int PRIMARY KEY, customer int REFERENCES public."Customers", placed timestamptz, note text);
INSERT INTO public."Customers" SELECT n, 'c' || n || '@example.com', 'SECRET-' || n FROM generate_series(1, 5000) n;
INSERT INTO public.orders SELECT n, 1 + n % 200, timestamptz '2026-01-01' + n * interval '1 minute', repeat('x', 100)
  FROM generate_series(1, 30000) n;
CREATE INDEX placed_at ON public.orders (placed);
CREATE INDEX "placed again; DROP %" ON public.orders (placed);
CREATE INDEX idle ON public.orders (note);
CREATE UNIQUE INDEX only_once ON public."Customers" (secret);
CREATE TABLE public.wrote (id int);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.wrote VALUES (1); RETURN NEW; END $$;
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TABLE public.events (at date NOT NULL, kind int) PARTITION BY RANGE (at);
CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE INDEX kinds ON public.events (kind);
INSERT INTO public.events SELECT date '2026-01-01' + n % 31, n FROM generate_series(1, 5000) n;
"""
QUERIES = {
    "newest": "SELECT id, placed FROM public.orders ORDER BY placed DESC LIMIT 5",
    "by_secret": 'SELECT id FROM public."Customers" WHERE secret = $1',
    "of_a_kind": "SELECT at FROM public.events e WHERE e.kind = $1",
    "writes": "SELECT public.writes()",
    "unclear": "SELECT id FROM public.orders WHERE left(note, $1) = 'x'",
    "given": "-- values: SELECT 7\n-- plan: orders_pkey\nSELECT customer FROM public.orders WHERE id = $1",
    "unknown": "SELECT no_such_column FROM public.orders",
    "afar": "SELECT public.raised('08001') FROM public.orders",
    "slow": "SELECT public.raised('57014') FROM public.orders",
}
WRITES = """CREATE FUNCTION public.writes() RETURNS void LANGUAGE sql AS $$ INSERT INTO public.wrote VALUES (1) $$;
CREATE FUNCTION public.raised(code text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'as it happens' USING ERRCODE = code; END $$;
"""


@pytest.fixture
def shop(settings: ConnectionSettings, workdir: Path) -> ConnectionSettings:
    workdir.chmod(0o755)
    for name, mode in (("backups", 0o700), ("d", 0o755), ("queries", 0o755)):
        (workdir / name).mkdir(mode)
    with connect(settings) as database:
        database.execute(SHOP + WRITES)
    for name, text in QUERIES.items():
        (workdir / "queries" / f"{name}.sql").write_text(text)
    backup(settings, workdir / "backups", verify="checksum")
    return settings


def _arguments(workdir: Path, *more: str) -> list[str]:
    where = ["--dest", str(workdir / "backups"), "--drill-dir", str(workdir / "d"), "--programs", drill_programs()]
    return ["measure", *where, "--queries", str(workdir / "queries"), *more]


def _measured(workdir: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    status = cli.main(_arguments(workdir, "--json", "--rounds", "7", *more))
    said = capsys.readouterr()
    assert status == 0, said.err
    data: dict[str, Any] = json.loads(said.out)
    return data


@pytest.mark.usefixtures("shop")
def test_every_index_alone(workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DB_HOST", "DB_NAME", "DB_USER", "DB_PORT"):
        monkeypatch.delenv(name, raising=False)  # nothing tells it where production is
    data = _measured(workdir, capsys, "--markdown", str(workdir / "page.md"))
    indexes = {each["name"]: each for each in data["indexes"]}
    assert set(indexes) == {"placed_at", '"placed again; DROP %"', "idle", "only_once", "kinds"}
    pairs = {(each["name"], each["indexes"][0]): each for each in data["queries"]}
    # The two on placed are each other's duplicates: neither is missed when it is left out alone.
    assert set(pairs) == {("of_a_kind", "kinds"), ("by_secret", "only_once")}
    assert all(each["plan_changed"] and each["without_ms"] > 0 for each in pairs.values())
    assert not any(each["by_clock"] for each in pairs.values()), "the server's process is seen in its sandbox"
    assert indexes["placed_at"]["serves"] == indexes["idle"]["serves"] == []
    assert pairs["of_a_kind", "kinds"]["pages_without"] > pairs["of_a_kind", "kinds"]["pages_with"]
    assert indexes["only_once"]["unique"] and indexes["idle"]["bytes"] > 8192 and indexes["idle"]["build_seconds"] > 0
    for name in ("placed_at", "kinds"):
        for what in ("insert", "update"):
            assert indexes[name][what]["with_us"] > 0 and indexes[name][what]["without_us"] > 0
    assert any("orders_pkey: the constraint orders_pkey" in each for each in data["needed"])
    reasons = {each["name"]: each["reason"] for each in data["not_measured"]}
    assert set(reasons) == {"writes", "unclear", "unknown", "afar", "slow"}, (
        "each is named, and the others are measured"
    )
    assert (
        "read-only" in reasons["writes"]
        and "-- values:" in reasons["unclear"]
        and "no_such_column" in reasons["unknown"]
    )
    page = (workdir / "page.md").read_text()
    assert "of_a_kind, kinds" in page
    assert "SECRET-" not in page + json.dumps(data), "values of rows are printed nowhere"
    assert not list((workdir / "d").iterdir())


def test_without_a_sandbox_nothing_is_asked_beside_an_extension_that_reaches_others(
    settings: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query of production may act on other servers; on a copy it would do so once more, many times."""
    monkeypatch.setattr(sandboxed, "why_no_sandbox", lambda *_given: "switched off")
    workdir.chmod(0o755)
    for name, mode in (("backups", 0o700), ("d", 0o755), ("queries", 0o755)):
        (workdir / name).mkdir(mode)
    with connect(settings) as database:
        database.execute(
            "CREATE EXTENSION dblink SCHEMA public; CREATE TABLE public.t (id int); CREATE INDEX i ON public.t (id)"
        )
    (workdir / "queries" / "one.sql").write_text("SELECT id FROM public.t")
    backup(settings, workdir / "backups", verify="checksum")
    assert cli.main(_arguments(workdir, "--rounds", "7")) != 0
    said = capsys.readouterr().err
    assert "dblink" in said and "--without-sandbox true" in said and "a query could reach others" in said
    assert cli.main(_arguments(workdir, "--rounds", "7", "--without-sandbox", "yes")) == 0


def test_indexes_together_and_those_of_pending_migrations(
    shop: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = _measured(workdir, capsys, "--indexes", "placed_at,placed again; DROP %")
    newest = next(each for each in named["queries"] if each["name"] == "newest")
    assert newest["plan_changed"] and newest["plan_without"] == "Seq Scan orders"
    assert newest["pages_without"] > 100 * newest["pages_with"] and newest["factor"] > 1
    given = next(each for each in named["queries"] if each["name"] == "given")
    assert given["result"] == "no effect: the same plan" and given["without_ms"] > 0
    folder = workdir / "migrations"
    folder.mkdir()
    twin = "CREATE INDEX CONCURRENTLY IF NOT EXISTS twin ON public.orders (note);\n"
    (folder / "1_more.sql").write_text(f"{twin}CREATE INDEX CONCURRENTLY by_customer ON public.orders (customer);\n")
    (workdir / "queries" / "newest.sql").write_text("SELECT id FROM public.orders WHERE customer = $1")
    pending = _measured(workdir, capsys, "--migrations", str(folder))
    assert [each["name"] for each in pending["indexes"]] == ["by_customer"] and pending["missing"] == ["twin"]
    assert next(each for each in pending["queries"] if each["name"] == "newest")["plan_with"].endswith(
        "Scan by_customer"
    )
    with connect(shop) as database:
        assert database.value("SELECT to_regclass('public.by_customer')") is None


@pytest.mark.parametrize(
    "wrong",
    [
        ["--rounds", "6"],
        ["--indexes", "x", "--migrations", "y"],
        ["--samples", "0"],
        ["--markdown", "/no/such/directory/x.md"],
    ],
)
def test_what_cannot_be_used_is_named(wrong: list[str], workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "queries").mkdir()
    (workdir / "backups").mkdir()
    assert cli.main(_arguments(workdir, *wrong)) == 2
    assert wrong[0] in capsys.readouterr().err


def test_a_killed_run_is_gone_after_the_next(
    shop: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run is one that only the copy can tell is of no use."""
    for last, wrong in (("measure.absent", "nothing"), ("measure.writes", "orders_pkey")):

        def die(name: str, last: str = last) -> None:
            if name == last:
                os.kill(os.getpid(), signal.SIGKILL)

        def run(die: Callable[[str], None] = die) -> None:
            sys.stderr = sys.stdout = (workdir / "said").open("w", encoding="utf-8")
            with observed(die):
                os._exit(cli.main(_arguments(workdir, "--rounds", "7", "--indexes", "idle")))

        with forked(run) as pid:
            assert ended(pid) == -signal.SIGKILL, (workdir / "said").read_text()
        assert list((workdir / "d").iterdir()), "the killed one could not clean up"
        assert cli.main(_arguments(workdir, "--indexes", wrong)) == 2
        assert wrong in capsys.readouterr().err and not list((workdir / "d").iterdir())


def test_the_queries_of_production_that_take_the_most_time(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One connection reads them; the values of their parameters come from the copy, and are printed nowhere."""
    server = start_server(embedded_programs(), "shared_preload_libraries=pg_stat_statements")
    try:
        settings = make_database(server)
        workdir.chmod(0o755)
        for name, mode in (("backups", 0o700), ("d", 0o755)):
            (workdir / name).mkdir(mode)
        with connect(settings, fixed_settings=False) as database:
            database.execute(SHOP + "CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
            database.execute(
                "SELECT id FROM public.orders WHERE note LIKE 'x%' AND customer = 7 AND note <> 'SECRET-7' LIMIT 3"
            )
            database.execute("UPDATE public.orders SET note = note WHERE id < 1000")
            database.execute("SELECT count(*) FROM pg_class")
        backup(settings, workdir / "backups", verify="checksum")
        env = workdir / "env"
        env.write_text(
            f"DATABASE_URL=postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}\n"
        )
        where = [
            "--dest",
            str(workdir / "backups"),
            "--drill-dir",
            str(workdir / "d"),
            "--programs",
            drill_programs(),
        ]
        more = ["--top", "20", "--rounds", "7", "--env-file", str(env), "--indexes", "idle"]
        assert cli.main(["measure", *where, *more, "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        (query,) = (each for each in data["queries"] if "LIKE" in str(each["statement"]))
        assert query["name"].startswith("statement ") and query["pages_with"] > 0
        assert "UPDATE" not in str(data["queries"]) and "SECRET" not in json.dumps(data)
    finally:
        server.remove()
