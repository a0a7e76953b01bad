"""What check mode finds before the run: syntax, rights, objects; the real run is the judge, and nothing that works is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
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
    "a value too many": (["INSERT INTO public.users VALUES (1, 'a', 3);"], "more expressions than target columns"),
    "a column twice": (["INSERT INTO public.users (id, name, id) VALUES (1, 'a', 3);"], "specified more than once"),
    "assigned twice": (["UPDATE public.users SET name = 'a', id = 2, name = 'b';"], "multiple assignments"),
    "no such function": (["SELECT nothing(1);"], "function nothing"),
    "no such schema": (["CREATE TABLE nowhere.t (id int);"], "schema nowhere does not exist"),
    "no such index table": (["CREATE INDEX i ON nobody (id);"], "nobody does not exist"),
    "to be dropped": (["DROP TABLE nobody;"], "nobody does not exist"),
    "referred to": (["CREATE TABLE t (u int REFERENCES nobody (id));"], "nobody does not exist"),
    "in a view": (["CREATE VIEW v AS SELECT nothing FROM public.users;"], 'column "nothing"'),
    "no such extension": (["CREATE EXTENSION no_such_extension;"], "is not available"),
    "no such extension behind another": (
        ["CREATE EXTENSION hstore;", "CREATE EXTENSION IF NOT EXISTS no_such_extension;"],
        "is not available",
    ),
    "a table that is there": (["CREATE TABLE public.users (id int);"], "public.users already exists"),
    "a view in its place": (["CREATE TABLE names (id int);"], "names already exists"),
    "a type that is there": (["CREATE TYPE users AS ENUM ('a');"], "users already exists"),
    "a schema that is there": (["CREATE SCHEMA closed;"], "the schema closed already exists"),
    "a column that is there": (
        ["ALTER TABLE public.users ADD COLUMN name text;"],
        "the column name of public.users already exists",
    ),
    "no constraint for a conflict": (
        ["INSERT INTO public.users (id) VALUES (1) ON CONFLICT (name) DO NOTHING;"],
        "no unique or exclusion constraint matching the ON CONFLICT",
    ),
    "in another search_path": (["SET search_path = closed; SELECT * FROM users;"], '"users" does not exist'),
    "in a schema that is set": (["SET SCHEMA 'closed'; ALTER TABLE users ADD n int;"], "users does not exist"),
    "in the path of pg_dump": (
        ["SELECT pg_catalog.set_config('search_path', '', false);\nUPDATE users SET id = 1;"],
        "0001_x.sql, line 2: ",
    ),
    "in a local path": (["SET LOCAL search_path TO public, closed; DELETE FROM secret WHERE no_column;"], "no_column"),
    "behind a path": (
        ["SET search_path = closed; SELECT * FROM secret; RESET search_path; SELECT * FROM secret;"],
        '"secret" does not exist',
    ),
    "in the next file": (["SET search_path = closed; SELECT * FROM secret;", "SELECT * FROM secret;"], "0002_x.sql"),
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
    "a path of what is made": ["CREATE SCHEMA s; SET search_path TO 's', public; CREATE TABLE t (id int); SELECT * FROM t, users;"],
    "a path that comes back": ["-- transaction: none\nBEGIN; SET search_path = closed; ROLLBACK; SELECT * FROM users;"],
    "a path that ends": ["-- transaction: none\nBEGIN; SET LOCAL search_path = closed; COMMIT; SELECT * FROM users;"],
    "a path as pg_dump says": ["SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.t (id int CHECK (id > 0));"],
    "a path in quotes": ["SET search_path TO \"closed\", '$user'; ALTER TABLE secret ADD n int; SET search_path TO DEFAULT; SELECT * FROM users;"],
    "a conflict with a new index": [
        "CREATE UNIQUE INDEX i ON public.users (name);", "INSERT INTO public.users VALUES (7, 'x') ON CONFLICT (name) DO NOTHING;"
    ],
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
    "rarer kinds anew": [
        "CREATE TABLE t (a int, b int, CONSTRAINT c CHECK (a > 0)); CREATE POLICY one_rule ON t USING (true); "
        "CREATE STATISTICS stat ON a, b FROM t;",
        "DROP POLICY IF EXISTS one_rule ON t; CREATE POLICY one_rule ON t USING (a > 1); DROP STATISTICS stat; "
        "CREATE STATISTICS stat ON a, b FROM t;",
        "ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (a > 1); ALTER TABLE t ADD d int, ALTER COLUMN d SET DEFAULT 1, ADD UNIQUE (d);",
        "ALTER TABLE public.users ADD COLUMN more int, ALTER more SET NOT NULL; ALTER TABLE public.users ALTER id TYPE bigint;",
        "CREATE FUNCTION g(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION g(x int); CREATE FUNCTION g(int) RETURNS text LANGUAGE sql AS "
        "'SELECT 1::text'; CREATE FUNCTION g(text) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
        "DROP FUNCTION IF EXISTS g(bigint); DROP FUNCTION g(int), g(text);",
    ],
    "a mixed-case name": ['CREATE TABLE "My Table" ("Id" int);', 'ALTER TABLE "My Table" ADD n int; INSERT INTO "My Table" VALUES (1, 2);'],
}  # fmt: skip

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(
    db: Database,
    settings: ConnectionSettings,
    call_module: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    db.execute(BASE)
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warnings.append(text))

    def go(texts: list[str], check_mode: bool, user: str = "") -> dict[str, Any]:
        files = [{"name": f"{at:04}_x.sql", "content": text} for at, text in enumerate(texts, 1)]
        options = {**login(settings), **({"login_user": user} if user else {})}
        warnings.clear()
        result = call_module(
            "migration",
            **options,
            files=files,
            check_mode=check_mode,
            lint={"all": "off"},
            mixed="steps",
            accept_superuser=not user,
        )
        return {**result, "warnings": list(warnings)}

    return go


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_is_told_before(run: Run, db: Database, name: str) -> None:
    texts, word = FAILING[name]
    checked = run(texts, True)
    assert checked.get("failed") and word in checked["msg"] and "Nothing was run." in checked["msg"]
    assert db.value("SELECT to_regclass('public.t') IS NULL AND to_regclass('titan_ops.migration_history') IS NULL")
    assert run(texts, False)["failed"]


PREDECESSOR = """
CREATE TABLE kept (a int PRIMARY KEY, b text CONSTRAINT positive CHECK (b <> ''), c int UNIQUE);
CREATE VIEW kept_view AS SELECT a FROM kept; CREATE MATERIALIZED VIEW kept_rows AS SELECT a FROM kept;
CREATE FUNCTION kept_fn(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE kept_proc() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE kept_sum (int) (sfunc = int4pl, stype = int);
CREATE POLICY kept_policy ON kept USING (true); CREATE RULE kept_rule AS ON INSERT TO kept WHERE new.a > 9 DO ALSO NOTHING;
CREATE PUBLICATION kept_pub; CREATE STATISTICS kept_stat ON a, c FROM kept; CREATE COLLATION kept_order (locale = 'C');
CREATE FOREIGN DATA WRAPPER kept_fdw; CREATE SERVER kept_server FOREIGN DATA WRAPPER kept_fdw;
CREATE TEXT SEARCH CONFIGURATION kept_search (COPY = simple); CREATE SEQUENCE kept_seq AS int;
CREATE TYPE kept_pair AS (a int); CREATE FUNCTION kept_cast(kept_pair) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE CAST (kept_pair AS int) WITH FUNCTION kept_cast(kept_pair); CREATE EXTENSION citext SCHEMA closed;
CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
CREATE VIEW kept_short AS SELECT 'a'::varchar(5) AS a, 'b'::text COLLATE "C" AS b; CREATE FUNCTION kept_add(bigint, int) RETURNS bigint LANGUAGE sql
  AS 'SELECT $1'; CREATE FUNCTION kept_watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
"""
# What the server refuses, and a word of what check mode says of it.
REFUSED = {
    "CREATE POLICY kept_policy ON kept USING (a > 1)": "the policy kept_policy of kept already exists",
    "CREATE RULE kept_rule AS ON INSERT TO public.kept DO ALSO NOTHING": "the rule kept_rule of public.kept",
    "CREATE PUBLICATION kept_pub FOR ALL TABLES": "the publication kept_pub",
    "CREATE STATISTICS public.kept_stat ON a, b FROM kept": "the statistics kept_stat",
    "CREATE COLLATION kept_order (locale = 'POSIX')": "the collation kept_order",
    "CREATE SERVER kept_server FOREIGN DATA WRAPPER kept_fdw": "the server kept_server",
    "CREATE FOREIGN DATA WRAPPER kept_fdw": "the foreign data wrapper kept_fdw",
    "CREATE TEXT SEARCH CONFIGURATION kept_search (COPY = english)": "the text search configuration kept_search",
    "CREATE CAST (kept_pair AS int) WITH FUNCTION kept_cast(kept_pair)": "the cast from kept_pair to int",
    "CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4ne)": "the operator === (int, int)",
    "CREATE EXTENSION citext": "the extension citext already exists",
    "ALTER TABLE kept ADD CONSTRAINT positive CHECK (a > 0)": "the constraint positive of kept",
    "ALTER TABLE public.users ADD CONSTRAINT kept UNIQUE (name)": "a relation kept already exists",
    "ALTER TABLE kept ADD PRIMARY KEY (c)": "kept has a primary key already",
    "ALTER TABLE kept ALTER COLUMN other SET NOT NULL": "kept has no column other",
    "ALTER TABLE kept ALTER a TYPE bigint": "uses the column a of kept, whose type",
    "DROP FUNCTION kept_proc()": "kept_proc() is a procedure, and no function",
    "DROP FUNCTION kept_fn(text)": "there is no function kept_fn(text)",
    "DROP INDEX kept_pkey": "kept_pkey is the index of the constraint kept_pkey",
    "DROP TYPE kept": "the type of the table or view kept",
    "CREATE FUNCTION kept_fn(int) RETURNS text LANGUAGE sql AS 'SELECT 1'": "kept_fn(integer) already exists",
    "CREATE PROCEDURE kept_fn(int) LANGUAGE sql AS 'SELECT 1'": "kept_fn(integer) already exists",
    "CREATE OR REPLACE AGGREGATE kept_fn (int) (sfunc = int4pl, stype = int)": "cannot make it an aggregate",
    "CREATE OR REPLACE FUNCTION kept_sum(int) RETURNS int LANGUAGE sql AS 'SELECT 1'": "cannot make it a function",
    "CREATE OR REPLACE AGGREGATE kept_sum (int) (sfunc = kept_add, stype = bigint)": "cannot make it return bigint",
    "CREATE OR REPLACE VIEW kept_short AS SELECT 'a'::varchar(6) AS a, 'b'::text COLLATE \"C\" AS b": "its column a has another length",
    "CREATE OR REPLACE VIEW kept_short AS SELECT 'a'::varchar(5) AS a, 'b'::text AS b": "its column b has the collation",
    "CREATE OR REPLACE FUNCTION kept_fn(int) RETURNS int LANGUAGE internal WINDOW AS 'window_row_number'": "a window function",
}
# What the server passes over, although it is not as the statement says.
PASSED_OVER = {
    "CREATE MATERIALIZED VIEW IF NOT EXISTS kept_view AS SELECT 1 AS a": "a view of the name kept_view already exists",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS kept_rows AS SELECT 1 AS a, 2 AS b": "with the columns a, and IF NOT EXISTS",
    "CREATE UNLOGGED TABLE IF NOT EXISTS kept (a int)": "the table kept already exists and is logged",
    "CREATE SEQUENCE IF NOT EXISTS kept_seq AS bigint": "with the type integer",
    "CREATE SEQUENCE IF NOT EXISTS kept_seq INCREMENT BY 10": "with the increment 1",
    "CREATE SEQUENCE IF NOT EXISTS kept": "IF NOT EXISTS creates no sequence beside it",
    "CREATE INDEX IF NOT EXISTS kept_view ON kept (b)": "a view of the name kept_view already exists",
    "CREATE COLLATION IF NOT EXISTS kept_order (locale = 'POSIX')": "the collation kept_order already exists with",
    "CREATE OR REPLACE VIEW kept_short AS SELECT 'x'::varchar(5) AS a, 'b'::text COLLATE \"C\" AS b, 1 AS c": "",
    "CREATE OR REPLACE AGGREGATE kept_sum (int) (sfunc = int4mi, stype = int, initcond = '0')": "",
    "CREATE COLLATION IF NOT EXISTS kept_order (locale = 'C')": "",
    "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public": "already exists in the schema closed",
}


def test_what_a_predecessor_left_is_told_before(run: Run, db: Database) -> None:
    db.execute(f"SET search_path = public; {PREDECESSOR}")
    try:
        silent = []
        for text, word in {**REFUSED, **PASSED_OVER}.items():
            checked = run([text], True)
            said = "\n".join([checked.get("msg", ""), *checked["warnings"]])
            if word not in said or (said and not word):
                silent.append((text, checked.get("msg"), checked["warnings"]))
            with pytest.raises(DatabaseError) if text in REFUSED else contextlib.nullcontext(), db.transaction():
                db.execute(text)
        assert silent == []
    finally:
        db.execute("DROP PUBLICATION kept_pub; DROP FOREIGN DATA WRAPPER kept_fdw CASCADE; DROP EXTENSION citext")


@pytest.mark.parametrize("name", WORKING)
def test_what_works_is_never_refused(run: Run, name: str) -> None:
    checked = run(WORKING[name], True)
    assert not checked.get("failed"), checked["msg"]
    applied = run(WORKING[name], False)
    assert not applied.get("failed"), applied["msg"]


def test_what_stands_before_an_event_trigger_runs_is_told(run: Run, db: Database) -> None:
    """Behind it anything may be changed."""
    db.execute(
        "CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
        "CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION public.watch()"
    )
    texts = ["CREATE EVENT TRIGGER seen ON sql_drop EXECUTE FUNCTION public.watch();", "ALTER TABLE nobody ADD n int;"]
    checked = [
        run(files, True).get("msg", "") for files in (texts[:1], texts[1:], ["CREATE TABLE t (id int);", *texts[1:]])
    ]
    db.execute(
        "DROP EVENT TRIGGER seen; CREATE EVENT TRIGGER seen ON ddl_command_start EXECUTE FUNCTION public.watch()"
    )
    checked.append(run(texts[1:], True).get("msg", ""))
    db.execute("DROP EVENT TRIGGER seen")
    assert "the event trigger seen already exists" in checked[0] and "nobody does not exist" in checked[1]
    assert checked[2:] == ["", ""]


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
