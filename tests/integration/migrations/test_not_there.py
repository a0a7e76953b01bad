"""What a statement names and is not there is told before it runs; the server is the judge, also of what works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.script import make_script
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.run.missing import Foresight
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import login

BASE = """
CREATE SCHEMA app;
CREATE TABLE places (id int PRIMARY KEY, name text, "Größe" int);
CREATE TABLE kinds (id int PRIMARY KEY, place int CONSTRAINT kinds_place REFERENCES places);
CREATE TABLE parted (id int, day date) PARTITION BY RANGE (day);
CREATE TYPE app.state AS ENUM ('new', 'it''s');
CREATE DOMAIN app.code AS text;
CREATE SEQUENCE app.numbers;
CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) AS n FROM places;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION app.add(a int, b integer DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE app.act(x app.state) LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER touched BEFORE UPDATE ON places FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE POLICY seen ON places USING (true);
CREATE INDEX places_name ON places (name);
CREATE TYPE app.half;
"""
CHILD = "CREATE TABLE parted_one PARTITION OF parted DEFAULT; CREATE VIEW seen_names AS SELECT name FROM places;"
# The word that the sentence has to hold, and statements that miss just that.
MISSING = {
    "is no": "REFRESH MATERIALIZED VIEW places; REFRESH MATERIALIZED VIEW CONCURRENTLY app.numbers; CREATE TABLE t PARTITION OF places DEFAULT; "
    "CREATE TABLE IF NOT EXISTS t PARTITION OF public.kinds FOR VALUES FROM (1) TO (2)",
    "already": "ALTER TYPE app.state ADD VALUE 'new'; ALTER TYPE app.state ADD VALUE 'it''s' BEFORE 'new'",
    "no_role": """
        GRANT SELECT ON places TO postgres, no_role; GRANT SELECT (id, name) ON TABLE places TO no_role WITH GRANT OPTION; GRANT no_role TO
        postgres; GRANT pg_monitor TO no_role; REVOKE ALL ON places FROM no_role CASCADE; REVOKE ADMIN OPTION FOR no_role FROM postgres;
        GRANT USAGE ON SCHEMA app, public TO GROUP no_role; GRANT EXECUTE ON FUNCTION app.add(int, int) TO no_role; GRANT ALL ON ALL
        SEQUENCES IN SCHEMA app TO no_role; ALTER TABLE places OWNER TO no_role; ALTER FUNCTION app.add(int, int) OWNER TO no_role; CREATE
        SCHEMA more AUTHORIZATION no_role; CREATE POLICY p ON places FOR SELECT TO no_role USING (true); ALTER ROLE no_role NOLOGIN; ALTER
        DEFAULT PRIVILEGES FOR ROLE no_role GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO
        no_role; SET ROLE no_role; SET SESSION AUTHORIZATION no_role; DROP ROLE no_role; REASSIGN OWNED BY postgres TO no_role; DROP OWNED
        BY no_role; COMMENT ON ROLE no_role IS 'x'; ALTER SCHEMA app OWNER TO "no_role"
    """,
    "nothing": """
        GRANT SELECT ON nothing TO postgres; GRANT SELECT ON places, app.nothing TO postgres; GRANT USAGE ON SEQUENCE nothing TO postgres;
        GRANT USAGE ON TYPE nothing TO postgres; GRANT EXECUTE ON FUNCTION nothing() TO postgres; COMMENT ON TABLE nothing IS 'x'; COMMENT
        ON COLUMN places.nothing IS 'x'; COMMENT ON COLUMN app.nothing.id IS 'x'; COMMENT ON INDEX nothing IS 'x'; COMMENT ON FUNCTION
        nothing(int) IS 'x'; COMMENT ON FUNCTION app.add(int, nothing) IS 'x'; COMMENT ON MATERIALIZED VIEW nothing IS 'x'; COMMENT ON
        CONSTRAINT nothing ON places IS 'x'; COMMENT ON TRIGGER nothing ON places IS 'x'; COMMENT ON POLICY nothing ON places IS 'x';
        COMMENT ON EXTENSION nothing IS 'x'; COMMENT ON TYPE nothing IS 'x'; COMMENT ON DOMAIN app.nothing IS 'x'; CREATE TRIGGER t AFTER
        INSERT OR UPDATE OF name ON nothing FOR EACH ROW EXECUTE FUNCTION app.touch(); CREATE TRIGGER t AFTER INSERT ON places FOR EACH ROW
        EXECUTE PROCEDURE app.nothing(); DROP TRIGGER nothing ON places; ALTER TRIGGER nothing ON places RENAME TO x; CREATE POLICY p ON
        nothing USING (true); DROP POLICY nothing ON places; ALTER POLICY nothing ON places USING (false); CREATE RULE r AS ON INSERT TO
        nothing DO NOTHING; DROP RULE nothing ON places; CREATE TABLE t (id int, a nothing NOT NULL); CREATE TABLE t (a app.nothing[]
        DEFAULT '{}'); CREATE TABLE t (a nothing(3)); ALTER TABLE places ADD a nothing; ALTER TABLE places ADD COLUMN a int, ADD COLUMN b
        app.nothing; ALTER TABLE kinds ALTER place SET DATA TYPE nothing; CREATE FUNCTION f(a nothing) RETURNS int LANGUAGE sql AS 'SELECT
        1'; CREATE FUNCTION f(INOUT a app.nothing) LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(int, nothing) RETURNS int LANGUAGE sql AS
        'SELECT 1'; CREATE FUNCTION f() RETURNS SETOF nothing LANGUAGE plpgsql AS 'BEGIN END'; CREATE FUNCTION f() RETURNS int LANGUAGE
        nothing AS 'x'; CREATE DOMAIN d AS nothing; CREATE TYPE c AS (a int, b nothing); CREATE TABLE t PARTITION OF nothing DEFAULT; CREATE
        TABLE t (LIKE nothing INCLUDING ALL); CREATE TABLE t (a int) INHERITS (places, nothing); CREATE TABLE t (a int REFERENCES places
        (nothing)); CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES app.nothing); CREATE TABLE t AS SELECT nothing FROM places; ALTER
        TABLE kinds ADD CONSTRAINT c FOREIGN KEY (nothing) REFERENCES places; ALTER TABLE kinds ADD FOREIGN KEY (place) REFERENCES nothing
        (id); ALTER TABLE kinds ADD FOREIGN KEY (place) REFERENCES places (nothing); ALTER TABLE places ADD UNIQUE (name, nothing); ALTER
        TABLE places ADD CONSTRAINT c UNIQUE USING INDEX nothing; ALTER TABLE places DROP COLUMN nothing; ALTER TABLE places DROP nothing
        CASCADE; ALTER TABLE kinds DROP CONSTRAINT nothing; ALTER TABLE places RENAME COLUMN nothing TO x; ALTER TABLE places RENAME nothing
        TO x; ALTER TABLE places RENAME CONSTRAINT nothing TO x; ALTER TABLE places VALIDATE CONSTRAINT nothing; ALTER TABLE places DISABLE
        TRIGGER nothing; ALTER TABLE places ENABLE ALWAYS TRIGGER nothing; ALTER TABLE parted ATTACH PARTITION nothing DEFAULT; ALTER TABLE
        parted DETACH PARTITION nothing; ALTER TABLE places CLUSTER ON nothing; ALTER TABLE places REPLICA IDENTITY USING INDEX nothing;
        ALTER INDEX nothing RENAME TO x; ALTER VIEW app.nothing RENAME TO x; ALTER SEQUENCE app.numbers OWNED BY nothing.id; ALTER SEQUENCE
        app.numbers OWNED BY public.places.nothing; CREATE SEQUENCE s OWNED BY nothing.id; ALTER TYPE nothing ADD VALUE 'x'; ALTER TYPE
        app.state RENAME VALUE 'nothing' TO 'x'; ALTER TYPE app.state ADD VALUE 'x' BEFORE 'nothing'; ALTER DOMAIN app.nothing DROP NOT
        NULL; ALTER FUNCTION nothing() STABLE; ALTER FUNCTION app.nothing(int) RENAME TO x; ALTER EXTENSION nothing UPDATE; DROP TYPE
        app.nothing; DROP DOMAIN nothing; DROP FUNCTION nothing; DROP EXTENSION nothing; DROP PUBLICATION nothing; DROP SERVER nothing;
        REFRESH MATERIALIZED VIEW CONCURRENTLY nothing; TRUNCATE places, kinds, nothing; LOCK TABLE ONLY nothing; CREATE STATISTICS s ON id,
        name FROM nothing; CREATE PUBLICATION p FOR TABLE nothing; REINDEX INDEX nothing; CLUSTER nothing; CLUSTER places USING nothing;
        ANALYZE nothing; CALL nothing(1); CREATE TABLE t (a int, PRIMARY KEY (a, nothing)); CREATE TABLE t (a int, CONSTRAINT u UNIQUE NULLS NOT
        DISTINCT (nothing)); CREATE TABLE IF NOT EXISTS t (a int, FOREIGN KEY (nothing) REFERENCES places); CREATE TABLE t (a int) PARTITION
        BY RANGE (a, nothing); CREATE TABLE t (a int, CHECK (a > 0 AND nothing > 0)); CREATE TABLE t (a int CONSTRAINT c CHECK (nothing > 0) NO
        INHERIT, "B" serial); CREATE TABLE app.t (a varchar(3)[], b bigint GENERATED ALWAYS AS (nothing + 1) STORED); ALTER TABLE places ADD
        CONSTRAINT c CHECK (nothing > 0) NOT VALID; ALTER TABLE places ADD COLUMN a int CHECK (nothing > a), ADD CHECK (id > 0); DROP CAST
        (int AS nothing); CREATE CAST (app.state AS int) WITH FUNCTION nothing(app.state); CREATE STATISTICS s ON nothing, id FROM places;
        CREATE AGGREGATE ag (int) (sfunc = nothing, stype = int); CREATE OPERATOR === (leftarg = int, rightarg = int, function = nothing);
        IMPORT FOREIGN SCHEMA x FROM SERVER nothing INTO app; DO LANGUAGE nothing 'x'
    """,
    "nowhere": """
        GRANT USAGE ON SCHEMA app, nowhere TO postgres; GRANT SELECT ON ALL TABLES IN SCHEMA nowhere TO postgres; COMMENT ON SCHEMA nowhere
        IS 'x'; ALTER DEFAULT PRIVILEGES IN SCHEMA nowhere GRANT SELECT ON TABLES TO postgres; ALTER TABLE places SET SCHEMA nowhere; ALTER
        SCHEMA nowhere RENAME TO x; DROP SCHEMA nowhere
    """,
}  # fmt: skip
WORKING = """
    GRANT SELECT ON places, kinds TO PUBLIC, pg_monitor, CURRENT_USER; GRANT SELECT ("Größe", name) ON places TO pg_monitor; GRANT
    pg_monitor TO postgres; REVOKE GRANT OPTION FOR ALL ON TABLE places FROM pg_monitor; GRANT ALL PRIVILEGES ON DATABASE postgres TO
    pg_monitor; GRANT EXECUTE ON FUNCTION app.add, app.touch() TO PUBLIC; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA app TO pg_monitor; GRANT
    SET ON PARAMETER work_mem TO pg_monitor; GRANT USAGE ON TYPE app.state TO PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC; ALTER
    TABLE places OWNER TO CURRENT_USER; ALTER DEFAULT PRIVILEGES FOR USER postgres IN SCHEMA app REVOKE ALL ON TABLES FROM PUBLIC; COMMENT
    ON COLUMN public.places."Größe" IS 'x'; COMMENT ON FUNCTION app.add(a integer, int4) IS 'x'; COMMENT ON PROCEDURE app.act(app.state) IS
    NULL; COMMENT ON CONSTRAINT kinds_place ON kinds IS 'to nothing'; COMMENT ON AGGREGATE count(*) IS 'x'; COMMENT ON DATABASE postgres IS
    NULL; COMMENT ON CAST (int4 AS int8) IS 'x'; CREATE TRIGGER t INSTEAD OF INSERT ON app.v FOR EACH ROW EXECUTE FUNCTION app.touch('one',
    2); DROP POLICY IF EXISTS nothing ON nothing; DROP TRIGGER IF EXISTS nothing ON places; ALTER TABLE IF EXISTS nothing DROP COLUMN a;
    ALTER TABLE places DROP COLUMN IF EXISTS nothing; CREATE TABLE t (a app.state, b app.code[], c double precision, d timestamp(3) with
    time zone, e numeric(10,2) DEFAULT 0, f places, g "char", h bit varying(3), i serial); CREATE TABLE t (id int PRIMARY KEY, up int
    REFERENCES t, place int REFERENCES places (id) ON DELETE SET NULL, LIKE app.pairs_of, FOREIGN KEY (place) REFERENCES places (id));
    CREATE TABLE t PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); CREATE TABLE t (CHECK (id > 0)) INHERITS
    (public.places); CREATE TABLE t OF app.pair; CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, "select" text COLLATE "C", EXCLUDE
    USING gist (r WITH &&), r int4range); ALTER TABLE places ADD COLUMN a int, ADD UNIQUE (a), ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES
    kinds (id), VALIDATE CONSTRAINT c; ALTER TABLE places ADD a app.state DEFAULT 'new', ALTER COLUMN a SET NOT NULL, DROP COLUMN name;
    ALTER TABLE places RENAME TO x; ALTER TABLE places RENAME "Größe" TO x; ALTER TABLE places ADD PRIMARY KEY USING INDEX places_more;
    ALTER TABLE places ALTER name TYPE varchar(20) USING name::varchar; ALTER TABLE places SET (fillfactor = 70); ALTER TABLE places DISABLE
    TRIGGER ALL; ALTER TABLE places ENABLE REPLICA TRIGGER touched; ALTER TABLE places CLUSTER ON places_name; ALTER TABLE parted ADD UNIQUE
    (day, id); ALTER TYPE app.state RENAME VALUE 'it''s' TO 'x'; ALTER TYPE app.state ADD VALUE IF NOT EXISTS 'new'; ALTER TYPE
    app.state ADD VALUE 'old' AFTER 'new'; ALTER TYPE app.pair ADD ATTRIBUTE z int; ALTER TYPE app.pair RENAME
    ATTRIBUTE a TO nothing; ALTER TYPE app.state RENAME TO x; ALTER SEQUENCE app.numbers OWNED BY NONE; ALTER SEQUENCE app.numbers OWNED BY
    app.pairs_of.a; ALTER FUNCTION app.add RENAME TO x; ALTER PROCEDURE app.act(x app.state) RENAME TO y; CREATE FUNCTION f(a int, VARIADIC
    b app.code[], OUT c double precision) RETURNS double precision LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE FUNCTION f(places.name%TYPE)
    RETURNS places.id%TYPE LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(character varying, x timestamp without time zone = now()) RETURNS
    TABLE (n int) LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION app.half_in(cstring) RETURNS app.half LANGUAGE internal STRICT IMMUTABLE AS
    'textin'; CREATE FUNCTION one_in(cstring) RETURNS one LANGUAGE internal STRICT AS 'int4in'; CREATE FUNCTION f(in_ int DEFAULT 1, "out"
    text DEFAULT 'x, y') RETURNS text RETURN "out"; CREATE PROCEDURE f(INOUT a int) LANGUAGE plpgsql SET search_path = '' AS 'BEGIN END';
    CREATE FUNCTION f() RETURNS void RETURNS NULL ON NULL INPUT LANGUAGE 'sql' AS ''; CREATE DOMAIN d AS varchar(3) CHECK (value <>
    'nothing'); CREATE DOMAIN d text; CREATE TYPE c AS (a int, b interval year to month, c app.state); DROP TYPE app.half; DROP FUNCTION
    app.add; DROP ROUTINE app.act; DROP INDEX places_name, app.pairs; SET ROLE NONE; SET LOCAL ROLE postgres; RESET SESSION AUTHORIZATION;
    SET SESSION AUTHORIZATION DEFAULT; ALTER ROLE ALL SET work_mem = '4MB'; ALTER USER CURRENT_USER SET work_mem = '4MB'; TRUNCATE TABLE
    ONLY places, kinds CASCADE; LOCK places IN SHARE MODE; REFRESH MATERIALIZED VIEW app.counts WITH NO DATA; ANALYZE VERBOSE places (name),
    kinds; CALL app.act('new'); CREATE STATISTICS s ON id, name FROM places; REINDEX TABLE places; CLUSTER places USING places_name; CREATE
    POLICY p ON places AS RESTRICTIVE FOR ALL TO PUBLIC, pg_monitor USING (true); CREATE RULE r AS ON DELETE TO places WHERE old.id = 1 DO
    INSTEAD NOTHING; CREATE TABLE t (id) AS SELECT 1; CREATE TABLE t AS TABLE places; CREATE TABLE t AS (SELECT 1) WITH NO DATA; CREATE
    MATERIALIZED VIEW m AS SELECT 1 AS a WITH NO DATA; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a WITH DATA; CREATE VIEW w AS SELECT id FROM
    places WHERE id > 0 WITH LOCAL CHECK OPTION; CREATE VIEW w AS SELECT id FROM places WITH CHECK OPTION; CREATE
    PUBLICATION p FOR TABLE ONLY places (id), kinds; CREATE SCHEMA AUTHORIZATION postgres; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE
    FUNCTION app.watch(); CREATE TABLE t (a serial, "B b" varchar(3) NOT NULL, c app.state DEFAULT 'new', d timestamp(3) with time zone, e numeric
    (4, 1)[], PRIMARY KEY (a, "B b"), UNIQUE (d), CHECK (t.a > 0 AND "B b" <> 'nothing' AND e[1] > 0 AND d > now()), CHECK (t IS NOT NULL), CONSTRAINT
    here CHECK (tableoid > 0) NO INHERIT); CREATE TABLE t (LIKE places, PRIMARY KEY (id), CHECK (name <> '')); CREATE TABLE t (CHECK (id > 0),
    UNIQUE (name)) INHERITS (places); CREATE TABLE t OF app.pair (PRIMARY KEY (a), CHECK (b > 0)); CREATE TABLE IF NOT EXISTS places (a int CHECK
    (nothing > 0), UNIQUE (nothing)); CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int GENERATED BY DEFAULT AS IDENTITY)
    PARTITION BY RANGE (a, (c + 1), abs(c));
    CREATE TABLE t (d app.code CHECK (d <> ''), "check" int CHECK ("check" > 0), j json CHECK ((j ->> 'a') = 'b'));
    ALTER TABLE places ADD a int CHECK (a > 0), ADD COLUMN b int, ADD CONSTRAINT pair CHECK (a < b AND tableoid > 0); ALTER TABLE places ADD CHECK
    ("Größe" > 0); CREATE STATISTICS s ON (id + 1), name FROM places; CREATE AGGREGATE ag (int) (sfunc = int4pl, stype = int, combinefunc =
    pg_catalog.int4pl); CREATE OPERATOR === (leftarg = int, rightarg = int, function = pg_catalog.int4eq); CREATE CAST (json AS bytea) WITHOUT
    FUNCTION; CREATE CAST (app.state AS app.pair) WITH INOUT AS ASSIGNMENT; DROP CAST IF EXISTS (int AS nothing)
