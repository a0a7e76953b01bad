# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring: into a new database, checked, then swapped in; the live one is unharmed whatever happens."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import drop_database, embedded_programs, login
from tests.steps import failing_at, killed_at

from .helpers import backup, damage, drill, needs_zstd, restore


def databases(server: Cluster) -> set[str]:
    with connect(server.settings()) as admin:
        return {row["datname"] for row in admin.rows("SELECT datname::text FROM pg_database")}


@pytest.fixture(autouse=True)
def clean(server: Cluster) -> Iterator[None]:
    before = databases(server)
    yield
    for name in databases(server) - before:
        drop_database(server, name.replace('"', '""'))


def rows(settings: ConnectionSettings, table: str = "public.users") -> int:
    with connect(settings) as database:
        return int(database.value(f"SELECT count(*) FROM {table}"))


@pytest.mark.parametrize("form", ["custom", "plain", "directory"])
def test_a_new_database_is_what_the_source_was(
    server: Cluster, small: ConnectionSettings, dest: Path, call_module: Callable[..., Any], form: str
) -> None:
    backup(small, dest, format=form, compression="gzip")
    before = databases(server)
    arguments = {**login(small), "dest": str(dest), "into": "looked at; later", "programs": embedded_programs()}
    planned = call_module("restore", check_mode=True, **arguments)
    assert planned["changed"] is True and databases(server) == before
    done = call_module("restore", **arguments)
    assert planned["restored"] == done["restored"], "a check tells what a restore brings"
    assert done["restored"]["rows"] == 4500 and done["previous_database"] is None, done
    assert databases(server) == before | {"looked at; later"}
    assert rows(small.to("looked at; later"), "public.orders") == 4000
    again = call_module("restore", **arguments)
    assert again["failed"] and "'into'" in again["msg"] and "exists" in again["msg"]
    assert databases(server) == before | {"looked at; later"}


def test_swap_keeps_the_live_database_under_a_dated_name(
    server: Cluster, small: ConnectionSettings, dest: Path, first: str
) -> None:
    """The live database has gained rows, a foreign key and a view since, and people are connected to it."""
    with connect(small) as live:
        live.execute(
            "CREATE TABLE public.later (user_id int REFERENCES public.users); CREATE VIEW public.seen AS SELECT * FROM public.users"
        )
        live.execute(
            "INSERT INTO public.users (email) VALUES ('new@example.org'); INSERT INTO public.later VALUES (501)"
        )
    session = connect(small)
    stop = threading.Event()

    def reconnect() -> None:
        while not stop.is_set():
            try:
                with connect(small) as impatient:
                    impatient.value("SELECT count(*) FROM public.users")
            except DatabaseError:
                time.sleep(0.01)

    thread = threading.Thread(target=reconnect)
    thread.start()
    try:
        done = restore(small, source=first, into=small.database, swap=True)
    finally:
        stop.set()
        thread.join()
    with pytest.raises(DatabaseError):
        session.value("SELECT 1")
    previous = str(done.data["previous_database"])
    assert previous.startswith(f"{small.database}_before_20")
    assert (rows(small), rows(small.to(previous)), rows(small.to(previous), "public.later")) == (500, 501, 1)
    assert not [name for name in databases(server) if "_restoring_" in name]


