"""Random statements about tables, indexes and constraints, and the schema that they start from."""

from __future__ import annotations

import random

TABLESPACE = "titan_test_place"

BASE = """
CREATE TABLE t (id int, a int, b text, c text);
CREATE TABLE u (id int PRIMARY KEY, a int, b text, c text);
CREATE TABLE p (id int, a int, b text, c text) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
CREATE TABLE p3 (id int, a int, b text, c text);
CREATE SCHEMA s;
CREATE TABLE s.t (id int, a int, b text, c text);
INSERT INTO t SELECT n, n, n::text, n::text FROM generate_series(1, 20) n;
INSERT INTO u SELECT * FROM t;
INSERT INTO p SELECT * FROM t;
CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
CREATE FUNCTION low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.lower($1)';
CREATE FUNCTION drop_like(pattern text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  FOR r IN SELECT i.indexrelid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relname LIKE pattern AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) ORDER BY 1 LOOP
    EXECUTE 'DROP INDEX ' || r.name;
  END LOOP;
END $$;
CREATE FUNCTION through(pattern text) RETURNS void LANGUAGE sql AS 'SELECT public.drop_like($1)';
CREATE PROCEDURE gone(name text) LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('DROP INDEX %I', name); END $$;
CREATE FUNCTION ensure(name text, declared text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF to_regclass(quote_ident(name)) IS NULL THEN EXECUTE format('CREATE INDEX %I ON %s', name, declared); END IF;
  RETURN true;
END $$;
CREATE TABLE q (id int, a int, b text, c text) PARTITION BY LIST (a);
CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1, 2) PARTITION BY RANGE (id);
CREATE TABLE q11 PARTITION OF q1 FOR VALUES FROM (0) TO (100);
CREATE TABLE q2 (id int, a int, b text, c text) PARTITION BY RANGE (id);
CREATE TABLE q21 PARTITION OF q2 DEFAULT;
CREATE TABLE orders (sql text);
CREATE FUNCTION carry_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE new.sql; RETURN new; END $$;
CREATE TRIGGER at_once BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION carry_out();
CREATE TABLE late_orders (sql text);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late_orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION carry_out();
"""
TABLES = ["t"] * 10 + ["u", "p", "p1", "p3", "s.t", "v", "m", "ONLY p", "q", "q1", "q11", "q21", "ONLY q1"]
COLUMNS = ["(a)"] * 12 + [
    "(b)", "(lower(b))", "(low(b))", "(a) WHERE a > 0", "(a, b)", "(a) WITH (fillfactor = 70)", "(a) INCLUDE (c)", "(id)",
    "(a) NULLS NOT DISTINCT", "(a DESC)", "(a NULLS FIRST)", "(b text_pattern_ops)", '(b COLLATE "C")', "USING hash (a)",
    "USING brin (a)", "(a) WITH (deduplicate_items = off)", f"(a) TABLESPACE {TABLESPACE}", "(a int4_ops ASC)",
    "USING btree (a)", "((a))", "(a) WHERE (a > (0))", "(a) WHERE a > 0::bigint", "((a + 1))", "((a+1)) WHERE b IS NOT NULL", "(a ASC NULLS LAST)",
    "(a) NULLS DISTINCT", "(a) WITH (fillfactor)", "(b varchar_ops)", "USING gin (to_tsvector('simple', b))", "USING spgist (b)",
    "USING gist (to_tsvector('simple', b))", "USING gist (to_tsvector('simple', b) tsvector_ops (siglen = 100))", "(a, b) INCLUDE (c)", "(b, a)",
    "USING brin (a) WITH (pages_per_range = 64)", "USING brin (a) WITH (autosummarize)", "(a) INCLUDE (b, c)", "(a) INCLUDE (c, b)",
]  # fmt: skip
NAMES = ["i1", "i2", "i3", "i4", "k1", "k2", '"I 5"', "I1", "ı6"]
_UNIQUE = ["UNIQUE (a)", "UNIQUE NULLS NOT DISTINCT (a)", "UNIQUE (a) DEFERRABLE", "EXCLUDE (a WITH =)", "UNIQUE (a) INCLUDE (c)",
           "UNIQUE (a) WITH (fillfactor = 70)", f"UNIQUE (a) USING INDEX TABLESPACE {TABLESPACE}"]  # fmt: skip


