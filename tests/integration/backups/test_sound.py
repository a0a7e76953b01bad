# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound databases that a dump or a comparison could trip over are proven and restored; what is not in the backup is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.files import digest, size_of
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import manifest_path
from ansible_collections.titan.database.plugins.module_utils._engine.backups.dump.source import (
    read_source,
    require_libraries,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.extensions import (
    IN_ONE_DATABASE,
    require_extensions,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.order import order_matters
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof import drill as drills
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof.preload import preload_settings
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.programs import Programs

from tests.conftest import drop_database, embedded_programs

from .helpers import backup, drill, info, programs_with, restore

HASHED = """
CREATE TYPE size AS ENUM ('s', 'm', 'l', 'xl'); ALTER TYPE size ADD VALUE 'xs' BEFORE 's';
CREATE TABLE shirt (at date, s size, n int) PARTITION BY RANGE (at);
CREATE TABLE shirt_25 PARTITION OF shirt FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (s);
CREATE TABLE shirt_25_0 PARTITION OF shirt_25 FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE shirt_25_1 PARTITION OF shirt_25 FOR VALUES WITH (MODULUS 3, REMAINDER 1) PARTITION BY HASH (n);
CREATE TABLE shirt_25_1_0 PARTITION OF shirt_25_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE shirt_25_2 PARTITION OF shirt_25 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE shirt_rest PARTITION OF shirt DEFAULT;
INSERT INTO shirt SELECT '2024-12-01'::date + i, (enum_range(NULL::size))[1 + i % 5], i FROM generate_series(1, 90) i;
"""
INHERITING = """
CREATE TABLE "A b" (id int, "q,""x" text); CREATE TABLE middle (m int) INHERITS ("A b"); CREATE TABLE leaf (z text, m int) INHERITS (middle);
ALTER TABLE "A b" ADD COLUMN late date; ALTER TABLE middle ADD COLUMN later text DEFAULT 'x';
INSERT INTO leaf (id, "q,""x", m, z, late) VALUES (1, 'q', 2, 'z', '2026-01-01'); INSERT INTO "A b" VALUES (2, 'p', NULL);
CREATE TABLE apart (b text, a int); CREATE TABLE par (a int, b text); ALTER TABLE apart INHERIT par; INSERT INTO apart VALUES ('b', 1);
"""
UNREADABLE = (
    "SELECT lo_from_bytea(7001, 'a'); REVOKE ALL ON LARGE OBJECT 7001 FROM CURRENT_USER;"  # its owner may not read it
)
LIKE_A_DUMP = """
CREATE TABLE t (i int); INSERT INTO t VALUES (1); CREATE SEQUENCE sq; SELECT nextval('sq');
CREATE FUNCTION helper() RETURNS text LANGUAGE sql AS $f$
SELECT '
--
-- Name: gone; Type: TABLE; Schema: public; Owner: me
--

--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: me
--

COPY public.t (i) FROM stdin;
7
\\.
SELECT pg_catalog.setval(''public.sq'', 99, true);
\\unrestrict x
SET default_tablespace = '''';
'
$f$;
"""
# pg_dump writes a policy's roles in the catalog's order, fills views in that of their names, and knows no right on parameters.
IN_ANOTHER_ORDER = """
DO $$ BEGIN CREATE ROLE sound_z; CREATE ROLE sound_a; END $$;
CREATE POLICY several ON t TO sound_z, sound_a USING (i > 0);
CREATE FUNCTION sets() RETURNS int LANGUAGE sql SET app.tenant = 'x' AS 'SELECT 1';
CREATE MATERIALIZED VIEW z_first AS SELECT 1 AS x;
CREATE FUNCTION reads_first() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT x FROM public.z_first); END';
CREATE MATERIALIZED VIEW a_second AS SELECT reads_first() AS x;
"""


@pytest.mark.parametrize("proof", ["hash", "redump"])
@pytest.mark.parametrize(("form", "jobs"), [("custom", 2), ("plain", 1)])
@pytest.mark.parametrize("sql", [HASHED + INHERITING + LIKE_A_DUMP + UNREADABLE + IN_ANOTHER_ORDER])
def test_a_sound_database_is_proven_and_restored(
    server: Cluster, settings: ConnectionSettings, dest: Path, form: str, jobs: int, proof: str, sql: str
) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute(sql)
    done = backup(settings, dest, verify="restored", format=form, jobs=jobs, proof=proof)
    taken = done.data["backup"]
    assert taken["verified"]["level"] == "restored"
    assert "shirt_25" in {table["name"] for table in taken["tables"]} and "shirt_25_0" not in {
        table["name"] for table in taken["tables"]
    }
    assert sorted(note.split()[1] for note in done.warnings if "another order" in note) == [
        "public.apart", "public.leaf", "public.middle",
    ]  # fmt: skip
    if proof == "hash":
        restored = restore(settings, source=taken["path"], into="sound", accept_superuser=form == "plain")
        drop_database(server, "sound")
        assert restored.data["restored"]["rows"] == 90 + 2 + 1 + 1
    drop_database(server, settings.database)
    with connect(server.settings()) as admin:
        admin.execute("DROP ROLE sound_z; DROP ROLE sound_a")


def test_a_dump_that_was_changed_and_its_checksum_put_right_is_not_good(
    settings: ConnectionSettings, dest: Path
) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute("CREATE TABLE t (i int CHECK (i > 0), j text); INSERT INTO t VALUES (1, 'a')")
        database.execute("CREATE INDEX by_j ON t (j); CREATE SEQUENCE s; SELECT nextval('s')")
        database.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 41'")
    path = backup(settings, dest, format="plain", compression="gzip").data["backup"]["path"]
    text = gzip.decompress(Path(path).read_bytes()).decode()
    for old, new in (
        ("CHECK ((i > 0))", "CHECK ((i >= 0))"),
        ("CREATE INDEX by_j ON public.t USING btree (j);", ""),
        ("setval('public.s', 1, true)", "setval('public.s', 1, false)"),
        ("SELECT 41", "SELECT 42"),
        ("1\ta\n", "1\tb\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    Path(path).write_bytes(gzip.compress(text.encode()))
    file = Path(manifest_path(path))
    manifest = json.loads(file.read_text())
    manifest.update(sha256=digest(path), size=size_of(path))
    file.write_text(json.dumps(manifest))
    with pytest.raises(TitanError) as refused:
        drill(source=path)
    for word in (
        "TABLE public.t is not defined",
        "INDEX public.by_j is missing",
        "sequence public.s",
        "FUNCTION public.f()",
        "other content",
    ):
        assert word in refused.value.message


def test_what_belongs_to_the_database_itself_is_compared_by_a_drill(
    settings: ConnectionSettings, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(settings) as database:
        database.execute(
            f"ALTER DATABASE {settings.database} SET work_mem = '8MB'; ALTER DATABASE {settings.database} CONNECTION LIMIT 7;"
            f"COMMENT ON DATABASE {settings.database} IS 'a shop'; REVOKE ALL ON DATABASE {settings.database} FROM PUBLIC"
        )
    path = backup(settings, dest, verify="restored").data["backup"]["path"]
    monkeypatch.setattr(drills, "apply_properties", lambda server, name, source: [])
    with pytest.raises(TitanError) as refused:
        drill(source=path)
    for what in ("settings", "privileges", "connection limit"):
        assert f"the database's {what} are not those of the source" in refused.value.message


CONTROL = "comment = 'x'\ndefault_version = '1.0'\nrelocatable = false\nsuperuser = true\n"
SCRIPT = """
CREATE SCHEMA shelf_inside;
CREATE TABLE shelf_settings (k text, v int); SELECT pg_catalog.pg_extension_config_dump('shelf_settings', 'WHERE v > 10');
INSERT INTO shelf_settings VALUES ('made by the extension', 1);
CREATE TABLE shelf_state (k text); CREATE TABLE shelf_empty (k text);
CREATE TABLE shelf_queue (k text); CREATE FUNCTION shelf_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
REVOKE ALL ON FUNCTION shelf_note() FROM PUBLIC;
"""


@pytest.fixture
def shelf(server: Cluster, settings: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """A database with an extension that has a schema, configuration and a state."""
    folder, *_more = [
        path for path in Path(server.programs).parent.rglob("extension") if (path / "plpgsql.control").exists()
    ]
    files = {folder / "titan_shelf.control": CONTROL, folder / "titan_shelf--1.0.sql": SCRIPT}
    for path, text in files.items():
        path.write_text(text)
    try:
        with connect(settings, fixed_settings=False) as database:
            database.execute(
                "CREATE EXTENSION titan_shelf; CREATE TABLE shelf_inside.book AS SELECT generate_series(1, 9) AS i"
            )
            database.execute(
                "INSERT INTO shelf_settings VALUES ('mine', 11), ('too', 12); INSERT INTO shelf_state VALUES ('x')"
            )
            database.execute(  # as pgq does
                "CREATE TABLE queue_1 () INHERITS (shelf_queue); INSERT INTO queue_1 VALUES ('x');"
                "CREATE TRIGGER note BEFORE INSERT ON queue_1 FOR EACH ROW EXECUTE FUNCTION shelf_note()"
            )
            database.execute("CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing")
            database.execute("CREATE FOREIGN TABLE elsewhere (i int) SERVER far")
        yield settings
    finally:
        for path in files:
            path.unlink()


def test_everything_that_has_rows_is_compared_or_named(shelf: ConnectionSettings, dest: Path) -> None:
    done = backup(shelf, dest, verify="restored")
    taken = done.data["backup"]
    tables = {(table["name"], table["rows"]) for table in taken["tables"]}
    assert tables == {("book", 9), ("shelf_settings", 2), ("queue_1", 1)}
    with pytest.raises(TitanError, match="must be owner of table shelf_queue.*accept_superuser: true"):
        restore(shelf, source=taken["path"], into="shelf_look")
    names = [(each["kind"], each["name"]) for each in taken["left_out"]]
    assert names == [("foreign table", "public.elsewhere"), ("extension table", "public.shelf_state")]
    without = ", without foreign table public.elsewhere and extension table public.shelf_state"
    assert without in done.summary and without in info(dest).summary
    assert any("shelf_state" in warning for warning in done.warnings)
    quiet = backup(shelf, dest, accept_left_out=["public.shelf_state", "public.shelf_empty"])
    assert ", without foreign table public.elsewhere;" in quiet.summary
    assert [warning for warning in quiet.warnings if "shelf" in warning] == [
        "Option 'accept_left_out' names 'public.shelf_empty', which is not left out."
    ]
    assert [each["accepted"] for each in quiet.data["backup"]["left_out"]] == [False, True]
    file = Path(manifest_path(taken["path"]))
    for name in ("book", "shelf_settings"):
        manifest = json.loads(file.read_text())
        next(table for table in manifest["tables"] if table["name"] == name)["hash"] = "1"
        file.write_text(json.dumps(manifest))
        with pytest.raises(TitanError, match=rf"{name} has as many rows as the source"):
            drill(source=taken["path"])


READS_OTHERS = """
CREATE TABLE kinds (n int); INSERT INTO kinds SELECT generate_series(1, 100000);
CREATE FUNCTION lowest() RETURNS int LANGUAGE sql AS 'SELECT min(n) FROM public.kinds';
CREATE FUNCTION fine(n int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > public.lowest(); END';
CREATE TABLE things (n int CHECK (fine(n))); INSERT INTO things VALUES (5); UPDATE kinds SET n = n + 10;
"""


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_rows_whose_check_reads_other_tables_are_not_proven_by_chance(
    settings: ConnectionSettings, dest: Path, form: str
) -> None:
    """Loaded beside the other table, the row would pass: nothing is there yet. A restore by one job would refuse it."""
    with connect(settings, fixed_settings=False) as database:
        database.execute(READS_OTHERS)
        assert order_matters(database)
        with pytest.raises(TitanError, match="is not good: .*violates check constraint"):
            backup(settings, dest, verify="restored", jobs=2, format=form)
        database.execute("CREATE OR REPLACE FUNCTION lowest() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        assert not order_matters(database)
        database.execute("CREATE DOMAIN d AS int CHECK (VALUE < 9 OR public.fine(VALUE))")
        database.execute(
            "CREATE OR REPLACE FUNCTION lowest() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT min(n) FROM kinds; END"
        )
        assert order_matters(database)


def test_what_loads_with_one_job_only_is_proven_and_said(
    settings: ConnectionSettings, dest: Path, workdir: Path
) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS i; CREATE INDEX ON t (i)")
    workdir.chmod(0o755)  # root's clusters run as somebody else
    fails = 'case "$*" in *--dbname*--jobs=2*|*--jobs=2*--dbname*) echo "pg_restore: error: x" >&2; exit 1;; esac\nexec "$REAL" "$@"'
    programs = programs_with(workdir / "bin", "pg_restore", fails)
    done = backup(settings, dest, verify="restored", jobs=2, programs=programs)
    assert done.data["backup"]["verified"]["level"] == "restored"
    assert any("with one job only" in warning for warning in done.warnings)


def test_a_subscription_does_not_hold_a_drill_in_a_scratch_database(settings: ConnectionSettings, dest: Path) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS i")
        database.execute(
            "CREATE SUBSCRIPTION titan_sub CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = 'live')"
        )
    try:
        done = backup(settings, dest, verify="restored", drill_in="scratch_database")
        assert done.data["backup"]["verified"]["level"] == "restored"
        with connect(settings) as database:
            assert database.value("SELECT count(*) FROM pg_database WHERE starts_with(datname, 'titan_drill_')") == 0
            assert database.value("SELECT count(*) FROM pg_subscription WHERE subslotname = 'live'") == 1
    finally:
        with connect(settings, fixed_settings=False) as database:
            database.execute("ALTER SUBSCRIPTION titan_sub SET (slot_name = NONE)")
            database.execute("DROP SUBSCRIPTION titan_sub")


def test_a_library_that_an_extension_needs_is_named_before_the_dump(db: Database) -> None:
    source = replace(read_source(db), preload=("auto_explain", "plpgsql"))
    require_libraries(db, source, Programs(embedded_programs(), "18.0"))
    with pytest.raises(TitanError, match=r"loads plpgsql .*not installed for PostgreSQL 18"):
        require_libraries(db, source, Programs("/nonexistent/bin", "18.0"))


def test_extensions_that_a_server_cannot_make_are_named_before_the_restore(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TitanError, match="extensions that the server does not have: 'no_such', 'nor_this'"):
        require_extensions(db, ["plpgsql", "nor_this", "no_such"], "new", "")
    monkeypatch.setitem(IN_ONE_DATABASE, "plpgsql", "cron.database_name")  # pg_cron is not installed here
    require_extensions(db, ["plpgsql"], "new", "")
    db.execute("SET cron.database_name = 'jobs'")
    require_extensions(db, ["plpgsql"], "jobs", "")
    with pytest.raises(TitanError, match="in the database 'jobs' only .* By hand."):
        require_extensions(db, ["plpgsql"], "new", "By hand.")


def test_a_drills_server_lets_no_background_worker_act() -> None:
    assert "timescaledb.restoring=on" in preload_settings(["timescaledb"], "drill")
    assert "max_worker_processes=0" in preload_settings(["pg_stat_statements", "$libdir/pg_cron"], "drill")
    assert "max_worker_processes=0" not in preload_settings(["pgaudit", "auto_explain"], "drill")


LOGGED_IN = """
CREATE EXTENSION pg_trgm; ALTER FUNCTION similarity(text, text) VOLATILE;
CREATE EXTENSION pg_buffercache; CREATE RULE added AS ON DELETE TO pg_buffercache DO INSTEAD NOTHING;
CREATE TABLE logins (at timestamptz DEFAULT now());
CREATE FUNCTION note_login() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
    'BEGIN INSERT INTO logins DEFAULT VALUES; END';
CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION note_login();
CREATE TABLE keys (x int PRIMARY KEY); CREATE TABLE silent (x int CONSTRAINT silent_key REFERENCES keys); ALTER TABLE silent DISABLE TRIGGER ALL;
CREATE FUNCTION pg_catalog.hidden() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE information_schema.hidden AS SELECT 1 AS x;
"""


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_login_trigger_does_not_fire_in_a_drill_and_a_changed_extension_is_named(
    settings: ConnectionSettings, dest: Path, form: str
) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute(LOGGED_IN)
    done = backup(settings, dest, verify="restored", format=form)
    assert done.data["backup"]["verified"]["level"] == "restored"
    for said in (
        "Functions of the extension pg_trgm are not as in the source", "Tables or views of the extension pg_buffercache are not",
        "constraint silent_key of public.silent does not act", "function pg_catalog.hidden() is in a system schema",
        "system table information_schema.hidden",
    ):  # fmt: skip
        assert sum(said in warning for warning in done.warnings) == 1, (said, done.warnings)
    assert len(done.warnings) == 5 and ", without system table information_schema.hidden" in done.summary


def test_a_name_that_is_no_utf8_is_refused_with_a_sentence(server: Cluster, dest: Path) -> None:
    with connect(server.settings()) as admin:
        admin.execute("CREATE DATABASE any_bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        with connect(server.settings("any_bytes"), fixed_settings=False) as database:
            database.execute("CREATE TABLE rows_of_any (x text); INSERT INTO rows_of_any VALUES (E'\\xff\\xfe')")
        assert (
            backup(server.settings("any_bytes"), dest, verify="restored").data["backup"]["verified"]["level"]
            == "restored"
        )
        with connect(server.settings("any_bytes"), fixed_settings=False) as database:
            database.execute(
                "DO $$ BEGIN EXECUTE 'CREATE TABLE \"n' || convert_from('\\xe9', 'SQL_ASCII') || '\" (i int)'; END $$"
            )
        with pytest.raises(TitanError, match="cannot be written in UTF-8"):
            backup(server.settings("any_bytes"), dest)
    finally:
        drop_database(server, "any_bytes")