def test_what_is_in_no_dump_comes_back_too(server: Cluster, small: ConnectionSettings, dest: Path) -> None:
    """The database's owner, grants, settings and comment: without them the application could not connect any more."""
    with connect(small) as admin:
        admin.execute(
            'DROP ROLE IF EXISTS "app; ""x"; CREATE ROLE "app; ""x" LOGIN; DROP ROLE IF EXISTS plain_owner; CREATE ROLE plain_owner'
        )
        name = f'"{small.database}"'
        admin.execute(f"ALTER DATABASE {name} OWNER TO plain_owner; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        admin.execute(
            f"GRANT CONNECT ON DATABASE {name} TO \"app; \"\"x\" WITH GRANT OPTION; COMMENT ON DATABASE {name} IS 'it''s; ours'"
        )
        admin.execute(
            f"ALTER DATABASE {name} SET search_path TO 'we,ird \"s\"', \"$user\", public; ALTER DATABASE {name} SET work_mem TO '5MB'"
        )
        admin.execute(f'ALTER ROLE "app; ""x" IN DATABASE {name} SET "my.own" TO \'a, \'\'b\'')
        admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 17")
        state = """SELECT pg_get_userbyid(datdba)::text,
            ARRAY(SELECT a::text FROM unnest(datacl) a ORDER BY 1) AS acl, datconnlimit, shobj_description(oid, 'pg_database') AS comment,
            (SELECT array_agg(setconfig::text ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)
            FROM pg_database d WHERE datname = %s"""
        path = str(backup(small, dest).data["backup"]["path"])
        before = admin.row(state, (small.database,))
    with connect(server.settings()) as admin:
        assert restore(small, source=path, into=small.database, swap=True).warnings == ()
        assert admin.row(state, (small.database,)) == before
        drop_database(server, small.database)
    with connect(server.settings()) as admin:
        for name in databases(server) - {"postgres", "template0", "template1"}:
            if "_before_" in name:
                drop_database(server, name)
        admin.execute('DROP ROLE "app; ""x", plain_owner')


def test_a_damaged_backup_restores_nothing(server: Cluster, small: ConnectionSettings, first: str) -> None:
    before = databases(server)
    damage(first)
    with pytest.raises(TitanError, match="damaged"):
        restore(small, source=first, into=small.database, swap=True)
    assert databases(server) == before and rows(small) == 500


def test_an_error_on_the_way_leaves_the_live_database_alone(
    server: Cluster, small: ConnectionSettings, dest: Path, workdir: Path
) -> None:
    with connect(small) as live:
        live.execute(
            "CREATE FUNCTION public.one_only() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM public.users'"
        )
    path = str(backup(small, dest, format="plain").data["backup"]["path"])
    before = databases(server)
    with connect(small.to("template1")) as template:
        template.execute("SELECT 1")
    with observed(failing_at("restore.swap")), pytest.raises(TitanError, match="made to fail"):
        restore(small, source=path, into=small.database, swap=True)
    assert databases(server) == before and rows(small) == 500


def test_missing_roles_are_named_before_anything_starts(server: Cluster, small: ConnectionSettings, dest: Path) -> None:
    with connect(small) as admin:
        admin.execute('CREATE ROLE "gone; ""soon"; ALTER TABLE public.orders OWNER TO "gone; ""soon"')
    done = backup(small, dest).data["backup"]
    with connect(small) as admin:
        admin.execute('ALTER TABLE public.orders OWNER TO postgres; DROP ROLE "gone; ""soon"')
    before = databases(server)
    with pytest.raises(TitanError) as caught:
        restore(small, source=done["path"], into="elsewhere")
    assert "'gone; \"soon'" in caught.value.message and done["globals"]["file"] in caught.value.message
    assert databases(server) == before
    assert 'CREATE ROLE "gone; ""soon"' in (dest / done["globals"]["file"]).read_text()


def test_an_older_server_is_refused(server15: Cluster, first: str) -> None:
    with pytest.raises(TitanError, match="Restore into a server of major version 18 or newer"):
        restore(server15.settings(), source=first, into="elsewhere")


def test_a_newer_server_takes_an_older_backup(server: Cluster, server15: Cluster, dest: Path) -> None:
    from .helpers import SMALL

    with connect(server15.settings()) as old:
        old.execute(SMALL)
    path = backup(server15.settings(), dest, programs=server15.programs).data["backup"]["path"]
    assert restore(server.settings(), source=path, into="upgraded").data["restored"]["rows"] == 4500


@pytest.mark.parametrize("into", ["", "postgres", "x" * 64, "ü" * 32, "f\udcfcr"])
def test_names_that_cannot_be_are_refused(small: ConnectionSettings, first: str, into: str) -> None:
    with pytest.raises(TitanError, match="'into'"):
        restore(small, source=first, into=into)