def favourite(draw: random.Random) -> tuple[str, str]:
    """What most indexes of a history are on, so that many of them are duplicates."""
    return draw.choice(TABLES), draw.choice(COLUMNS)


def statement(draw: random.Random, alone: bool, most: tuple[str, str]) -> str:
    """One statement, as often as not one that fails; most: see favourite."""
    table, columns = most if draw.random() < 0.7 else favourite(draw)
    name, other = draw.sample(NAMES, 2)
    unique = draw.choice(["", "", "", "UNIQUE "])
    concurrently = draw.choice(["", "CONCURRENTLY "]) if alone else ""
    tolerant = draw.choice([*[""] * 9, "IF NOT EXISTS "])
    create = f"CREATE {unique}INDEX {concurrently}{tolerant}{name} ON {table} {columns}"
    drops = f"DROP INDEX {concurrently}{draw.choice(['', 'IF EXISTS ', 'public.'])}{name}"
    if draw.random() < 0.5:
        return draw.choice([create] * 6 + [drops])
    return draw.choice([
        *_of_indexes(draw, name, other), *_of_tables(draw, table.removeprefix("ONLY "), name, other),
        *_in_code(draw, name, other, f"{name} ON {table} {columns}"), f"CREATE {unique}INDEX ON {table} {columns}",
        *_of_partitions(draw, name, other, columns), *_of_others(draw, table.removeprefix("ONLY "), name, other),
        *_through_rows(draw, name, other, f"{name} ON {table} {columns}"), *_of_deep_partitions(draw, name, other, columns),
        *_of_definitions(draw, table.removeprefix("ONLY "), name, other, columns),
        *(_by_themselves(draw, table, columns, name, other) if alone else _inside(f"{name} ON {table} {columns}", other)),
    ])  # fmt: skip


def _of_indexes(draw: random.Random, name: str, other: str) -> list[str]:
    return [
        f"ALTER INDEX {name} RENAME TO {other}",
        f"ALTER INDEX {name} SET (fillfactor = {draw.choice([50, 70])})",
        f"ALTER INDEX {name} RESET (fillfactor)",
        f"ALTER INDEX {name} SET TABLESPACE {draw.choice([TABLESPACE, 'pg_default'])}",
        f"ALTER INDEX ALL IN TABLESPACE pg_default SET TABLESPACE {TABLESPACE}",
        f"COMMENT ON INDEX {name} IS 'x'",
        f"REINDEX INDEX {name}",
        f"REINDEX (TABLESPACE {TABLESPACE}) TABLE t",
        f"DROP INDEX {name}, {other}",
        f"DROP INDEX {name} CASCADE",
    ]


def _of_tables(draw: random.Random, table: str, name: str, other: str) -> list[str]:
    column, new = draw.choice("abc"), draw.choice("abcd")
    return [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {draw.choice(_UNIQUE)}",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {other}",
        f"ALTER TABLE {table} ADD PRIMARY KEY (id)",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {other}",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {other}",
        f"ALTER TABLE {table} RENAME COLUMN {column} TO {new}",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        f"ALTER TABLE {table} DROP COLUMN {column}, ADD COLUMN {column} {draw.choice(['text', 'int'])}",
        f"ALTER TABLE {table} ADD COLUMN {new} int",
        f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {draw.choice(['bigint', 'text', 'varchar(50)'])}",
        f"ALTER TABLE {table} RENAME TO {draw.choice('tuv')}",
        f"ALTER TABLE {table} SET SCHEMA {draw.choice(['s', 'public'])}",
        f"ALTER TABLE {table} CLUSTER ON {name}",
        f"ALTER TABLE {table} REPLICA IDENTITY USING INDEX {name}",
        f"ALTER TABLE {table} SET UNLOGGED",
        f"DROP TABLE {table} CASCADE",
        f"CREATE TABLE {draw.choice('tuv')} (id int, a int, b text, c text)",
        f"CREATE TABLE {draw.choice('tuv')} (LIKE {table} INCLUDING INDEXES)",
        f"CREATE TABLE {draw.choice('uv')} () INHERITS (t)",
        "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (200) TO (300)",
        "ALTER TABLE p DETACH PARTITION p1",
        f"ALTER INDEX {name} ATTACH PARTITION {other}",
        f"CREATE VIEW w AS SELECT a FROM {table}",
        "REFRESH MATERIALIZED VIEW m",
        "DROP FUNCTION low CASCADE",
        "ALTER SCHEMA s RENAME TO s2",
        "DROP SCHEMA s CASCADE",
        f"INSERT INTO {table} (id, a, b) VALUES (50, {draw.randrange(40)}, 'x')",
        f"SET search_path = {draw.choice(['s, public', 'public, s', 'public'])}",
        f"SET default_tablespace = {draw.choice([TABLESPACE, chr(39) * 2])}",
    ]


