"""What the observer sees of statements: their locks beside those that PostgreSQL's documentation gives, and how many rows were in the way."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.run.lock_levels import locks_of
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.sql.lexer import split
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

from .conftest import SHOP, Watched
from .documented import DOCUMENTED, FROM_THE_TEXT, SETUP, UNTOLD


@pytest.mark.parametrize("version", ["server", "server15"])
def test_the_locks_are_those_of_the_documentation(version: str, request: pytest.FixtureRequest) -> None:
    """Ninety statements: what was seen beside what is documented, and beside what the text alone lets expect."""
    cluster = request.getfixturevalue(version)
    settings = make_database(cluster)
    try:
        with connect(settings, fixed_settings=False) as database:
            database.execute(SHOP + SETUP)
            seen = Watched(settings, database).run(*(f"{statement};" for statement, _locks in DOCUMENTED))
    finally:
        drop_database(cluster, settings.database)
    assert [each.failure for each in seen] == [""] * len(DOCUMENTED)
    for (statement, documented), each in zip(DOCUMENTED, seen):
        found = {lock.relation.removeprefix("public."): lock.mode for lock in each.locks if lock.mode != "ACCESS SHARE"}
        assert found == {**documented, **UNTOLD.get(statement, {})}, statement
        by_text = {table: mode for mode, table in reversed(locks_of(split(statement)[0]))}
        assert by_text == FROM_THE_TEXT.get(statement, (documented, ""))[0], statement


def test_a_lock_of_a_statement_that_runs_alone_is_seen_while_it_lasts(watched: Watched) -> None:
    """A build waits for a writer, who ends once the judge has seen the build's lock in pg_locks."""
    waits = (
        "SELECT count(*) FROM pg_locks WHERE mode = 'ShareUpdateExclusiveLock' AND relation = 'public.orders'::regclass"
    )
    held = threading.Event()

    def write() -> None:
        with connect(watched.settings, "writer") as writer:
            writer.execute("BEGIN; LOCK TABLE public.orders IN ROW EXCLUSIVE MODE")
            held.set()
            end = time.monotonic() + 60
            while not watched.database.value(waits) and time.monotonic() < end:
                time.sleep(0.02)
            time.sleep(0.4)
            writer.execute("ROLLBACK")

    thread = threading.Thread(target=write)
    thread.start()
    assert held.wait(60)
    (seen,) = watched.run("CREATE INDEX CONCURRENTLY i ON orders (id);")
    thread.join()
    assert [(lock.mode, lock.relation) for lock in seen.locks] == [("SHARE UPDATE EXCLUSIVE", "public.orders")]
    assert seen.locks[0].seconds > 0.2 and not seen.blocks, "nobody waits for it"
    assert [each.relation for each in seen.built] == ["public.i"]


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("ALTER TABLE users ALTER note SET NOT NULL", "(100 rows)"),
        ("ALTER TABLE orders ADD CONSTRAINT c CHECK (price >= 0)", "(571 rows)"),
        ("ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id)", "(70 rows)"),
        ("CREATE UNIQUE INDEX u ON orders (code)", "(1,999 rows)"),
        ("ALTER TABLE orders ADD CONSTRAINT u UNIQUE (code)", "(1,999 rows)"),
    ],
)
def test_a_failure_counts_the_rows_and_shows_none(watched: Watched, statement: str, rows: str) -> None:
    _made, failed = watched.run(f"CREATE TABLE fresh (a int);\n{statement};\n")
    assert failed.line == 2 and failed.failure.endswith(rows)
    assert "example.org" not in failed.failure and "code1" not in failed.failure


def test_rows_of_a_copy_are_not_shown(watched: Watched) -> None:
    seen = watched.run(
        "COPY users FROM stdin;\n900\tprivate@example.org\t\\N\n\\.\nINSERT INTO users VALUES (901, 'private', NULL);"
    )
    assert [each.text for each in seen] == ["COPY users FROM stdin", "INSERT INTO users VALUES (901, '...', NULL)"]
    assert [[(item.relation, item.number) for item in each.changed] for each in seen] == [[("public.users", 1)]] * 2


def test_what_was_tried_again_counts_once(watched: Watched) -> None:
    """The first try is refused a lock for as long as somebody holds it."""
    with connect(watched.settings, "reader") as reader:
        reader.execute("BEGIN; LOCK TABLE public.users IN ACCESS SHARE MODE")
        timer = threading.Timer(1, reader.execute, ("ROLLBACK",))
        timer.start()
        seen = watched.run(
            "ALTER TABLE orders ADD a int;\nALTER TABLE users ADD a int;\n", lock_timeout=100, lock_retries=50
        )
        timer.join()
    assert [each.line for each in seen] == [1, 2] and not any(each.failure for each in seen)
