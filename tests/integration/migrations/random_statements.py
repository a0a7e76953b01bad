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
"""
TABLES = ["t"] * 10 + ["u", "p", "p1", "p3", "s.t", "v", "m", "ONLY p"]
COLUMNS = ["(a)"] * 12 + [
    "(b)", "(lower(b))", "(low(b))", "(a) WHERE a > 0", "(a, b)", "(a) WITH (fillfactor = 70)", "(a) INCLUDE (c)", "(id)",
    "(a) NULLS NOT DISTINCT", "(a DESC)", "(a NULLS FIRST)", "(b text_pattern_ops)", '(b COLLATE "C")', "USING hash (a)",
    "USING brin (a)", "(a) WITH (deduplicate_items = off)", f"(a) TABLESPACE {TABLESPACE}", "(a int4_ops ASC)",
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