def _in_code(draw: random.Random, name: str, other: str, declared: str) -> list[str]:
    pattern = draw.choice(["i%", "k%", "%1", "%2"])
    single = draw.choice("1234")
    return [
        f"DO $$ BEGIN PERFORM drop_like('{pattern}'); END $$",
        f"DO $$ BEGIN EXECUTE 'DROP INDEX ' || 'i' || '{single}'; END $$",
        f"DO $$ BEGIN EXECUTE 'CREATE INDEX {declared}'; END $$",
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE t RENAME COLUMN a TO b2'; DROP INDEX {name}; END $$",
        f"DO $$ BEGIN DROP INDEX {name}; RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$",
        f"DO $$ BEGIN CREATE INDEX {declared}; RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$",
        f"DO $$ BEGIN EXECUTE 'ALTER INDEX ' || 'i' || '{single} RENAME TO {other}'; END $$",
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE t DROP ' || 'CONSTRAINT k{single}'; END $$",
        f"SELECT drop_like('{draw.choice([name.strip(chr(34)), 'i%', 'k%'])}')",
        f"SELECT through('{pattern}')",
        f"CALL gone('i{single}')",
    ]


def _of_partitions(draw: random.Random, name: str, other: str, columns: str) -> list[str]:
    part = draw.choice(["p1", "p2", "p3", "p4", "p41"])
    low = draw.choice([200, 300])
    return [
        f"CREATE TABLE p4 PARTITION OF p FOR VALUES FROM ({low}) TO ({low + 100}) PARTITION BY LIST (id)",
        f"CREATE TABLE p41 PARTITION OF p4 FOR VALUES IN ({low + 5})",
        "CREATE TABLE p9 PARTITION OF p DEFAULT",
        f"CREATE TABLE p4 (LIKE p INCLUDING ALL); ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM ({low}) TO ({low + 100})",
        f"ALTER TABLE p DETACH PARTITION {part}",
        f"ALTER TABLE p DETACH PARTITION {part}; DROP TABLE {part}",
        f"ALTER TABLE p ATTACH PARTITION {part} FOR VALUES FROM ({low}) TO ({low + 100})",
        f"CREATE INDEX {name} ON {part} {columns}",
        f"CREATE INDEX {name} ON ONLY p {columns}; CREATE INDEX {other} ON p1 {columns}; ALTER INDEX {name} ATTACH PARTITION {other}",
        f"ALTER TABLE p ADD CONSTRAINT {name} {draw.choice(['PRIMARY KEY (id)', 'UNIQUE (id)', 'UNIQUE (id, a)'])}",
        f"ALTER TABLE {part} ADD CONSTRAINT {name} UNIQUE (id)",
        f"ALTER TABLE ONLY p ADD CONSTRAINT {name} UNIQUE (id)",
        f"ALTER INDEX p1_{draw.choice(['a', 'id', 'a_b'])}_idx RENAME TO {name}",
        f"ALTER TABLE {part} RENAME TO {draw.choice(['p1', 'p3', 'p5'])}",
        "ALTER TABLE p DROP COLUMN a",
        f"DROP TABLE {part}",
    ]


