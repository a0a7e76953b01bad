# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With which rights the code of a database runs while its dump is loaded: with those of no superuser."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.source import Source
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.distributed import foreign_extension
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.live import live_loader
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.health.operation import health_info
from ansible_collections.titan.database.plugins.module_utils._engine.health.options import HEALTH_INFO
from ansible_collections.titan.database.plugins.module_utils._engine.host.sandbox import why_no_sandbox
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import sandboxed
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.steps import killed_at

from .helpers import backup, command_lines, drill, restore

# Each place in which a load runs code of the database's. The function fails where it could reach the server's files or programs.
WATCHFUL = """
CREATE FUNCTION public.watch(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE {attributes} AS $f$
BEGIN
  IF current_database() <> '{database}' AND (
       (SELECT bool_or(rolsuper) FROM pg_catalog.pg_roles WHERE rolname IN (current_user, session_user))
       OR pg_catalog.has_function_privilege('pg_catalog.pg_read_file(text)', 'EXECUTE')
       OR pg_catalog.pg_has_role('pg_execute_server_program', 'MEMBER')
       OR EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolsuper AND pg_catalog.pg_has_role(oid, 'MEMBER'))) THEN
    RAISE EXCEPTION 'it runs with the rights of a superuser';
  END IF;
  RETURN v;
END $f$;
CREATE DOMAIN public.watched AS int CHECK (public.watch(VALUE) IS NOT NULL);
CREATE TABLE public.t (
  id int PRIMARY KEY, c int CHECK (public.watch(c) > 0), d public.watched, g int GENERATED ALWAYS AS (public.watch(id)) STORED);
INSERT INTO public.t VALUES (1, 1, 1);
CREATE INDEX by_watch ON public.t (public.watch(id));
CREATE INDEX planned ON public.t ((id + public.watch(1)));  -- whoever plans a query of the table runs it
CREATE INDEX planned_too ON public.t (id) WHERE c > public.watch(0);
CREATE STATISTICS public.planned_as_well ON (c + public.watch(1)), id FROM public.t;
CREATE MATERIALIZED VIEW public.m AS SELECT public.watch(id) FROM public.t;
CREATE TABLE public.p (id int) PARTITION BY RANGE (id);
CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (9);
INSERT INTO public.p VALUES (1);
ALTER TABLE public.p ADD CHECK (public.watch(id) > 0);
"""
EVENTS = """
CREATE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.watch(1); END';
CREATE EVENT TRIGGER at_ddl ON ddl_command_start EXECUTE FUNCTION public.on_event();
CREATE EVENT TRIGGER at_ddl_too ON ddl_command_end EXECUTE FUNCTION public.on_event();
"""
AT_LOGIN = "CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION public.on_event();"


def needs_sandbox(folder: Path) -> None:
    if why_no_sandbox(str(folder), os.geteuid(), os.getegid()):
        pytest.skip("this kernel or container lets nobody make namespaces")


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxed, "why_no_sandbox", lambda *_given: "switched off")


def watch(settings: ConnectionSettings, attributes: str = "") -> None:
    with connect(settings) as database:
        database.execute(WATCHFUL.format(database=settings.database, attributes=attributes) + EVENTS)
        if database.major >= 17:
            database.execute(AT_LOGIN)


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_a_drill_runs_the_code_of_a_dump_as_no_superuser(
    settings: ConnectionSettings, dest: Path, no_sandbox: None, form: str
) -> None:
    watch(settings)
    done = backup(settings, dest, format=form, verify="restored")
    verified = done.data["backup"]["verified"]
    assert (verified["level"], verified["loaded_as"]) == ("restored", "postgres")
    assert verified["sandbox"] != "namespaces"
    assert any("cannot create a sandbox" in warning for warning in done.warnings)


def test_a_function_that_only_a_superuser_may_make_runs_as_none(
    settings: ConnectionSettings, dest: Path, no_sandbox: None
) -> None:
    watch(settings, "LEAKPROOF SECURITY DEFINER")
    assert backup(settings, dest, verify="restored").data["backup"]["verified"]["level"] == "restored"


