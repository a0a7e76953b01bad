# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, roles and servers that are not made like most."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import manifest_path
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_entry
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster, give_away
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, embedded_programs, start_server

from .helpers import backup, drill, restore

_ICU = "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'"
_BUILTIN = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'"
_LOCALE = """
SELECT to_jsonb(d) ->> 'datlocprovider' AS provider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
  FROM pg_database d WHERE datname = current_database()
"""


@pytest.mark.parametrize(("version", "options", "provider"), [("server15", _ICU, "i"), ("server", _BUILTIN, "b")])
def test_a_locale_of_another_provider_comes_back(
    request: pytest.FixtureRequest, dest: Path, version: str, options: str, provider: str
) -> None:
    """In the locale C the check would refuse the row."""
    cluster = request.getfixturevalue(version)
    with connect(cluster.settings()) as admin:
        admin.execute(f"CREATE DATABASE other_provider TEMPLATE template0 {options}")
    source, restored = cluster.settings("other_provider"), cluster.settings("other_provider_restored")
    try:
        with connect(source) as database:
            database.execute("CREATE TABLE public.words (word text CHECK (lower(word) = 'ä'))")
            database.execute("INSERT INTO public.words VALUES ('Ä')")
            expected = database.row(_LOCALE)
        path = backup(source, dest, verify="restored", programs=cluster.programs).data["backup"]["path"]
        assert restore(source, source=path, into=restored.database, programs=cluster.programs).warnings == ()
        with connect(restored) as database:
            assert database.row(_LOCALE) == expected
            assert expected and expected["provider"] == provider
    finally:
        drop_database(cluster, source.database)
        drop_database(cluster, restored.database)


def test_a_drill_where_the_locale_is_missing_does_not_blame_the_backup(server: Cluster, dest: Path) -> None:
    """The embedded server is built without ICU; the manifest is made to say that the source's was not."""
    with connect(server.settings()) as admin:
        admin.execute(f"CREATE DATABASE other_provider TEMPLATE template0 {_BUILTIN}")
    source = server.settings("other_provider")
    try:
        with connect(source) as database:
            database.execute("CREATE TABLE public.words (word text CHECK (lower(word) = 'ä'))")
            database.execute("INSERT INTO public.words VALUES ('Ä')")
        path = backup(source, dest).data["backup"]["path"]
    finally:
        drop_database(server, source.database)
    file = Path(manifest_path(path))
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["source"]["properties"].update(locale_provider="i", locale="de-DE")
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(TitanError, match="says nothing about the backup.*'de-DE'"):
        drill(source=path)
    assert read_entry(path).problem == ""


def test_the_databases_own_tablespace_comes_back(server: Cluster, dest: Path, workdir: Path) -> None:
    """It is in no dump; where it is missing, a restore says so."""
    folder = workdir / "fast"
    folder.mkdir()
    os.chmod(workdir, 0o755)
    give_away(str(folder))
    source, restored = server.settings("elsewhere"), server.settings("elsewhere_restored")
    query = "SELECT spcname::text FROM pg_tablespace t JOIN pg_database d ON dattablespace = t.oid WHERE datname = current_database()"
    try:
        with connect(server.settings()) as admin:
            admin.execute(f"CREATE TABLESPACE \"fa'st\" LOCATION '{folder}'")
            admin.execute('CREATE DATABASE elsewhere TEMPLATE template0 TABLESPACE "fa\'st"')
        with connect(source) as database:
            database.execute("CREATE TABLE public.t AS SELECT 1 AS a")
        path = backup(source, dest, verify="restored").data["backup"]["path"]
        assert restore(source, source=path, into=restored.database).warnings == ()
        with connect(restored) as database:
            assert database.value(query) == "fa'st"
        drop_database(server, source.database)
        drop_database(server, restored.database)
        with connect(server.settings()) as admin:
            admin.execute('DROP TABLESPACE "fa\'st"')
        assert "tablespace" in restore(restored, source=path, into=restored.database).warnings[0]
    finally:
        drop_database(server, source.database)
        drop_database(server, restored.database)