def _of_others(draw: random.Random, table: str, name: str, other: str) -> list[str]:
    return [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {other} DEFERRABLE",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {other}, ALTER COLUMN a SET NOT NULL",
        f"ALTER TABLE {table} ADD COLUMN e int UNIQUE, ADD COLUMN f int GENERATED ALWAYS AS (a + 1) STORED",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (a), DROP CONSTRAINT {other}",
        f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE",
        f"CREATE TABLE {draw.choice('xy')} (r int REFERENCES {table} (a), UNIQUE (r))",
        f"ALTER TABLE {table} DROP COLUMN {draw.choice('abc')} CASCADE",
        f"ALTER INDEX {name} SET (deduplicate_items = off)",
        f"ALTER INDEX {name} SET (fillfactor = 70); ALTER INDEX {name} RESET (fillfactor)",
        f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 50",
        f"CREATE INDEX {name} ON {table} (a) INCLUDE (b); CREATE INDEX {other} ON {table} (a) INCLUDE (c)",
        f"CREATE UNIQUE INDEX {name} ON {table} (a) NULLS NOT DISTINCT; CREATE UNIQUE INDEX {other} ON {table} (a)",
        f"CREATE INDEX {name} ON {table} (a) WITH (fillfactor = 70); CREATE INDEX {other} ON {table} (a) WITH (fillfactor = '70')",
        f"TRUNCATE {table}",
        f"CLUSTER {table} USING {name}",
        f"ALTER TABLE {table} SET WITHOUT CLUSTER",
        f"ALTER TABLE {table} INHERIT t",
        f"CREATE TABLE {draw.choice('uvx')} AS SELECT * FROM {table}",
        f"DROP TABLE IF EXISTS {draw.choice('tuvxy')}, {draw.choice('tuvxy')} CASCADE",
        "DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT * FROM u",
        "CREATE OR REPLACE FUNCTION low(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.upper($1)'",
        "ALTER FUNCTION low(text) RENAME TO low2",
        f'ALTER TABLE {table} ALTER COLUMN b TYPE text COLLATE "C"',
        f"DO $do$ DECLARE r record; BEGIN FOR r IN SELECT indexrelid::regclass AS n FROM pg_index WHERE indrelid = '{table}'::regclass "
        f"AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) LOOP EXECUTE format('DROP INDEX %s', r.n); END LOOP; END $do$",
        f"DO $$ BEGIN IF to_regclass('{name}') IS NOT NULL THEN ALTER INDEX {name} RENAME TO {other}; END IF; END $$",
        f"DO $$ BEGIN CREATE TABLE {draw.choice('uvx')} AS TABLE t; CREATE INDEX {name} ON {draw.choice('uvx')} (a); END $$",
    ]


def _through_rows(draw: random.Random, name: str, other: str, declared: str) -> list[str]:
    """Statements that a trigger or a function runs, at once or at the end of the transaction."""
    table = draw.choice(["orders", "late_orders", "late_orders"])
    new = draw.choice(NAMES).strip('"')
    return [
        f"INSERT INTO {table} VALUES ('DROP INDEX {name}')",
        f"INSERT INTO {table} VALUES ('CREATE INDEX {declared}')",
        f"INSERT INTO {table} VALUES ('ALTER INDEX {name} RENAME TO {other}')",
        f"INSERT INTO {table} VALUES ('ALTER TABLE t DROP CONSTRAINT {name}')",
        f"INSERT INTO {table} VALUES ('DROP INDEX {name}'), ('CREATE INDEX {declared}')",
        f"INSERT INTO {table} VALUES ('ALTER TABLE t DROP COLUMN {draw.choice('abc')} CASCADE')",
        f"SELECT ensure('{new}', '{declared.partition(' ON ')[2]}')",
        f"DO $$ BEGIN PERFORM ensure('{new}', '{declared.partition(' ON ')[2]}'); END $$",
        f"SELECT ensure(n, 't (a)') FROM unnest(ARRAY['{name.strip(chr(34))}', '{other.strip(chr(34))}']) AS n",
        "SET CONSTRAINTS ALL IMMEDIATE",
    ]


