# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that PostgreSQL really raises, with a row in each: what is shown of them holds none, by psycopg2 and by psql."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.messages import without_rows
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import drop_database, make_database

SETUP = """
CREATE TABLE public.t (a text PRIMARY KEY, n int CONSTRAINT small CHECK (n < 9), CONSTRAINT short CHECK (length(a) < 99));
INSERT INTO public.t VALUES ('CANARY', 1);
CREATE TABLE public.child (a text CONSTRAINT of_t REFERENCES public.t);
INSERT INTO public.child VALUES ('CANARY');
CREATE TABLE public.other (a text, b text); INSERT INTO public.other VALUES ('CANARY', 'x'), ('CANARY', 'y');
CREATE TABLE public.parts (a text) PARTITION BY LIST (a);
CREATE DOMAIN public.digits AS text CONSTRAINT only_digits CHECK (VALUE ~ '^[0-9]+$');
CREATE TYPE public.mood AS ENUM ('good');
CREATE FUNCTION public.rate(text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT 1 FROM no_such_table); END';
CREATE FUNCTION public.raises() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION E'bad %\\nTABLE NAME:  CANARY', (SELECT a FROM public.t) USING ERRCODE = '42501', DETAIL = 'CANARY',
     HINT = 'CANARY', TABLE = 'CANARY', CONSTRAINT = 'CANARY'; END $$;
CREATE FUNCTION public.asserts() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ASSERT false, (SELECT a FROM public.t); END $$;
CREATE FUNCTION public.dynamic(how text) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE format(how, (SELECT a FROM public.t)); END $$;
"""
# What is sent -> what has to be told of it. The row's own text is CANARY, in capitals; nothing of the statements holds it.
ERRORS = {
    "INSERT INTO public.t SELECT a FROM public.other LIMIT 1": 'duplicate key value violates unique constraint "t_pkey"',
    "INSERT INTO public.t SELECT a || 'x', 9 FROM public.other LIMIT 1": '"t" violates check constraint "small"',
    "INSERT INTO public.child SELECT a || b FROM public.other": 'foreign key constraint "of_t"',
    "DELETE FROM public.t": 'foreign key constraint "of_t"',
    "CREATE UNIQUE INDEX one ON public.other (a)": 'could not create unique index "one"',
    "ALTER TABLE public.t ADD CONSTRAINT none CHECK (a IS NULL)": 'check constraint "none" of relation "t"',
    "ALTER TABLE public.other ADD EXCLUDE USING btree (a WITH =)": "could not create exclusion constraint",
    "ALTER TABLE public.other ALTER b TYPE int USING a::int": "invalid ",
    "SELECT a::date FROM public.t": "invalid ",
    "SELECT a::public.mood FROM public.t": "invalid ",
    "SELECT a::json FROM public.t": "invalid ",
    "SELECT a::uuid FROM public.t": "invalid ",
    "SELECT a::inet FROM public.t": "invalid ",
    "SELECT a::int[] FROM public.t": "",
    "SELECT ('9999999999' || length(a))::int, a FROM public.t": "out of range",
    "SELECT a::public.digits FROM public.t": 'digits violates check constraint "only_digits"',
    "SELECT a ~ ('(' || a) FROM public.t": "regular expression",
    "SELECT to_timestamp(a, 'YYYY') FROM public.t": "",
    "SELECT encode('x', a) FROM public.t": "",
    "SELECT now() AT TIME ZONE a FROM public.t": "",
    "SELECT set_config('timezone', a, false) FROM public.t": "",
    "SELECT set_config('work_mem', a, false) FROM public.t": "",
    "SELECT a::regclass FROM public.t": "",
    "SELECT decode(a, 'hex') FROM public.t": "",
    "SELECT jsonb_path_query(to_jsonb(a), 'strict $.x') FROM public.t": "",
    "SELECT xmlparse(document a) FROM public.t": "",
    "INSERT INTO public.parts SELECT a FROM public.other": 'no partition of relation "parts"',
    "SELECT public.raises()": "function raises()",
    "SELECT public.asserts()": "",
    "SELECT public.dynamic('SELECT %s')": "",
    "SELECT public.dynamic('SELECT ''%s''::int')": "",
    "SELECT public.dynamic('nonsense %s')": "",
    "SELECT public.dynamic('SELECT 1 FROM %I')": "",
    "SELECT public.rate(a) FROM public.t": 'relation "no_such_table" does not exist',
    "SELECT 1/0": "division by zero",
    "SELECT 1 FROM public.no_such_table": 'relation "public.no_such_table" does not exist',
    "SELECT no_such_function()": "function no_such_function() does not exist",
    "DROP TABLE public.t": "depend",
    "CREATE TABLE public.t ()": 'relation "t" already exists',
    "CREATE EXTENSION no_such_extension": 'extension "no_such_extension" is not available',
}


@pytest.fixture(scope="module")
def canaries(server: Cluster) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        database.execute(SETUP)
    yield made
    drop_database(server, made.database)


@pytest.fixture(scope="module")
def db(canaries: ConnectionSettings) -> Iterator[Database]:
    with connect(canaries, fixed_settings=False) as database:
        yield database


def test_through_psycopg2(db: Database) -> None:
    wrong = []
    for statement, told in ERRORS.items():
        with pytest.raises(DatabaseError) as failed:
            db.execute(statement)
        said = f"{failed.value.message} {failed.value.details}"
        if "canary" in said.lower() or told not in said or "\n" in failed.value.message:
            wrong.append((statement, said))
        assert failed.value.sqlstate, statement
        assert failed.value.__cause__ is None and failed.value.__suppress_context__  # else a traceback shows the row
    assert wrong == []


@pytest.mark.parametrize("verbosity", ["verbose", "default"])  # the second is how pg_dump and pg_restore print
def test_through_a_program(server: Cluster, canaries: ConnectionSettings, verbosity: str) -> None:
    script = "".join(f"\\echo -n\n\\warn statement\n{statement};\n" for statement in ERRORS)
    argv = [f"{server.programs}/psql", "-X", "-q", f"--set=VERBOSITY={verbosity}", "-f", "-", canaries.database]
    env = {"PGHOST": canaries.host, "PGPORT": str(canaries.port), "PGUSER": canaries.user, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, input=script, env=env, capture_output=True, text=True, check=True)
    messages = done.stderr.split("statement\n")[1:]
    assert len(messages) == len(ERRORS) and done.stderr.count("CANARY") > 20
    wrong = []
    for message, (statement, told) in zip(messages, ERRORS.items()):
        said = without_rows(message)
        if "regclass" in statement:
            continue  # of a program only what it loads by COPY can be told from a name (tests/unit/backups/programs)
        if "canary" in said.lower() or "ERROR:" not in said or (told != "depend" and told not in said):
            wrong.append((statement, said, message))
    assert wrong == []


def test_what_a_migration_says_itself_is_shown(db: Database) -> None:
    with pytest.raises(DatabaseError, match=r"There are % users, stop\.|There are % users"):
        db.execute("DO $$ BEGIN RAISE EXCEPTION 'There are % users', (SELECT a FROM public.t); END $$")
    with pytest.raises(DatabaseError, match='syntax error at or near "TABEL"'):
        db.execute("CREATE TABEL x ()")
    for statement in ("CREATE ROLE x PASSWORD 'CANARY' 'CANARY'", "ALTER ROLE x PASSWORD CANARY", "SELECT 1 'CANARY'"):
        with pytest.raises(DatabaseError) as failed:
            db.execute(statement)
        assert "CANARY" not in f"{failed.value.message} {failed.value.details}"