INTERNAL = """
CREATE FUNCTION public.length_of(text) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'textlen';
CREATE TABLE public.words (word text CHECK (public.length_of(word) < 9));
INSERT INTO public.words VALUES ('word');
"""


def test_a_function_in_c_wants_the_sandbox(settings: ConnectionSettings, dest: Path, workdir: Path) -> None:
    needs_sandbox(workdir)
    with connect(settings) as database:
        database.execute(INTERNAL)
    verified = backup(settings, dest, verify="restored").data["backup"]["verified"]
    assert (verified["level"], verified["sandbox"]) == ("restored", "namespaces")


def test_without_a_sandbox_a_function_in_c_is_named(settings: ConnectionSettings, dest: Path, no_sandbox: None) -> None:
    with connect(settings) as database:
        database.execute(INTERNAL)
    with pytest.raises(
        TitanError, match=r"CREATE FUNCTION public.length_of \.\.\.\), and this host has no sandbox"
    ) as told:
        backup(settings, dest, verify="restored")
    assert "says nothing about the backup" in str(told.value)
    path = next(str(item) for item in dest.iterdir() if item.name.endswith((".dump", ".zst", ".gz")))
    with pytest.raises(TitanError, match="no sandbox"):
        drill(source=path)


ROLES = """
CREATE ROLE {other};
CREATE SCHEMA s; CREATE TABLE s.a (x int PRIMARY KEY); CREATE TABLE s.b (x int REFERENCES s.a);
ALTER TABLE s.a OWNER TO {other}; ALTER TABLE s.b ENABLE ROW LEVEL SECURITY; ALTER TABLE s.b FORCE ROW LEVEL SECURITY;
ALTER TABLE s.b OWNER TO {other};
CREATE POLICY nobody ON s.b USING (false);
INSERT INTO s.a VALUES (1); INSERT INTO s.b VALUES (1);
CREATE FUNCTION s.hidden(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
REVOKE ALL ON FUNCTION s.hidden(int) FROM PUBLIC;
CREATE INDEX ON s.a (s.hidden(x));
CREATE MATERIALIZED VIEW public.m AS SELECT * FROM s.b;
GRANT SELECT ON s.a TO {other} WITH GRANT OPTION;
SET SESSION AUTHORIZATION {other}; GRANT SELECT ON s.a TO PUBLIC; RESET SESSION AUTHORIZATION;
ALTER DEFAULT PRIVILEGES FOR ROLE {other} GRANT SELECT ON TABLES TO PUBLIC;
CREATE EXTENSION file_fdw SCHEMA public; CREATE SERVER far FOREIGN DATA WRAPPER file_fdw;
ALTER SERVER far OWNER TO {other};
CREATE USER MAPPING FOR {other} SERVER far;
CREATE FOREIGN TABLE public.far_rows (x text) SERVER far OPTIONS (filename '/etc/passwd');
GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO {other};
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir() TO {other};
CREATE CAST (date AS int) WITHOUT FUNCTION;
CREATE PUBLICATION all_of FOR ALL TABLES; ALTER PUBLICATION all_of OWNER TO {other};
CREATE FUNCTION public.on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER quiet ON ddl_command_end EXECUTE FUNCTION public.on_event();
ALTER EVENT TRIGGER quiet OWNER TO {other}; ALTER EVENT TRIGGER quiet DISABLE;
COMMENT ON EVENT TRIGGER quiet IS 'quiet';
"""


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_what_belongs_to_superusers_comes_back_equal(
    settings: ConnectionSettings, dest: Path, workdir: Path, form: str
) -> None:
    needs_sandbox(workdir)  # a foreign table over a file
    other: Any = f"{settings.database}_super"
    with connect(settings) as database:
        database.execute(f"DROP ROLE IF EXISTS {other}")
        database.execute(ROLES.replace("CREATE ROLE {other};", "CREATE ROLE {other} SUPERUSER;").format(other=other))
    try:
        assert backup(settings, dest, format=form, verify="restored").data["backup"]["verified"]["level"] == "restored"
    finally:
        with connect(settings) as database:
            database.execute(f"DROP OWNED BY {other} CASCADE; DROP ROLE {other}")


