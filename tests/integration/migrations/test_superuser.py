# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations by a superuser run no code of a database's owner, unless that was accepted: then it is warned of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.operation import migration
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import sandboxed
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import login
from tests.hostile import Owned, owned_database, sprung

TABLES = """
CREATE TABLE public.of_index (id int, b int);
INSERT INTO public.of_index VALUES (1, 1);
CREATE INDEX ON public.of_index ((id + public.f(1)));
CREATE FUNCTION public.rise() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); RETURN NEW; END';
CREATE TABLE public.with_trigger (id int DEFAULT public.deed(1), b int);
CREATE TRIGGER t BEFORE INSERT ON public.with_trigger FOR EACH ROW EXECUTE FUNCTION public.rise();
"""
# What stands before pg_catalog in the search_path, which the owner sets for everybody: whatever is compared is compared by it.
IN_THE_WAY = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.same(name, name) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); RETURN $1 OPERATOR(pg_catalog.=) $2; END';
CREATE FUNCTION evil.same(text, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); RETURN $1 OPERATOR(pg_catalog.=) $2; END';
CREATE FUNCTION evil.same(oid, oid) RETURNS bool LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); RETURN $1 OPERATOR(pg_catalog.=) $2; END';
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.same);
GRANT USAGE ON SCHEMA evil TO PUBLIC;
ALTER DATABASE {database} SET search_path = evil, pg_catalog, public;
"""
PLAIN = [{"name": "0001_a.sql", "content": "INSERT INTO public.with_trigger (b) VALUES (1);"}]


@pytest.fixture(params=["server", "server15"])
def owned(request: pytest.FixtureRequest) -> Iterator[Owned]:
    with owned_database(request.getfixturevalue(request.param), TABLES) as made:
        yield made


def test_a_superuser_runs_nothing_where_others_own_something(owned: Owned, call_module: Any) -> None:
    """Whatever is asked for, and before anything was read."""
    with connect(owned.owner) as database:
        database.execute(IN_THE_WAY.format(database=owned.owner.database))
    for more in (
        {},
        {"check_mode": True},
        {"rehearse": True},
        {"apply_pending": False},
        {"state": "baselined"},
        {"state": "rolled_back", "target": "0", "allow_rollback": True},
        {"state": "adopted", "from": "flyway", "naming": "flyway", "files": [{"name": "V1__a.sql", "content": "SELECT 1;"}]},
    ):  # fmt: skip
        result = call_module("migration", **{**login(owned.admin), "files": PLAIN, **more})
        assert result.get("failed"), more
        assert "The connected role is a superuser" in result["msg"] and "accept_superuser: true" in result["msg"], (
            result
        )
    assert sprung(owned)


def run(settings: ConnectionSettings, check_mode: bool = False, **options: Any) -> Outcome:
    return migration(Call(complete({"files": PLAIN, **options}, MIGRATION), settings, check_mode))


def test_accepted_it_runs_and_each_run_warns(owned: Owned) -> None:
    for check_mode in (True, False, False):
        done = run(owned.admin, check_mode, accept_superuser=True)
        assert len([text for text in done.warnings if "was accepted by accept_superuser" in text]) == 1, done
        assert owned.trace.exists() is not check_mode  # the trap: the owner's trigger ran as a superuser


def test_the_owner_needs_nothing_said(owned: Owned) -> None:
    assert not run(owned.owner).warnings


def test_a_superuser_among_superusers_needs_nothing_said(settings: ConnectionSettings) -> None:
    files = [{"name": "0001_a.sql", "content": "CREATE TABLE public.t (id int); CREATE VIEW public.v AS SELECT 1;"}]
    for _run in range(2):
        assert not run(settings, files=files).warnings


@pytest.mark.parametrize("as_what", ["superuser", "pg_execute_server_program", "pg_write_server_files"])
def test_who_may_become_one_counts_as_one(settings: ConnectionSettings, call_module: Any, as_what: str) -> None:
    name, owner = f"{settings.database}_member", f"{settings.database}_other"
    with connect(settings) as database:
        role = settings.user if as_what == "superuser" else as_what
        database.execute(f'CREATE ROLE {name} LOGIN IN ROLE "{role}"; CREATE ROLE {owner}')
        database.execute(f"GRANT ALL ON DATABASE {settings.database} TO {name}, {owner}")
    try:
        there = login(settings._replace(user=name))
        files = [{"name": "0001_a.sql", "content": "SELECT 1;"}]
        assert not call_module("migration", **there, files=files, check_mode=True).get("failed")
        for what in (
            f"CREATE SCHEMA s AUTHORIZATION {owner}",
            f"DROP SCHEMA s; CREATE VIEW public.v AS SELECT 1 AS a; ALTER VIEW public.v OWNER TO {owner}",
            f"DROP VIEW public.v; CREATE DOMAIN public.d AS int CHECK (VALUE > 0); ALTER DOMAIN public.d OWNER TO {owner}",
        ):
            with connect(settings) as database:
                database.execute(what)
            result = call_module("migration", **there, files=files, check_mode=True)
            assert result.get("failed") and f"is a member of '{role}'" in result["msg"], result
    finally:
        with connect(settings) as database:
            database.execute(f"DROP OWNED BY {name}, {owner}; DROP ROLE {name}, {owner}")


def test_looking_at_the_history_runs_nothing(owned: Owned, call_module: Any) -> None:
    """Not even where a file was edited, so that its former text is read, and where the owner's operators come first."""
    assert not call_module("migration", **login(owned.owner), files=PLAIN).get("failed")
    edited = [{**PLAIN[0], "content": "SELECT 'another 100%';"}]
    theirs = call_module("migration_info", **login(owned.owner), files=edited)
    with connect(owned.owner) as database:
        database.execute("CREATE INDEX ON titan_ops.migration_history ((id + public.f(1)))")
        database.execute(IN_THE_WAY.format(database=owned.owner.database))
    told = [call_module("migration_info", **login(owned.admin), files=edited), theirs]
    assert not owned.trace.exists()
    assert not any(each.get("failed") for each in told), told
    assert told[0]["tampered"] == told[1]["tampered"] and "100%" in told[0]["tampered"][0]["diff"], told
    assert sprung(owned)


