# ruff: noqa: E501 - the awkward texts stay as they are
"""A history of awkward files, under every naming convention, gives the schema that psql -f gives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.client_environment import (
    child_environment,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, embedded_programs, login, make_database

Module = Callable[..., dict[str, Any]]

# One text a migration, in order. All of them run under psql -f as they stand.
HISTORY = [
    "\ufeffCREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, \"Odd \"\"Name\"\"\" int);\r\n"
    "CREATE INDEX users_email ON users (lower(email));\r\nCOMMENT ON TABLE users IS 'it''s; a \"table\"';\r\n",
    "/* a /* nested; */ comment; */ CREATE TYPE mood AS ENUM ('sad', 'ok'); -- trailing; comment\n"
    "CREATE DOMAIN posint AS int CHECK (VALUE > 0);\nCREATE SEQUENCE s1 START 100 INCREMENT 5;",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $fn$\nBEGIN\n  -- ; begin; commit;\n"
    "  EXECUTE format('SELECT %L', 'a;b'); NEW.email := 'x%s:name'; RETURN NEW;\nEND $fn$;\n"
    "CREATE TRIGGER touch BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();",
    "DO $$\nDECLARE r record;\nBEGIN\n  FOR r IN SELECT generate_series(1, 3) AS n LOOP\n"
    "    EXECUTE 'CREATE TABLE made_' || r.n || ' (a int); CREATE INDEX ON made_' || r.n || ' (a)';\n  END LOOP;\nEND $$;",
    "CREATE TABLE events (at timestamptz NOT NULL, kind text, n int) PARTITION BY RANGE (at);\n"
    "CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');\n"
    "CREATE TABLE events_rest PARTITION OF events DEFAULT;\nCREATE INDEX events_kind ON events (kind, at DESC);",
    "ALTER TABLE users ADD full_email text GENERATED ALWAYS AS (email || '@x') STORED;\n"
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON users FOR SELECT USING (email = current_user);",
    "CREATE TABLE log (a int, b text);\nCREATE RULE keep AS ON DELETE TO users DO ALSO (INSERT INTO log VALUES (1, 'a;b'); INSERT INTO log VALUES (2, 'c'));",
    "CREATE PROCEDURE pay(a int, b text DEFAULT ';') LANGUAGE sql BEGIN ATOMIC\n  INSERT INTO log VALUES (a, CASE WHEN b = '' THEN 'x' ELSE b END);\n"
    "  SELECT 1;\nEND;\nCREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM log; END;",
    "CREATE INDEX CONCURRENTLY log_a ON log (a);\nSET statement_timeout = 0;\n-- between\n"
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS log_b ON log (b) WHERE b <> ';';",
    "ALTER TYPE mood ADD VALUE 'happy' AFTER 'sad';\nCREATE TABLE m (x mood DEFAULT 'happy');",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'angry';",
    "BEGIN;\nCREATE VIEW v AS SELECT id, email FROM users;\nALTER TABLE log ADD c int DEFAULT 7;\nCOMMIT;\n",
    "SET search_path = public, pg_catalog;\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.dumped (a int);",
    "CREATE TABLE unqualified_again (a int UNIQUE, b int REFERENCES unqualified_again (a));",
    "DROP INDEX users_email;\nCREATE INDEX users_email ON users (email);\nALTER INDEX users_email RENAME TO users_email_new;",
    "CREATE INDEX log_dup ON log (a);",
    "DROP INDEX CONCURRENTLY log_a;",
    "CREATE INDEX ON log (c);\nCREATE INDEX ON log (c DESC);\nCREATE UNIQUE INDEX log_u ON ONLY events (at, kind);",
    "INSERT INTO log VALUES (1, E'it\\'s\\n;', 2), (2, U&'\\0041;', 3), (3, $q$ $$ ; $q$, 4);\nUPDATE log SET b = b || ';' WHERE a = 1;",
    "CREATE MATERIALIZED VIEW mv AS SELECT a, count(*) FROM log GROUP BY a WITH NO DATA;\nCREATE UNIQUE INDEX ON mv (a);\nREFRESH MATERIALIZED VIEW mv;",
    "VACUUM log;\nANALYZE log;",
    "CREATE SCHEMA app;\nCREATE TABLE app.t (a int, EXCLUDE USING btree (a WITH =));\nCREATE INDEX i ON app.t (a DESC);\n"
    "ALTER TABLE app.t SET (fillfactor = 70);",
    "CREATE AGGREGATE sum2 (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');\nCREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);",
    "CREATE OR REPLACE VIEW v AS SELECT id, email, full_email FROM users;\nGRANT SELECT ON v TO PUBLIC;\nCREATE TABLE IF NOT EXISTS log (zzz int);",
    "ALTER TABLE events DETACH PARTITION events_2024;",
    "PREPARE q AS SELECT 1;\nCREATE TEMP TABLE gone (a int);\nLISTEN x;\nCREATE TABLE backend_begin (begin_at int, the_end int, \"case\" int);",
    "PREPARE q AS SELECT 2;\nCREATE TEMP TABLE gone (b int);\n-- nothing else",
    "-- only a comment\n",
    "CREATE STATISTICS st ON a, b FROM log;",
    "",
    "\n;;\n -- nothing\n;",
    "CREATE SCHEMA later;\nDO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = later, public', current_database()); END $$;",
    "CREATE TABLE made_in_later (a int);\nCREATE INDEX ON made_in_later (a);",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET search_path', current_database()); END $$;",
    "CREATE TABLE made_in_public (a int);\nSET my_app.tenant = 'x';\nSELECT set_config('other_app.flag', 'on', false);",
    "CREATE TABLE seen AS SELECT current_setting('my_app.tenant', true) AS t, current_setting('other_app.flag', true) AS f;",
    "DISCARD ALL;",
    "SELECT pg_advisory_unlock_all();\nCREATE TABLE after_unlock (a int);",
    "SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET client_encoding = 'SQL_ASCII';\nSET standard_conforming_strings = on;\n"
    "SELECT pg_catalog.set_config('search_path', '', false);\nSET check_function_bodies = false;\nSET xmloption = content;\n"
    "SET client_min_messages = warning;\nSET row_security = off;\nSET default_tablespace = '';\n"
    "CREATE TABLE public.pg_dumped (id integer NOT NULL);\nALTER TABLE public.pg_dumped OWNER TO postgres;\n"
    "COMMENT ON TABLE public.pg_dumped IS 'na\u00efve';",
    "SET client_encoding = 'LATIN1';\nCREATE TABLE latin (a text DEFAULT 'x'); -- \u20ac\n",
    "SET check_function_bodies = off;\nCREATE FUNCTION calls_later() RETURNS int LANGUAGE sql AS 'SELECT not_there()';",
    "SET SESSION AUTHORIZATION postgres;\nSET default_transaction_read_only = on;\nSET statement_timeout = '10min';",
    "BEGIN TRANSACTION;\nCREATE TABLE wrapped (a int);\nINSERT INTO wrapped VALUES (1);\nEND;\nANALYZE wrapped;\n",
    "drop table if exists nowhere;\nSET client_min_messages = error;\nbegin;\ncreate table late_begin (a int);\ncommit;\ncreate index on late_begin (a);",
    "set client_min_messages to error;\nstart transaction;\ndrop table if exists nowhere;\nalter table wrapped add b text default E'\\\\';\ncommit work;",
    "CREATE FUNCTION shown(wrapped) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT $1.a::text $$;",
    "CREATE INDEX wrapped_shown ON wrapped (shown(wrapped.*));",
    "CREATE INDEX CONCURRENTLY wrapped_shown_too ON wrapped (shown(wrapped.*) DESC);",
    "CREATE PUBLICATION everything FOR ALL TABLES;",
    "CREATE INDEX CONCURRENTLY wrapped_b ON wrapped (b);",
    "DROP PUBLICATION everything;\nALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;",
    "CREATE TABLE \"weird; -- name\" (\"select\" int, \"a\"\"b\" int, \"$$\" int);\nCREATE INDEX \"weird; idx\" ON \"weird; -- name\" (\"a\"\"b\", \"$$\");",
    "/* migrate:up */ CREATE TABLE between (a int[] DEFAULT ARRAY[1,2], b int GENERATED BY DEFAULT AS IDENTITY);\n"
    "SELECT (ARRAY[1,2,3])[1:2], '{\"a\": 1}'::jsonb ->> 'a', 1 :: int;",
    "CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION seen_ddl();".join(
        ["CREATE FUNCTION seen_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY ddl, ''; END $$;\n", ""]
    ),
    "BEGIN;\nSET lock_timeout = '2s';\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n"
    "CREATE TABLE isolated AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;",
    "CLUSTER VERBOSE;",
    "DO $x$ BEGIN FOR i IN 1..2 LOOP INSERT INTO between (a) VALUES (NULL); COMMIT; END LOOP; END $x$;",
    "DROP EVENT TRIGGER watch_ddl;\nDROP FUNCTION seen_ddl;\nCREATE VIEW last_one AS SELECT 1 AS a;\r\n\r\n",
]  # fmt: skip


def names(convention: str, number: int) -> tuple[str, str]:
    """The files of one migration: up and down."""
    stamp = f"202401{number // 24 + 1:02d}{number % 24:02d}0000"
    return {
        "plain": (f"{number:04d}_step.sql", f"{number:04d}_step.down.sql"),
        "up_down": (f"{number:06d}_step.up.sql", f"{number:06d}_step.down.sql"),
        "flyway": (f"V{number}__step.sql", f"U{number}__step.sql"),
        "directory": (f"{stamp}_step/up.sql", f"{stamp}_step/down.sql"),
    }[convention]


def dump(settings: ConnectionSettings) -> str:
    with child_environment(settings) as env:
        arguments = [f"{embedded_programs()}/pg_dump", "--exclude-schema=titan_ops"]
        text = subprocess.run(arguments, env=env, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


@pytest.fixture(scope="module")
def by_psql(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What psql -f, one process a file, makes of the history."""
    settings = make_database(server)
    folder = tmp_path_factory.mktemp("psql")
    with child_environment(settings) as env:
        for number, text in enumerate(HISTORY, 1):
            path = folder / f"{number}.sql"
            path.write_bytes(text.encode())
            program = [f"{embedded_programs()}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(path)]
            done = subprocess.run(program, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (number, done.stderr)
    yield dump(settings)
    drop_database(server, settings.database)


@pytest.fixture
def new_database(server: Cluster) -> Iterator[ConnectionSettings]:
    """Untouched since it was made: pg_dump would show a schema public that was made again."""
    made = make_database(server)
    yield made
    drop_database(server, made.database)


@pytest.mark.parametrize("convention", ["plain", "up_down", "flyway", "directory"])
def test_the_schema_is_the_one_that_psql_makes(
    convention: str, by_psql: str, new_database: ConnectionSettings, call_module: Module, tmp_path: Path
) -> None:
    settings = new_database
    for number, text in enumerate(HISTORY, 1):
        up, down = (tmp_path / name for name in names(convention, number))
        up.parent.mkdir(exist_ok=True)
        up.write_bytes(text.encode())
        down.write_text("SELECT 1;")
    (tmp_path / "README.md").write_text("not SQL")
    options = {**login(settings), "path": str(tmp_path), "naming": convention, "redundant_indexes": "create"}
    result = call_module("migration", **options)
    assert not result.get("failed"), result["msg"]
    assert len(result["applied"]) == len(HISTORY)
    assert dump(settings) == by_psql
    with connect(settings) as db:
        kept = db.rows(
            "SELECT body FROM titan_ops.migration_history WHERE outcome = 'applied' ORDER BY version::numeric"
        )
    assert [row["body"] for row in kept] == [text.lstrip("\ufeff") for text in HISTORY]
    assert not call_module("migration", **options)["changed"]
    info = call_module("migration_info", **{key: value for key, value in options.items() if key != "redundant_indexes"})
    assert info["pending"] == [] and info["tampered"] == [] and info["drift"] == []