@pytest.mark.parametrize("word", ["list", "health_info"])
def test_a_server_that_a_killed_run_left_is_ended_by_the_next_run_of_anything(
    settings: ConnectionSettings,
    dest: Path,
    workdir: Path,
    no_sandbox: None,
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    drill_dir = workdir / "drills"
    drill_dir.mkdir()
    workdir.chmod(0o755)
    drill_dir.chmod(0o755)
    config = workdir / "config.json"
    jobs = {"backup": {"drill_dir": str(drill_dir), "dest": str(dest)}}
    config.write_text(json.dumps({"environment": "test", "state_dir": str(workdir / "state"), "jobs": jobs}))

    def servers() -> list[bytes]:
        return [
            line
            for line in command_lines()
            if os.fsencode(drill_dir) in line and line.split(b"\0")[0].endswith(b"postgres")
        ]

    cut_off = killed_at("drill.compare", lambda: backup(settings, dest, verify="restored", drill_dir=str(drill_dir)))
    assert cut_off == -signal.SIGKILL
    assert servers() and os.listdir(drill_dir)
    if word == "list":
        main(["list", "--config", str(config), "--dest", str(dest)])
        assert "a killed run had left" in capsys.readouterr().err
    else:
        health_info(Call(complete({"job_config": str(config)}, HEALTH_INFO), settings))
    assert not servers() and not os.listdir(drill_dir)


@pytest.fixture
def owned(settings: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """A database of a role that is no superuser."""
    owner, database = f"{settings.database}_owner", settings.database
    with connect(settings) as admin:
        admin.execute(f"CREATE ROLE {owner} LOGIN")
        admin.execute(f"ALTER DATABASE {database} OWNER TO {owner}")
    with connect(settings._replace(user=owner)) as database_of_owner:
        database_of_owner.execute(WATCHFUL.format(database=database, attributes=""))
    yield settings
    with connect(settings) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {database}_r")
        admin.execute(f"ALTER DATABASE {database} OWNER TO postgres; DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")


def roles_left(settings: ConnectionSettings) -> int:
    with connect(settings) as admin:
        return int(admin.value("SELECT count(*) FROM pg_roles WHERE starts_with(rolname::text, 'titan_restore_')"))


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_a_superuser_restores_on_a_live_server_with_the_rights_of_none(
    owned: ConnectionSettings, dest: Path, form: str
) -> None:
    path = backup(owned, dest, format=form).data["backup"]["path"]
    into = f"{owned.database}_r"
    assert restore(owned, source=path, into=into).data["restored"]["rows"] == 2
    with connect(owned.to(into)) as database:
        owner = database.value(
            "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
        )
        owners = database.rows(
            "SELECT DISTINCT pg_get_userbyid(relowner)::text AS name FROM pg_class WHERE relname IN ('t', 'm', 'p1')"
        )
        analyzed = database.value("SELECT count(*) FROM pg_stats WHERE tablename = 't'")
    assert owner == f"{owned.database}_owner" and [row["name"] for row in owners] == [owner] and analyzed
    assert not roles_left(owned)
    with connect(owned) as admin:
        admin.execute(f"DROP DATABASE {into}")
    with pytest.raises(TitanError, match="raised an error|rights of a superuser"):  # the judge: it does run, and knows
        restore(owned, source=path, into=into, accept_superuser=True)


def test_a_scratch_database_is_loaded_with_the_rights_of_no_superuser(owned: ConnectionSettings, dest: Path) -> None:
    verified = backup(owned, dest, verify="restored", drill_in="scratch_database").data["backup"]["verified"]
    assert verified["level"] == "restored" and verified["loaded_as"].startswith("titan_restore_")
    assert not roles_left(owned)
    with pytest.raises(TitanError, match="raised an error|rights of a superuser"):
        backup(owned, dest, verify="restored", drill_in="scratch_database", accept_superuser=True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE FUNCTION public.c(text) RETURNS int LANGUAGE internal AS 'textlen';",
        "CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\nCREATE EVENT TRIGGER e ON ddl_command_end "
        "EXECUTE FUNCTION public.e();",
        "CREATE FUNCTION public.d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';\n"
        "ALTER FUNCTION public.d() OWNER TO postgres;",
        "CREATE FUNCTION public.d() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC;",
        "GRANT postgres TO {owner};",
        "ALTER ROLE {owner} SUPERUSER;",
        "CREATE CAST (date AS int) WITHOUT FUNCTION;",
        "CREATE EXTENSION dblink WITH SCHEMA public;\nGRANT EXECUTE ON FUNCTION public.dblink_connect_u(text) TO PUBLIC;",
        "CREATE EXTENSION dblink WITH SCHEMA public;\nSELECT public.dblink_connect_u('host=127.0.0.1 user=postgres');",
        "CREATE EXTENSION dblink WITH SCHEMA public;\nSELECT public.dblink_connect('host=127.0.0.1 user=postgres');",
        "CREATE EXTENSION postgres_fdw WITH SCHEMA public;\nCREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1');\n"
        "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'postgres', password_required 'false');",
        "CREATE EXTENSION postgres_fdw WITH SCHEMA public;\nCREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1');\n"
        "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'postgres');\n"
        "CREATE FOREIGN TABLE public.f (x int) SERVER s OPTIONS (table_name 'pg_class');\n"
        "CREATE MATERIALIZED VIEW public.m AS SELECT * FROM public.f;",
        "SECURITY LABEL FOR anybody ON TABLE public.a IS 'x';",
        "COPY public.a TO PROGRAM 'true';",
        "SET SESSION AUTHORIZATION postgres;\nALTER ROLE {owner} SUPERUSER;",
        "CREATE VIEW public.v AS SELECT rolname, rolsuper, rolpassword FROM pg_catalog.pg_authid;\nALTER VIEW public.v OWNER TO postgres;\n"
        "GRANT SELECT, UPDATE ON public.v TO PUBLIC;",
        "CREATE TABLE public.r (x int);\nCREATE RULE r AS ON INSERT TO public.r DO ALSO UPDATE pg_catalog.pg_authid SET rolsuper = true;\n"
        "ALTER TABLE public.r OWNER TO postgres;\nGRANT INSERT ON public.r TO PUBLIC;",
        "CREATE VIEW public.v AS SELECT * FROM pg_catalog.pg_proc;\nALTER VIEW public.v OWNER TO postgres;\n"
        "GRANT SELECT, UPDATE ON public.v TO {owner};",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = s);\n"
        "ALTER SUBSCRIPTION s ENABLE;",
        "CREATE TABLE public.b (x int PRIMARY KEY);\nCREATE TABLE public.c (x int REFERENCES public.b ON DELETE CASCADE);\n"
        "CREATE FUNCTION public.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';\n"
        "CREATE TRIGGER tr BEFORE DELETE ON public.c FOR EACH ROW EXECUTE FUNCTION public.tr();\n"
        "ALTER TABLE public.b OWNER TO {owner};\nALTER TABLE public.c OWNER TO postgres;",
    ],
)
def test_a_superuser_restores_no_dump_of_others_that_wants_one(
    settings: ConnectionSettings, workdir: Path, statement: str
) -> None:
    owner, into = f"{settings.database}_owner", f"{settings.database}_r"
    workdir.chmod(0o700)
    path = workdir / "theirs_20260101_000000.sql"
    extension, end, rest = statement.rpartition("SCHEMA public;\n")  # it is made before the first object
    text = f"{extension}{end}CREATE TABLE public.a (x int);\nALTER TABLE public.a OWNER TO {owner};\n{rest.format(owner=owner)}\n"
    path.write_text(f"--\n-- PostgreSQL database dump\n--\n{text}--\n-- PostgreSQL database dump complete\n--\n")
    with connect(settings) as admin:
        admin.execute(f"CREATE ROLE {owner}")
    try:
        with pytest.raises(
            TitanError,
            match="superuser|permission denied|no such subscription|undefined object|does not exist|prohibited",
        ) as told:
            restore(settings, source=str(path), into=into)
        print(told.value)
        with connect(settings) as admin:
            assert admin.value(
                "SELECT NOT rolsuper AND NOT pg_has_role(oid, 'postgres', 'MEMBER') FROM pg_roles WHERE rolname = %s",
                (owner,),
            )
            assert not admin.value("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", (into,))
        assert not roles_left(settings)
    finally:
        with connect(settings) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {into}; ")
            admin.execute(f"DROP ROLE {owner}")