def _of_deep_partitions(draw: random.Random, name: str, other: str, columns: str) -> list[str]:
    part = draw.choice(["q1", "q11", "q2", "q21", "q3"])
    return [
        "ALTER TABLE q ATTACH PARTITION q2 FOR VALUES IN (3, 4)",
        "ALTER TABLE q DETACH PARTITION q1",
        "ALTER TABLE q1 DETACH PARTITION q11",
        "ALTER TABLE q1 ATTACH PARTITION q11 FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE q12 PARTITION OF q1 FOR VALUES FROM (100) TO (200)",
        "CREATE TABLE q3 PARTITION OF q DEFAULT",
        f"CREATE INDEX {name} ON q {columns}",
        f"CREATE INDEX {name} ON {part} {columns}; CREATE INDEX {other} ON q {columns}",
        f"CREATE INDEX {name} ON {part} {columns}; CREATE INDEX {other} ON {part} {columns}",
        f"CREATE INDEX {name} ON ONLY q {columns}; CREATE INDEX {other} ON ONLY q1 {columns}; ALTER INDEX {name} ATTACH PARTITION {other}",
        f"ALTER TABLE q ADD CONSTRAINT {name} UNIQUE (a, id)",
        f"ALTER TABLE {part} ADD CONSTRAINT {name} UNIQUE (a, id)",
        f"ALTER TABLE q DROP CONSTRAINT {name}",
        f"ALTER TABLE {part} DROP CONSTRAINT {name}",
        f"ALTER TABLE q1 DETACH PARTITION q11; CREATE INDEX {name} ON q11 {columns}; CREATE INDEX {other} ON q11 {columns}; "
        "ALTER TABLE q1 ATTACH PARTITION q11 FOR VALUES FROM (0) TO (100)",
        f"DROP TABLE {part}",
        f"DROP TABLE {part} CASCADE",
        f"ALTER TABLE {part} RENAME TO {draw.choice(['q1', 'q11', 'q4'])}",
        f"ALTER TABLE q RENAME COLUMN {draw.choice('bc')} TO {draw.choice('bcd')}",
        "ALTER TABLE q DROP COLUMN b, ADD COLUMN b text",
        f"ALTER TABLE q ALTER COLUMN b TYPE varchar({draw.choice([20, 30])})",
        f"DROP INDEX {name}, {other} CASCADE",
    ]


def _of_definitions(draw: random.Random, table: str, name: str, other: str, columns: str) -> list[str]:
    """The same thing made another way, and columns that come back."""
    column = draw.choice("abc")
    kind = "int" if column == "a" else "text"
    return [
        f"ALTER TABLE {table} DROP COLUMN {column} CASCADE; ALTER TABLE {table} ADD COLUMN {column} {kind}; CREATE INDEX {name} ON {table} {columns}",
        f"ALTER TABLE {table} ADD COLUMN {column}9 {kind}; ALTER TABLE {table} DROP COLUMN {column}; "
        f"ALTER TABLE {table} RENAME COLUMN {column}9 TO {column}",
        f"CREATE INDEX {name} ON {table} {columns}; CREATE INDEX {other} ON {table} {columns}; "
        f"CREATE INDEX third ON {table} {columns}; DROP INDEX {name}",
        f"CREATE INDEX {name} ON {table} {columns}; ALTER INDEX {name} RENAME TO x9; CREATE INDEX {name} ON {table} {columns}; DROP INDEX x9",
        f"ALTER INDEX {name} RENAME TO x9; ALTER INDEX {other} RENAME TO {name}; ALTER INDEX x9 RENAME TO {other}",
        f"CREATE TABLE {draw.choice('vxy')} (id int, a int CONSTRAINT {name} UNIQUE, b text, c text, "
        f"CONSTRAINT {other} UNIQUE NULLS NOT DISTINCT (a))",
        f"CREATE SCHEMA s CREATE TABLE t (id int, a int, b text, c text) CREATE INDEX {name} ON t (a) CREATE INDEX {other} ON t (a)",
        f"ALTER TABLE {table} RENAME TO x9; CREATE TABLE {table.rpartition('.')[2]} (LIKE x9 INCLUDING ALL); DROP TABLE x9 CASCADE",
        f"SELECT * INTO {draw.choice('vxy')} FROM {table}",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (a); ALTER TABLE {table} ADD CONSTRAINT {other} UNIQUE (a)",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE NULLS NOT DISTINCT (a); CREATE UNIQUE INDEX {other} ON {table} (a) NULLS NOT DISTINCT",
        f"CREATE UNIQUE INDEX {name} ON {table} (a); ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}",
        f"CREATE UNIQUE INDEX {name} ON {table} (a); CREATE UNIQUE INDEX {other} ON {table} (a); "
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}",
        f"CREATE UNIQUE INDEX {name} ON {table} (id, a); "
        f"ALTER TABLE {table} ALTER id SET NOT NULL, ALTER a SET NOT NULL, REPLICA IDENTITY USING INDEX {name}",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} EXCLUDE USING btree (a WITH =) WHERE (a > 100)",
        f"ALTER TABLE {table} SET SCHEMA s; CREATE TABLE t (id int, a int, b text, c text)",
        f"ALTER TABLE {table} ALTER COLUMN a TYPE bigint; ALTER TABLE {table} ALTER COLUMN a TYPE int",
        f"ALTER TABLE {table} ALTER COLUMN a DROP EXPRESSION IF EXISTS, ALTER COLUMN a SET STATISTICS 7",
        f"ALTER TABLE {table} INHERIT u; ALTER TABLE {table} NO INHERIT u",
        f"ALTER INDEX {name} SET (fillfactor = 70), RESET (deduplicate_items)",
        f"CREATE INDEX ON {table} {columns}; CREATE INDEX ON {table} {columns}",
        f"COMMENT ON INDEX {name} IS {draw.choice(['NULL', chr(39) * 2, chr(39) + 'y' + chr(39)])}",
        f"DROP INDEX {other}; COMMENT ON INDEX {name} IS 'z'",
    ]


