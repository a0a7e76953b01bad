"""The locks that check mode lists are those that pg_locks shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.script import make_script
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.run.lock_levels import ORDER, locks
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

TABLES = """
CREATE SCHEMA "Old";
CREATE TABLE people (id bigint PRIMARY KEY, name varchar(20), age int, mail text, CONSTRAINT c CHECK (age > 0) NOT VALID);
CREATE TABLE pets (id bigint, owner bigint, name text, CONSTRAINT f FOREIGN KEY (owner) REFERENCES people);
CREATE TABLE "Old"."To ys" (id bigint, "on" int);
CREATE TABLE ev (at date NOT NULL, k int) PARTITION BY RANGE (at);
CREATE TABLE ev_a PARTITION OF ev FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE ev_b (at date NOT NULL, k int);
CREATE TABLE parent (id bigint, owner bigint, name text);
CREATE INDEX people_age ON people (age);
CREATE UNIQUE INDEX people_mail ON people (mail);
CREATE MATERIALIZED VIEW mv AS SELECT * FROM people;
CREATE UNIQUE INDEX mv_id ON mv (id);
CREATE VIEW people_v AS SELECT * FROM people;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER t BEFORE INSERT ON people EXECUTE FUNCTION nothing();
CREATE POLICY p ON people;
CREATE RULE r AS ON INSERT TO pets DO ALSO NOTHING;
CREATE TABLE kin (id bigint PRIMARY KEY);
CREATE TABLE of_kin (id bigint REFERENCES kin);
CREATE SEQUENCE seq;
"""
INSIDE = [
    "CREATE INDEX ON people (name)",
    'create unique index "on" on only "Old"."To ys" ("on")',
    "CREATE INDEX IF NOT EXISTS i ON ONLY ev (k)",
    "DROP INDEX people_age, public.people_mail",
    "DROP INDEX IF EXISTS nowhere, people_age CASCADE",
    "CREATE CONSTRAINT TRIGGER u AFTER INSERT ON pets FROM people DEFERRABLE FOR EACH ROW EXECUTE FUNCTION nothing()",
    "CREATE OR REPLACE TRIGGER t BEFORE UPDATE OF name ON people EXECUTE FUNCTION nothing()",
    "DROP TRIGGER IF EXISTS t ON people",
    "CREATE POLICY q ON people",
    "DROP POLICY p ON people",
    "CREATE OR REPLACE RULE r AS ON DELETE TO pets DO INSTEAD NOTHING",
    "DROP RULE r ON pets",
    "CREATE STATISTICS s ON name, age FROM people",
    "CREATE TABLE kids (owner bigint REFERENCES people, PRIMARY KEY (owner))",
    "CREATE TABLE kids (owner bigint, CONSTRAINT k FOREIGN KEY (owner) REFERENCES public.people (id))",
    "CREATE TABLE ev_c PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "ALTER TABLE people ADD COLUMN c int, ADD d int DEFAULT 5",
    "ALTER TABLE IF EXISTS ONLY public.people VALIDATE CONSTRAINT c",
    "ALTER TABLE people VALIDATE CONSTRAINT c, ADD COLUMN x int",
    "ALTER TABLE people ALTER COLUMN age SET STATISTICS 100, ALTER name SET (n_distinct = 5)",
    "ALTER TABLE people ALTER name RESET (n_distinct)",
    "ALTER TABLE people SET (fillfactor = 70), SET WITHOUT CLUSTER",
    "ALTER TABLE people RESET (fillfactor)",
    "ALTER TABLE people CLUSTER ON people_age",
    "ALTER TABLE pets ADD FOREIGN KEY (id) REFERENCES people",
    "ALTER TABLE pets ADD CONSTRAINT g FOREIGN KEY (id) REFERENCES people NOT VALID",
    "ALTER TABLE pets ADD COLUMN other bigint REFERENCES people (id)",
    "ALTER TABLE pets ADD FOREIGN KEY (id) REFERENCES people, ALTER name SET NOT NULL",
    "ALTER TABLE people ADD CONSTRAINT d CHECK (age < 100) NOT VALID",
    "ALTER TABLE people ADD CONSTRAINT u UNIQUE USING INDEX people_mail",
    "ALTER TABLE people DROP CONSTRAINT c",
    "ALTER TABLE pets ALTER CONSTRAINT f DEFERRABLE",
    "ALTER TABLE people DISABLE TRIGGER ALL, ENABLE TRIGGER t, ENABLE ALWAYS TRIGGER t",
    "ALTER TABLE people ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE people REPLICA IDENTITY FULL",
    "ALTER TABLE people RENAME COLUMN name TO called",
    "ALTER TABLE people RENAME TO persons",
    'ALTER TABLE people SET SCHEMA "Old"',
    "ALTER TABLE pets ALTER name TYPE varchar(5)",
    "ALTER TABLE people ALTER mail SET STORAGE EXTERNAL",
    "ALTER TABLE pets SET UNLOGGED",
    "ALTER TABLE ev ATTACH PARTITION ev_b FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "ALTER TABLE ev DETACH PARTITION ev_a",
    "ALTER TABLE pets INHERIT parent",
    'DROP TABLE IF EXISTS pets, "Old"."To ys"',
    "DROP TABLE ev_a, kin CASCADE",
    "ALTER TABLE pets DROP CONSTRAINT IF EXISTS f, ALTER id DROP DEFAULT",
    "ALTER TABLE pets DROP COLUMN owner",
    "ALTER TABLE pets DROP name",
    "ALTER POLICY p ON people USING (true)",
    "ALTER TRIGGER t ON people RENAME TO u",
    "ALTER TABLE people SET (user_catalog_table = on, fillfactor = 80)",
    "ALTER SEQUENCE seq INCREMENT BY 5",
    "ALTER SEQUENCE IF EXISTS seq RENAME TO other",
    "ALTER SEQUENCE seq OWNED BY people.id",
    "DROP VIEW people_v",
    "DROP MATERIALIZED VIEW mv",
    'TRUNCATE ONLY pets, "Old"."To ys" * RESTART IDENTITY',
    "TRUNCATE TABLE people, pets",
    "LOCK pets",
    "LOCK TABLE ONLY pets, people IN SHARE UPDATE EXCLUSIVE MODE NOWAIT",
    "LOCK TABLE people IN ROW SHARE MODE",
    "CLUSTER people USING people_age",
    "CLUSTER VERBOSE people USING people_age",
    "CLUSTER (VERBOSE) people USING people_age",
    "CLUSTER people_age ON people",
    "REINDEX TABLE people",
    "REINDEX (VERBOSE) INDEX people_age",
    "REINDEX (CONCURRENTLY off) TABLE public.people",
    "REFRESH MATERIALIZED VIEW mv",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    "UPDATE ONLY people SET age = 1",
    "DELETE FROM ONLY pets",
    "INSERT INTO pets (id) VALUES (1)",
    "MERGE INTO ONLY parent p USING people ON people.id = p.id WHEN MATCHED THEN DELETE",
    "/* UPDATE people */ INSERT -- into people\n INTO pets DEFAULT VALUES",
]  # fmt: skip
# These run in no transaction: another session is in their way, and pg_locks shows what they wait for.
ALONE = [
    "VACUUM FULL people",
    "VACUUM (FULL, ANALYZE) public.people",
    "VACUUM (FULL off, ANALYZE) people (name)",
    "VACUUM ANALYZE people (name), pets",
    "VACUUM FULL VERBOSE ANALYZE people (name)",
    "REINDEX TABLE CONCURRENTLY people",
    "REINDEX (CONCURRENTLY) TABLE people",
    "CREATE INDEX CONCURRENTLY x ON people (name)",
    "DROP INDEX CONCURRENTLY people_age",
    "ALTER TABLE ev DETACH PARTITION ev_a CONCURRENTLY",
]
_NAMED = """
SELECT c.oid, c.relname, format('%I.%I', n.nspname, c.relname), c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'Old') AND c.relkind IN ('r', 'p', 'm', 'v', 'i', 'S')
"""


def _mode(mode: str) -> str:
    return {
        "RowShareLock": "ROW SHARE", "RowExclusiveLock": "ROW EXCLUSIVE", "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
        "ShareLock": "SHARE", "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE", "ExclusiveLock": "EXCLUSIVE",
        "AccessExclusiveLock": "ACCESS EXCLUSIVE",
    }.get(mode, "")  # fmt: skip


class Watched:
    """A database with a session that runs statements and one that looks on."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.settings = cluster, make_database(cluster)
        self.runs, self.looks = (psycopg2.connect(**self.settings.parameters()) for _number in range(2))
        self.runs.autocommit = self.looks.autocommit = True
        self.ask(self.runs, TABLES)

    def ask(self, connection: Any, sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def taken(self, statement: str, granted: bool) -> dict[str, str]:
        """The strongest lock on each table, view or sequence, and on each index that the statement is about, by relation."""
        words = statement.replace(",", " ").replace(".", " ").split()
        about_indexes = words[0] in ("DROP", "REINDEX") and "INDEX" in words
        names = {
            oid: full
            for oid, name, full, kind in self.ask(self.looks, _NAMED)
            if kind != "i" or (about_indexes and name in words)
        }
        pid = self.runs.info.backend_pid
        if granted:
            self.ask(self.runs, "BEGIN")
            self.ask(self.runs, statement)
        found: dict[str, str] = {}
        query = (
            f"SELECT relation, mode FROM pg_locks WHERE pid = {pid} AND relation IS NOT NULL AND granted = {granted}"  # noqa: S608
        )
        for oid, mode in self.ask(self.looks, query):
            level = _mode(mode)
            if oid in names and level and (level_of(found.get(names[oid], "")) < level_of(level)):
                found[names[oid]] = level
        if granted:
            self.ask(self.runs, "ROLLBACK")
        return found

    def close(self) -> None:
        self.runs.close()
        self.looks.close()
        drop_database(self.cluster, self.settings.database)


def level_of(mode: str) -> int:
    return ORDER.index(mode) if mode else -1


@pytest.fixture(scope="module")
def watched(server: Cluster) -> Iterator[Watched]:
    made = Watched(server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def watched15(server15: Cluster) -> Iterator[Watched]:
    made = Watched(server15)
    yield made
    made.close()


def claimed(watched: Watched, statement: str) -> dict[str, str]:
    """The strongest lock that check mode lists for each relation that is there."""
    found: dict[str, str] = {}
    with connect(watched.settings) as database:
        database.execute("SET search_path = public")
        for item in locks(database, make_script(statement, "x.sql", "steps")):
            full = database.value(
                "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE c.oid = to_regclass(%s)",
                (item.get("table", ""),),
            )
            if full and level_of(found.get(full, "")) < level_of(item["lock"]):
                found[full] = item["lock"]
    return found


def differences(watched: Watched) -> list[str]:
    wrong = []
    for statement in INSIDE:
        try:
            seen, said = watched.taken(statement, True), claimed(watched, statement)
        except psycopg2.Error as error:
            watched.ask(watched.runs, "ROLLBACK")
            wrong.append(f"{statement}: {error}")
            continue
        worth = {name: level for name, level in seen.items() if name in said or level_of(level) > 1}
        if worth != said:
            wrong.append(f"{statement}: seen {worth}, said {said}")
    return wrong


def test_the_locks_of_check_mode_are_those_of_pg_locks(watched: Watched) -> None:
    assert "\n".join(differences(watched)) == ""


def test_so_they_are_on_15(watched15: Watched) -> None:
    assert "\n".join(differences(watched15)) == ""


def waited_for(watched: Watched, statement: str) -> dict[str, str]:
    """What a statement that runs in no transaction waits for while another session has the tables."""
    holds = psycopg2.connect(**watched.settings.parameters())
    found: dict[str, str] = {}
    try:
        watched.ask(holds, "LOCK TABLE people, ev IN SHARE UPDATE EXCLUSIVE MODE")
        runner = threading.Thread(target=lambda: _ended(watched, statement))
        runner.start()
        while not found and runner.is_alive():
            found = watched.taken(statement, False)
    finally:
        watched.ask(watched.looks, f"SELECT pg_cancel_backend({watched.runs.info.backend_pid})")
        runner.join()
        holds.close()
    return found


def _ended(watched: Watched, statement: str) -> None:
    with suppress(psycopg2.Error):
        watched.ask(watched.runs, statement)


@pytest.mark.parametrize("statement", ALONE)
def test_so_are_those_of_statements_that_run_alone(statement: str, watched: Watched) -> None:
    seen, said = waited_for(watched, statement), claimed(watched, statement)
    assert seen and {name: said.get(name) for name in seen} == seen