CALLS_HOME = """
CREATE EXTENSION dblink WITH SCHEMA public;
CREATE FUNCTION public.calls(v int) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN
  IF current_database() <> '{live}' THEN
    PERFORM public.dblink_exec('host=127.0.0.1 port={port} user=postgres dbname={live}', 'CREATE TABLE public.written (id int)');
  END IF; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END $f$;
CREATE TABLE public.t (id int CHECK (public.calls(id)));
"""


def test_without_a_sandbox_a_dump_of_others_reaches_nobody(
    settings: ConnectionSettings, workdir: Path, dest: Path, no_sandbox: None
) -> None:
    """Its extension for that is not made; with our own backup, a person is told."""
    code = CALLS_HOME.format(live=settings.database, port=settings.port)
    text = f"{code}COPY public.t (id) FROM stdin;\n1\n\\.\n"
    path = workdir / "theirs_20260101_000000.sql"
    workdir.chmod(0o700)
    path.write_text(f"--\n-- PostgreSQL database dump\n--\n{text}--\n-- PostgreSQL database dump complete\n--\n")
    with pytest.raises(
        TitanError,
        match="'dblink' is not created, because this dump was made by others.* says nothing about the backup",
    ):
        drill(source=str(path))
    with connect(settings) as database:
        assert database.value("SELECT to_regclass('public.written') IS NULL")
        database.execute(code)
    told = backup(settings, dest, verify="restored").warnings
    assert any("could reach other servers through dblink" in each for each in told), told