def test_a_replay_takes_the_search_path_as_a_value(server: Any, call_module: Any, workdir: Path) -> None:
    """It is set in a throw-away cluster, by that cluster's superuser: as text it would be statements."""
    workdir.chmod(0o777)  # the cluster's user is another one
    ran = workdir / "ran"
    path = f"public;create/**/table/**/public.t(a/**/text);copy/**/public.t/**/from/**/program/**/'id>{ran}'"
    with owned_database(server, "CREATE TABLE public.here (id int);") as made:
        with connect(made.owner) as database:
            database.value("SELECT set_config('search_path', %s, false)", (path,))
            database.execute(f"ALTER DATABASE {made.owner.database} SET search_path FROM CURRENT")
        files = [{"name": "0001_a.sql", "content": "CREATE TABLE public.here (id int);"}]
        result = call_module(
            "migration", **login(made.owner), files=files, state="baselined", check_mode=True, programs=made.programs()
        )
        assert not result.get("failed"), result
        assert not ran.exists()
        assert result["baseline"][0]["verdict"] == "proven", result["baseline"]


@pytest.mark.parametrize("sandbox", [True, False])
def test_a_replay_starts_no_program_on_this_host(
    server: Any, workdir: Path, monkeypatch: pytest.MonkeyPatch, sandbox: bool
) -> None:
    """Whoever writes migrations is no superuser on the live server, and becomes nobody here: as "postgres" it would be one there."""
    workdir.chmod(0o777)  # the cluster's user is another one
    ran = workdir / "ran"
    if not sandbox:
        monkeypatch.setattr(sandboxed, "why_no_sandbox", lambda *_arguments: "no namespaces")
    deed = f"COPY (SELECT 1) TO PROGRAM 'id > {ran}'"
    contents = [
        "CREATE TABLE public.here (id int);",
        f"DO $$ BEGIN EXECUTE $x$ {deed} $x$; EXCEPTION WHEN OTHERS THEN NULL; END $$; CREATE TABLE public.also (id int);",
    ]
    with owned_database(server, "CREATE TABLE public.here (id int); CREATE TABLE public.also (id int);") as made:
        files = [{"name": f"000{number}_a.sql", "content": text} for number, text in enumerate(contents, 1)]
        done = run(made.owner, True, files=files, state="baselined", programs=made.programs())
    assert not ran.exists(), ran.read_text()
    assert [each["verdict"] for each in done.data["baseline"]] == ["proven", "unproven: data"], done
    said = [each for each in done.warnings if "this host cannot create a sandbox (no namespaces)" in each]
    assert len(said) == (0 if sandbox else 1), done.warnings