"""  # fmt: skip
MORE = """
    CREATE VIEW app.v AS SELECT 1 AS one; CREATE TYPE app.pair AS (a int, b int); CREATE TABLE app.pairs_of (a int); CREATE INDEX pairs ON
    app.pairs_of (a); CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE UNIQUE INDEX places_more ON
    places (id); ALTER TABLE kinds DROP CONSTRAINT kinds_place; ALTER TABLE places DROP CONSTRAINT places_pkey; ALTER TABLE kinds ADD
    CONSTRAINT kinds_place CHECK (place > 0); CREATE UNIQUE INDEX places_id ON places (id);
"""


def _refused(database: Any, sql: str) -> str:
    """Why the server does not run it; nothing of it stays."""
    with database.raw.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute(sql)
        except psycopg2.Error as error:
            return str(error)
        finally:
            cursor.execute("ROLLBACK")
    return ""


def _said(database: Any, sql: str) -> str:
    return "".join(problem.message for problem in Foresight(database).look(make_script(sql, "1_x.sql")))


def test_what_is_not_there_is_told(settings: ConnectionSettings, user_sql: Any) -> None:
    user_sql.execute(BASE)
    with connect(settings) as database:
        database.execute("SET search_path = public")
        for word, statements in MISSING.items():
            for sql in (part.strip() for part in statements.split(";")):
                assert _refused(database, sql), f"the server takes it: {sql}"
                said = _said(database, sql)
                assert word in said and any(
                    each in said for each in ("not exist", "has no", "is there", "is no ", "already", "does not have")
                ), f"{sql}: {said!r}"


def test_nothing_that_works_is_refused(settings: ConnectionSettings, user_sql: Any) -> None:
    user_sql.execute(BASE)
    user_sql.execute(MORE)
    with connect(settings) as database:
        database.execute("SET search_path = public")
        for sql in (part.strip() for part in WORKING.split(";")):
            why = _refused(database, sql)
            assert not why, f"{sql}: {why}"
            assert not _said(database, sql), f"{sql}: {_said(database, sql)}"


def test_what_an_earlier_file_makes_is_there(
    settings: ConnectionSettings, user_sql: Any, call_module: Callable[..., dict[str, Any]]
) -> None:
    user_sql.execute(BASE + CHILD)
    files = (
        "CREATE POLICY late ON places USING (true); CREATE TRIGGER later BEFORE INSERT ON kinds FOR EACH ROW EXECUTE FUNCTION app.touch();",
        "DROP POLICY late ON places; DROP TRIGGER later ON kinds; CREATE TYPE app.latest AS ENUM ('a');",
        "CREATE FUNCTION takes(x app.latest) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TYPE app.latest ADD VALUE 'c' AFTER 'a';",
        "ALTER TABLE parted ADD note text; COMMENT ON COLUMN parted_one.note IS 'x'; CREATE TABLE app.viewed (id int, n int);",
        "DROP VIEW seen_names; ALTER TABLE places ALTER name TYPE varchar; CREATE VIEW seen_names AS SELECT name FROM places;",
        "CREATE SCHEMA AUTHORIZATION postgres; CREATE TABLE postgres.t (id int);",
        "DO $$ BEGIN CREATE ROLE titan_late_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT SELECT ON places TO titan_late_role;",
    )
    sent = [{"name": f"{n}_x.sql", "content": text} for n, text in enumerate(files, 1)]
    try:
        for check in (True, False):
            done = call_module("migration", **login(settings), files=sent, check_mode=check)
            assert not done.get("failed") and (check or len(done["applied"]) == len(files)), done
    finally:
        user_sql.execute("DROP OWNED BY titan_late_role; DROP ROLE titan_late_role")