def test_extensions_of_others_are_told_from_the_distributions(tmp_path: Path) -> None:
    share, libraries = tmp_path / "share", tmp_path / "lib"
    (share / "extension").mkdir(parents=True)
    libraries.mkdir()
    (libraries / "postgres").write_bytes(b"")
    files = {
        "good.control": "requires = 'base'\nmodule_pathname = '$libdir/good'\n",
        "good--1.0.sql": "",
        "base.control": "",
        "base--1.0.sql": "",
    }
    for name, text in files.items():
        (share / "extension" / name).write_text(text)
        (share / "extension" / name).chmod(0o644)
    (libraries / "good.so").write_bytes(b"")
    (libraries / "good.so").chmod(0o755)
    (share / "extension").chmod(0o755)

    def why() -> str:
        return foreign_extension(str(share), str(libraries), str(libraries), "good")

    assert why() == ""
    for path in (share / "extension" / "base--1.0.sql", libraries / "good.so", share / "extension"):
        mode = path.stat().st_mode
        path.chmod(0o777)
        assert why() == f"others may write to {path}"
        path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(share / "extension" / "base.control", 65534, 65534)
        assert "belongs neither to root" in why()


def test_a_role_that_loads_beside_live_tables_is_not_taken_from_its_run(settings: ConnectionSettings) -> None:
    """Its lock is in another database than that of a restore which begins meanwhile."""
    source = Source()
    with (
        connect(settings) as beside,
        connect(settings.to("postgres")) as server,
        live_loader(beside, settings, source, False, False, []) as first,
        live_loader(server, settings, source, False, False),  # drops what dead runs have left
    ):
        assert server.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", (first.settings.user,)) == 1
