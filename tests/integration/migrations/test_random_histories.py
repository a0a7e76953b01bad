"""Random histories of tables, indexes and constraints: the engine leaves the indexes that psql -f leaves, but for duplicates.

TITAN_HISTORIES=2000 tries so many instead of the few of a test run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from tests.integration.migrations.judge import RESET, Databases

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
CREATE FUNCTION drop_like(pattern text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  FOR r IN SELECT i.indexrelid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relname LIKE pattern AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) ORDER BY 1 LOOP
    EXECUTE 'DROP INDEX ' || r.name;
  END LOOP;
END $$;
"""
TABLES = ["t"] * 10 + ["u", "p", "p1", "p3", "s.t", "v"]
COLUMNS = ["(a)"] * 9 + [
    "(b)",
    "(lower(b))",
    "(a) WHERE a > 0",
    "(a, b)",
    "(a) WITH (fillfactor = 70)",
    "(a) INCLUDE (c)",
    "(id)",
]
NAMES = ["i1", "i2", "i3", "i4", "k1", "k2"]


def statement(draw: random.Random, alone: bool) -> str:
    """One statement, as often as not one that fails."""
    table, columns = draw.choice(TABLES), draw.choice(COLUMNS)
    name, other = draw.sample(NAMES, 2)
    unique = draw.choice(["", "", "UNIQUE "])
    concurrently = draw.choice(["", "CONCURRENTLY "]) if alone else ""
    create = (
        f"CREATE {unique}INDEX {concurrently}{draw.choice(['', '', '', 'IF NOT EXISTS '])}{name} ON {table} {columns}"
    )
    drops = f"DROP INDEX {concurrently}{draw.choice(['', 'IF EXISTS '])}{name}"
    column, new = draw.choice("abc"), draw.choice("abcd")
    pattern = draw.choice(["i%", "k%", "%1", "%2"])
    return draw.choice([
        *[create] * 12,
        drops, drops, drops,
        f"CREATE {unique}INDEX ON {table} {columns}",
        f"ALTER INDEX {name} RENAME TO {other}",
        f"ALTER INDEX {name} SET (fillfactor = 50)",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (a)",
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {other}",
        f"ALTER TABLE {table} ADD PRIMARY KEY (id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        f"ALTER TABLE {table} RENAME COLUMN {column} TO {new}",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        f"ALTER TABLE {table} DROP COLUMN {column}, ADD COLUMN {column} text",
        f"ALTER TABLE {table} ADD COLUMN {new} int",
        f"ALTER TABLE {table} ALTER COLUMN a TYPE bigint",
        f"ALTER TABLE {table} RENAME TO {draw.choice('tuv')}",
        f"ALTER TABLE {table} SET SCHEMA {draw.choice(['s', 'public'])}",
        f"DROP TABLE {table} CASCADE",
        f"CREATE TABLE {draw.choice('tuv')} (id int, a int, b text, c text)",
        "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (200) TO (300)",
        "ALTER TABLE p DETACH PARTITION p1",
        f"DO $$ BEGIN PERFORM drop_like('{pattern}'); END $$",
        f"DO $$ BEGIN EXECUTE 'DROP INDEX ' || 'i' || '{draw.choice('1234')}'; END $$",
        f"DO $$ BEGIN EXECUTE 'CREATE INDEX {name} ON {table} {columns}'; END $$",
        f"DO $$ BEGIN EXECUTE 'ALTER TABLE t RENAME COLUMN a TO b2'; DROP INDEX {name}; END $$",
        f"SELECT drop_like('{name}')",
        f"SELECT drop_like('{draw.choice(['i%', 'k%'])}')",
        f"COMMENT ON INDEX {name} IS 'x'",
        f"CREATE VIEW w{name} AS SELECT a FROM {table}",
        f"INSERT INTO {table} (id, a, b) VALUES (50, {draw.randrange(40)}, 'x')",
    ])  # fmt: skip


def history(draw: random.Random, databases: Databases) -> list[tuple[str, str]]:
    """Files whose statements all work, one after the other."""
    databases.run(databases.judge, RESET)
    files = [("0001_base.sql", BASE)]
    databases.run(databases.judge, BASE)
    for number in range(2, 2 + draw.randrange(2, 6)):
        alone = draw.random() < 0.4
        kept: list[str] = []
        wanted = draw.randrange(1, 5)
        for _try in range(40):
            sql = statement(draw, alone)
            if databases.works(sql):
                kept.append(sql)
            if len(kept) == wanted:
                break
        head = "-- transaction: none\n" if alone else ""
        files.append((f"{number:04}_x.sql", head + "".join(f"{sql};\n" for sql in kept)))
    return files


def try_history(seed: int, databases: Databases, folder: Path) -> None:
    draw = random.Random(seed)  # noqa: S311 - the seed is what a failure is repeated by
    files = history(draw, databases)
    paths = []
    for name, text in files:
        (folder / name).write_text(text)
        paths.append(folder / name)
    databases.run(databases.judge, RESET)
    databases.psql(paths)
    databases.run(databases.engine, RESET)
    releases = [upto for upto in range(1, len(files)) if draw.random() < 0.6] + [len(files)]
    for upto in releases:
        try:
            databases.migrate(files[:upto])
        except TitanError as error:
            if "it is not the declared one" in error.message:  # IF NOT EXISTS over something else is refused on purpose
                return
            raise AssertionError(f"seed {seed}, releases {releases}: {error.message}\n{shown(files)}") from error
    wrong = databases.difference()
    assert not wrong, f"seed {seed}, releases {releases}: {wrong}{shown(files)}"


def shown(files: list[tuple[str, str]]) -> str:
    return "\n".join(f"--- {name}\n{text}" for name, text in files[1:])


@tried(
    max_examples=int(os.environ.get("TITAN_HISTORIES", "60")), deadline=None, database=None, derandomize="TITAN_HISTORIES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
def test_random_histories_leave_the_indexes_that_psql_leaves(
    seed: int, databases: Databases, tmp_path_factory: Any
) -> None:
    try_history(seed, databases, tmp_path_factory.mktemp("history"))