@pytest.fixture
def odd(server: Cluster, small: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """A superuser with settings that change how dumps are written and what may be written."""
    with connect(small) as admin:
        admin.execute("DROP ROLE IF EXISTS odd_settings; CREATE ROLE odd_settings LOGIN SUPERUSER")
        for setting in ("quote_all_identifiers = on", "bytea_output = escape", "default_transaction_read_only = on"):
            admin.execute(f"ALTER ROLE odd_settings SET {setting}")
        admin.execute("ALTER ROLE odd_settings SET idle_session_timeout = '1s'")
    yield small._replace(user="odd_settings")
    with connect(server.settings()) as admin:
        for row in admin.rows("SELECT datname::text AS name FROM pg_database WHERE datname LIKE 't\\_%\\_before\\_%'"):
            drop_database(server, row["name"])
        drop_database(server, small.database)
        admin.execute("DROP ROLE odd_settings")


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_the_roles_own_settings_make_no_difference(odd: ConnectionSettings, dest: Path, form: str) -> None:
    """In a cluster of the drill's own, on the server, and for a restore in place."""
    backup(odd, dest, format=form, verify="restored", drill_in="scratch_database")
    done = backup(odd, dest, format=form, verify="restored")
    assert not done.warnings
    restore(odd, source=done.data["backup"]["path"], into=odd.database, swap=True)


def test_two_restores_in_one_second(server: Cluster, small: ConnectionSettings, dest: Path, first: str) -> None:
    """Each keeps the database that was there, under a name of its own."""
    kept = [
        restore(small, source=first, into=small.database, swap=True).data["previous_database"] for _turn in range(3)
    ]
    try:
        assert len(set(kept)) == 3
    finally:
        for name in kept:
            drop_database(server, name)


def test_a_prepared_transaction_is_named_before_anything_starts(small: ConnectionSettings, first: str) -> None:
    """The server cannot rename a database that has one."""
    with connect(small) as database:
        database.execute("BEGIN; INSERT INTO public.users (email) VALUES ('x'); PREPARE TRANSACTION 'forgotten; ''one'")
        try:
            for check in (True, False):
                with pytest.raises(TitanError, match="prepared transaction.*forgotten.*ROLLBACK PREPARED") as caught:
                    restore(small, check, source=first, into=small.database, swap=True)
                assert caught.value.details["prepared"] == ["forgotten; 'one"]
            assert not database.rows("SELECT FROM pg_database WHERE datname LIKE '%\\_restoring\\_%'")
        finally:
            database.execute("ROLLBACK PREPARED 'forgotten; ''one'")


def test_subscriptions_that_a_dump_leaves_out_are_named(small: ConnectionSettings, dest: Path) -> None:
    """pg_dump leaves them out, and ends well, when no superuser runs it."""
    with connect(small) as admin:
        admin.execute(
            "CREATE SUBSCRIPTION news CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE)"
        )
        admin.execute("DROP ROLE IF EXISTS reads_all; CREATE ROLE reads_all LOGIN; GRANT pg_read_all_data TO reads_all")
        try:
            assert "subscription news" in backup(small._replace(user="reads_all"), dest).warnings[0]
            assert not [line for line in backup(small, dest).warnings if "news" in line]
        finally:
            admin.execute("DROP SUBSCRIPTION news; ")
            admin.execute("DROP ROLE reads_all")


def test_a_setting_that_cannot_be_made_is_a_warning(server: Cluster, dest: Path) -> None:
    """What a superuser, or another version's server, has set does not keep an owner from having the database back."""
    mine = server.settings("owned_settings")._replace(user="owns_settings")
    names = []
    with connect(server.settings()) as admin:
        admin.execute("DROP ROLE IF EXISTS owns_settings; CREATE ROLE owns_settings LOGIN CREATEDB")
        admin.execute("CREATE DATABASE owned_settings OWNER owns_settings TEMPLATE template0")
        admin.execute("ALTER DATABASE owned_settings SET log_min_duration_statement = 5")
        admin.execute("ALTER DATABASE owned_settings SET work_mem = '5MB'")
        try:
            with connect(mine) as database:
                database.execute("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS a")
            path = backup(mine, dest).data["backup"]["path"]
            done = restore(mine, source=path, into=mine.database, swap=True)
            names.append(done.data["previous_database"])
            assert [line for line in done.warnings if "'log_min_duration_statement'" in line and "permission" in line]
            with connect(mine) as database:
                assert database.value("SHOW work_mem") == "5MB"
        finally:
            for name in [mine.database, *names]:
                drop_database(server, name)
            admin.execute("DROP ROLE owns_settings")


def test_what_only_a_superuser_makes_is_named_before_anything_is_made(server: Cluster, dest: Path) -> None:
    """Also in check mode, which fails where the restore would; a superuser gets the database back."""
    mine = server.settings("owned_more")._replace(user="owns_more")
    new = "owned_more_again"
    with connect(server.settings()) as admin:
        admin.execute("DROP ROLE IF EXISTS owns_more; CREATE ROLE owns_more LOGIN")
        admin.execute("CREATE DATABASE owned_more OWNER owns_more TEMPLATE template0")
        try:
            with connect(server.settings("owned_more"), fixed_settings=False) as database:
                database.execute("CREATE EXTENSION pgstattuple; CREATE EXTENSION hstore")
                database.execute(
                    "CREATE FUNCTION public.quiet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
                    'CREATE EVENT TRIGGER "it\'s %" ON sql_drop EXECUTE FUNCTION public.quiet()'
                )
            path = backup(server.settings("owned_more"), dest).data["backup"]["path"]
            for check_mode in (True, False):
                with pytest.raises(TitanError, match="needs CREATEDB for the role 'owns_more'"):
                    restore(mine, source=path, into=new, check=check_mode)
            admin.execute("ALTER ROLE owns_more CREATEDB")
            for check_mode in (True, False):
                with pytest.raises(TitanError) as refused:
                    restore(mine, source=path, into=new, check=check_mode)
                assert (
                    "the role 'owns_more' is not a superuser: extension pgstattuple, event trigger it's %. Restore as a superuser"
                    in str(refused.value)
                )
                assert admin.value("SELECT count(*) FROM pg_database WHERE starts_with(datname, %s)", (new,)) == 0
            with pytest.raises(TitanError, match=r"extension pgstattuple\. Use 'drill_in: cluster'"):
                backup(mine, dest, verify="restored", drill_in="scratch_database")
            restore(server.settings(), source=path, into=new)
            with connect(server.settings(new)) as database:
                assert database.value("SELECT count(*) FROM pg_event_trigger WHERE evtname = %s", ("it's %",)) == 1
        finally:
            drop_database(server, new)
            drop_database(server, mine.database)
            admin.execute("DROP ROLE owns_more")


def test_a_plain_dump_of_many_tables_is_loaded(server: Cluster, dest: Path) -> None:
    """Its one transaction locks four things for each table: more than a server has room for by default."""
    source = server.settings("many_tables")
    with connect(server.settings()) as admin:
        admin.execute("CREATE DATABASE many_tables TEMPLATE template0")
    try:
        with connect(source) as database:
            for start in range(0, 2400, 100):
                made = (f"CREATE TABLE public.t{number} (a text PRIMARY KEY)" for number in range(start, start + 100))
                database.execute("; ".join(made))
        assert backup(source, dest, format="plain", verify="restored").data["backup"]["verified"]["level"] == "restored"
    finally:
        drop_database(server, source.database)


def test_too_few_locks_are_one_clear_sentence(dest: Path) -> None:
    cluster = start_server(embedded_programs(), "max_locks_per_transaction=10", "max_connections=10")
    try:
        with connect(cluster.settings()) as database:
            for start in range(0, 2500, 50):
                made = (f"CREATE TABLE public.t{number} (a int)" for number in range(start, start + 50))
                database.execute("; ".join(made))
        with pytest.raises(TitanError, match="2,500 tables.*max_locks_per_transaction"):
            backup(cluster.settings("postgres"), dest)
        assert not [item for item in os.listdir(dest) if not item.endswith(".lock")]
    finally:
        cluster.remove()
