"""What check mode finds before the run: syntax, rights, objects; the real run is the judge, and nothing that works is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import login

BASE = """
CREATE TABLE public.users (id int PRIMARY KEY, name text);
CREATE VIEW public.names AS SELECT name FROM public.users;
CREATE SCHEMA closed;
CREATE TABLE closed.secret (id int);
CREATE FUNCTION public.makes_a_table() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'CREATE TABLE public.' || 'late' || 'comer (id int)'; END $$;
"""

# One release each: the files in order, a word of the message.
FAILING = {
    "a misspelt word": (["CREATE TABEL t (id int);"], 'syntax error at or near "TABEL"'),
    "in the second statement": (["CREATE TABLE t (id int);\nALTER TABLE t ADD COLUMN;"], "0001_x.sql, line 2: "),
    "in the second file": (["CREATE TABLE t (id int);", "INSERT INTO t VALUES (1;"], "0002_x.sql, line 1: "),
    "in a DO block": (["DO $$ BEGIN\n  SELEC 1;\nEND $$;"], "syntax error"),
    "a clause too many": (["SELECT 1 FROM public.users WHERE WHERE id = 1;"], "syntax error"),
    "no such table": (["ALTER TABLE nobody ADD n int;"], "nobody does not exist"),
    "no such table in a query": (["INSERT INTO nobody VALUES (1);"], '"nobody" does not exist'),
    "no such column": (["UPDATE public.users SET nothing = 1;"], 'column "nothing"'),
    "no such function": (["SELECT nothing(1);"], "function nothing"),
    "no such schema": (["CREATE TABLE nowhere.t (id int);"], "schema nowhere does not exist"),
    "no such index table": (["CREATE INDEX i ON nobody (id);"], "nobody does not exist"),
    "to be dropped": (["DROP TABLE nobody;"], "nobody does not exist"),
    "referred to": (["CREATE TABLE t (u int REFERENCES nobody (id));"], "nobody does not exist"),
    "in a view": (["CREATE VIEW v AS SELECT nothing FROM public.users;"], 'column "nothing"'),
    "no such extension": (["CREATE EXTENSION no_such_extension;"], "is not available"),
    "a table that is there": (["CREATE TABLE public.users (id int);"], "public.users is there already"),
    "a view in its place": (["CREATE TABLE names (id int);"], "names is there already"),
    "a type that is there": (["CREATE TYPE users AS ENUM ('a');"], "users is there already"),
    "a schema that is there": (["CREATE SCHEMA closed;"], "the schema closed is there already"),
    "a column that is there": (
        ["ALTER TABLE public.users ADD COLUMN name text;"],
        "the column name of public.users is there already",
    ),
    "all at once": (
        ["ALTER TABLE nobody ADD n int;", "ALTER TABLE nowhere_else ADD n int;"],
        "nowhere_else does not exist",
    ),
}

# As the role "modest", which owns nothing of BASE.
WITHOUT_RIGHTS = {
    "alter": ("ALTER TABLE public.users ADD n int;", "owner"),
    "read": ("SELECT * FROM closed.secret;", "permission denied"),
    "write": ("INSERT INTO public.users VALUES (1);", "permission denied"),
    "create": ("CREATE TABLE closed.t (id int);", "GRANT CREATE ON SCHEMA closed"),
    "index": ("CREATE INDEX i ON public.users (name);", "owner"),
    "drop": ("DROP TABLE public.users;", "owner"),
    "schema": ("CREATE SCHEMA s;", "the right CREATE on the database"),
}

# Every one runs: no word of warning.
WORKING = {
    "dropped along": ["DROP TABLE public.users CASCADE;", "CREATE VIEW public.names AS SELECT 1 AS name; CREATE TABLE public.users (id int);"],
    "in another schema of the path": ["CREATE SCHEMA app;", "SET search_path = app, public; CREATE TABLE users (id int); CREATE TYPE names AS ();"],
    "another column first": ["ALTER TABLE public.users RENAME name TO called;", "ALTER TABLE public.users ADD COLUMN name text;"],
    "a column anew": ["ALTER TABLE public.users DROP COLUMN name CASCADE, ADD COLUMN name int;", "CREATE VIEW public.names AS SELECT 1;"],
    "made before": ["CREATE TABLE t (id int);", "ALTER TABLE t ADD n int; INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t (n);"],
    "renamed before": ["ALTER TABLE public.users RENAME TO persons;", "UPDATE public.persons SET name = 'x'; DROP VIEW names;"],
    "a column made before": ["ALTER TABLE public.users ADD mail text;", "UPDATE public.users SET mail = name;"],
    "the sequence of a serial": ["CREATE TABLE t (id serial);", "SELECT setval('t_id_seq', 5); ALTER SEQUENCE t_id_seq CYCLE;"],
    "a DO block makes it": ["DO $$ BEGIN EXECUTE 'CREATE TABLE ' || 'la' || 'te (id int)'; END $$;", "ALTER TABLE late ADD n int;"],
    "a function makes it": ["SELECT public.makes_a_table();", "ALTER TABLE public.latecomer ADD n int;"],
    "an extension": ["CREATE EXTENSION hstore;", "CREATE TABLE t (h hstore); SELECT 'a=>1'::hstore -> 'a';"],
    "search_path": ["CREATE SCHEMA s; SET search_path = s; CREATE TABLE t (id int);", "ALTER TABLE s.t ADD n int;"],
    "its own search_path": ["SET search_path = closed; ALTER TABLE secret ADD n int;"],
    "select into": ["SELECT id INTO copied FROM public.users;", "ALTER TABLE copied ADD n int;"],
    "a table as": ["CREATE TABLE c AS SELECT * FROM public.users;", "UPDATE c SET name = 'x';"],
    "temporary": ["CREATE TEMP TABLE tt (id int); INSERT INTO tt VALUES (1);"],
    "itself": ["CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree);"],
    "a trigger makes it": [
        "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE by_trigger (id int); RETURN NEW; END $$;"
        "CREATE TRIGGER tr AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION tf(); INSERT INTO public.users VALUES (9);",
        "ALTER TABLE by_trigger ADD n int;",
    ],
    "if exists": ["ALTER TABLE IF EXISTS nobody ADD n int; DROP TABLE IF EXISTS nobody; DROP VIEW IF EXISTS nothing;"],
    "words of PL/pgSQL": ["DECLARE c CURSOR FOR SELECT 1; FETCH c; MOVE c; CLOSE c; EXPLAIN SELECT 1; VALUES (1);", "(SELECT 1) UNION SELECT 2;"],
    "SQL in a function": [
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT $1; END; CREATE PROCEDURE p() LANGUAGE sql AS $$ SELECT 1; $$; CALL p();"
    ],
    "a DO block with everything": [
        "DO $x$ <<outer>> DECLARE r record; n int := 0; BEGIN FOR r IN SELECT 1 AS a LOOP SELECT r.a INTO n; "
        "END LOOP; EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', n; END outer $x$;",
    ],
    "a comment at the end": ["SELECT 1 -- no semicolon here"],
    "rules, policies, comments": [
        "CREATE TABLE t (id int); CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO public.users VALUES (99); DELETE FROM t); "
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true); COMMENT ON TABLE t IS 'x';"
    ],
    "a view that reads itself": ["CREATE RECURSIVE VIEW nums (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM nums WHERE n < 5;"],
    "the schema of temporary tables": ["CREATE TABLE pg_temp.t (id int);"],
    "a table's rows": ["CREATE TABLE t (id int);", "TABLE t;", "TABLE public.users;"],
    "a view of a view": ["CREATE VIEW v AS SELECT * FROM names; CREATE VIEW w AS SELECT * FROM v;"],
    "dropped and made again": ["DROP TABLE public.users CASCADE;", "CREATE TABLE public.users (other int); UPDATE public.users SET other = 1;"],
    "merge": ["MERGE INTO public.users u USING (SELECT 1 AS id) s ON u.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id, 'x');"],
    "a mixed-case name": ['CREATE TABLE "My Table" ("Id" int);', 'ALTER TABLE "My Table" ADD n int; INSERT INTO "My Table" VALUES (1, 2);'],
}  # fmt: skip

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(db: Database, settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]]) -> Run:
    db.execute(BASE)

    def go(texts: list[str], check_mode: bool, user: str = "") -> dict[str, Any]:
        files = [{"name": f"{at:04}_x.sql", "content": text} for at, text in enumerate(texts, 1)]
        options = {**login(settings), **({"login_user": user} if user else {})}
        return call_module(
            "migration",
            **options,
            files=files,
            check_mode=check_mode,
            lint={"all": "off"},
            mixed="steps",
            accept_superuser=not user,
        )

    return go


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_is_told_before(run: Run, db: Database, name: str) -> None:
    texts, word = FAILING[name]
    checked = run(texts, True)
    assert checked.get("failed") and word in checked["msg"] and "Nothing was run." in checked["msg"]
    assert db.value("SELECT to_regclass('public.t') IS NULL AND to_regclass('titan_ops.migration_history') IS NULL")
    assert run(texts, False)["failed"]


@pytest.mark.parametrize("name", WORKING)
def test_what_works_is_never_refused(run: Run, name: str) -> None:
    checked = run(WORKING[name], True)
    assert not checked.get("failed"), checked["msg"]
    applied = run(WORKING[name], False)
    assert not applied.get("failed"), applied["msg"]


def test_missing_rights_are_told_before(run: Run, db: Database) -> None:
    db.execute(
        "CREATE ROLE modest LOGIN; CREATE SCHEMA titan_ops AUTHORIZATION modest; GRANT CREATE, USAGE ON SCHEMA public TO modest"
    )
    db.execute("GRANT USAGE ON SCHEMA closed TO modest")
    try:
        for text, word in WITHOUT_RIGHTS.values():
            checked = run([text], True, "modest")
            assert checked.get("failed") and word in checked["msg"], (text, checked.get("msg"))
            assert run([text], False, "modest")["failed"]
        assert not run(
            ["CREATE TABLE public.mine (id int);", "ALTER TABLE public.mine ADD n int;"], True, "modest"
        ).get("failed")
        # A file may give itself the right first; what it then may is not told.
        assert not run(["GRANT SELECT ON closed.secret TO modest;", "SELECT * FROM closed.secret;"], True).get("failed")
    finally:
        db.execute("DROP OWNED BY modest; DROP ROLE modest")