def test_killed_at_every_step_the_next_run_heals(server: Cluster, small: ConnectionSettings, first: str) -> None:
    before = databases(server)
    for wanted in ("restore.create", "restore.load", "restore.swap"):
        assert killed_at(wanted, lambda: restore(small, source=first, into="target", swap=True)) == -signal.SIGKILL
        assert "target" not in databases(server)
    restore(small, source=first, into="target", swap=True)
    assert databases(server) == before | {"target"}


def test_what_another_server_lacks_or_shares_is_told(small: ConnectionSettings, dest: Path) -> None:
    """Its superuser has another name; a subscription names the slot of the live one."""
    with connect(small) as live:
        live.execute(
            "CREATE SUBSCRIPTION news CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = 'live')"
        )
        try:
            live.execute("ALTER SUBSCRIPTION news ENABLE")
            done = backup(small, dest, verify="restored")
        finally:
            live.execute("ALTER SUBSCRIPTION news DISABLE; ALTER SUBSCRIPTION news SET (slot_name = NONE)")
            live.execute("DROP SUBSCRIPTION news")
    assert [each for each in done.warnings if "subscription news is enabled. A dump does not contain that" in each]
    path = str(done.data["backup"]["path"])
    done = restore(small, source=path, into="told")
    assert any("Subscription news" in each and "slot" in each for each in done.warnings), done.warnings
    with connect(small.to("told")) as told:
        told.execute("ALTER SUBSCRIPTION news SET (slot_name = NONE)")
        told.execute("DROP SUBSCRIPTION news")
    manifest = Path(path + ".json")
    manifest.write_text(manifest.read_text().replace('"superuser": "postgres"', '"superuser": "boss elsewhere"'))
    with pytest.raises(TitanError, match="needs roles that the server does not have: 'boss elsewhere'"):
        restore(small, source=path, into="told later")


def test_room_is_asked_of_the_directories_that_are_written_to(
    server: Cluster, small: ConnectionSettings, dest: Path, first: str
) -> None:
    manifest = Path(first + ".json")
    manifest.write_text(re.sub(r'"bytes": \d+', '"bytes": 1000000000000000', manifest.read_text()))
    with pytest.raises(TitanError, match=f"Not enough room in {server.data}"):
        restore(small, source=first, into="too large")
    with pytest.raises(TitanError, match=f"Not enough room in {dest}.*drill_dir"):
        drill(source=first, drill_dir=str(dest))
    assert "too large" not in databases(server)


@needs_zstd
def test_a_drill_takes_no_room_for_an_unpacked_archive(small: ConnectionSettings, dest: Path, workdir: Path) -> None:
    """The rows go from the compressed file into the server."""
    with connect(small) as database:
        database.execute("CREATE TABLE public.wide AS SELECT repeat('x', 900) AS x FROM generate_series(1, 5000)")
        database.execute("SELECT lo_from_bytea(0, repeat('y', 100000)::bytea)")
    path = str(backup(small, dest, compression="zstd").data["backup"]["path"])
    where, sizes = workdir / "room", []
    where.mkdir()
    workdir.chmod(0o755)  # root's clusters run as somebody else

    def look(step: str) -> None:
        if step == "drill.compare":
            files = [
                file for file in where.rglob("*") if file.is_file() and "data" not in file.relative_to(where).parts[1:2]
            ]
            sizes.append(sum(file.stat().st_size for file in files))

    with observed(look):
        done = drill(source=path, drill_dir=str(where), jobs=3)
    assert done.data["backup"]["verified"]["level"] == "restored" and done.data["backup"]["verified"]["tables"] == 3
    assert sizes and 0 < sizes[0] < 1_000_000  # unpacked, its rows are more than 4 MB


def test_a_drill_on_the_source_s_server_asks_for_room_there(
    server: Cluster, small: ConnectionSettings, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def usage(path: Any) -> Any:
        return type("usage", (), {"free": 0 if str(path) == str(server.data) else 1 << 40})()

    monkeypatch.setattr("shutil.disk_usage", usage)
    with pytest.raises(TitanError, match=f"Not enough room in {server.data}"):
        backup(small, dest, verify="restored", drill_in="scratch_database")
    assert not list(dest.glob("*.dump*"))