def _by_themselves(draw: random.Random, table: str, columns: str, name: str, other: str) -> list[str]:
    """What only a file by statement can hold."""
    create = f"CREATE INDEX {name} ON {table} {columns}"
    return [
        "VACUUM FULL t", "CLUSTER t", f"REINDEX INDEX CONCURRENTLY {name}", f"REINDEX TABLE CONCURRENTLY {table.removeprefix('ONLY ')}",
        "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", "REINDEX TABLE CONCURRENTLY p",
        f"BEGIN; {create}; COMMIT", f"BEGIN; {create}; ROLLBACK", f"BEGIN; DROP INDEX {name}; COMMIT AND CHAIN; {create}; COMMIT",
        f"BEGIN; DROP INDEX {name}; ROLLBACK AND CHAIN; ALTER INDEX {name} RENAME TO {other}; COMMIT",
        f"BEGIN; SAVEPOINT y; DROP INDEX {name}; ROLLBACK TO y; {create}1; COMMIT",
        f"BEGIN; DROP INDEX {name}; {create}; COMMIT",
        f"DO $$ BEGIN EXECUTE 'DROP INDEX ' || '{name.strip(chr(34))}'; COMMIT; EXECUTE 'CREATE INDEX {name} ON {table} {columns}'; END $$",
        f"CREATE INDEX CONCURRENTLY ON {table} {columns}",
    ]  # fmt: skip


def _inside(declared: str, other: str) -> list[str]:
    """What only a file in one transaction can hold."""
    name = declared.split()[0]
    return [
        f"SAVEPOINT y; DROP INDEX {name}; ROLLBACK TO y",
        "CREATE TEMP TABLE t (id int, a int, b text, c text) ON COMMIT DROP",
        f"SAVEPOINT y; CREATE INDEX {declared}; ROLLBACK TO y; RELEASE y",
        f"SAVEPOINT y; CREATE INDEX {declared}; RELEASE y; ALTER INDEX {name} RENAME TO {other}",
        f"SAVEPOINT y; DROP INDEX {name}; CREATE INDEX {declared}; RELEASE SAVEPOINT y",
        f"SAVEPOINT y; CREATE INDEX {declared}; SAVEPOINT z; DROP INDEX {name}; ROLLBACK TO z; RELEASE y",
        f"SAVEPOINT y; SAVEPOINT y; DROP INDEX {name}; ROLLBACK TO y; RELEASE y; DROP INDEX {other}; ROLLBACK TO y; RELEASE y",
        f"SAVEPOINT y; INSERT INTO late_orders VALUES ('DROP INDEX {name}'); ROLLBACK TO y",
        f"SAVEPOINT y; ALTER TABLE t DROP COLUMN a CASCADE; ROLLBACK TO y; RELEASE y; CREATE INDEX {declared}",
        f"SAVEPOINT y; ALTER INDEX {name} RENAME TO {other}; ROLLBACK TO y; CREATE INDEX {declared}1",
    ]
