"""What the observer sees of statements: their locks beside those that PostgreSQL's documentation gives, and how many rows were in the way."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from .conftest import Watched

# A statement that may be followed by others; PostgreSQL's documented lock on public.orders, after "Explicit Locking" and the
# pages of ALTER TABLE, CREATE INDEX, CREATE TRIGGER and so on.
DOCUMENTED = (
    ("ALTER TABLE orders ADD note text", "ACCESS EXCLUSIVE"),
    ("ALTER TABLE orders ALTER price TYPE bigint", "ACCESS EXCLUSIVE"),
    ("ALTER TABLE orders ALTER price SET STATISTICS 500", "SHARE UPDATE EXCLUSIVE"),
    ("ALTER TABLE orders ADD CONSTRAINT c CHECK (id > 0) NOT VALID", "ACCESS EXCLUSIVE"),
    ("ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES users NOT VALID", "SHARE ROW EXCLUSIVE"),
    ("ALTER TABLE orders DISABLE TRIGGER USER", "SHARE ROW EXCLUSIVE"),
    ("ALTER TABLE orders SET (fillfactor = 90)", "SHARE UPDATE EXCLUSIVE"),
    ("CREATE INDEX i ON orders (id)", "SHARE"),
    ("CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
     "SHARE ROW EXCLUSIVE"),
    ("UPDATE orders SET code = code WHERE id < 10", "ROW EXCLUSIVE"),
    ("SELECT count(*) FROM orders", "ACCESS SHARE"),
    ("ALTER TABLE orders ALTER price SET (n_distinct = 7), SET (fillfactor = 80)", "SHARE UPDATE EXCLUSIVE"),
    ("ALTER TABLE orders SET (fillfactor = 70), ALTER price SET DEFAULT 1", "ACCESS EXCLUSIVE"),
    ("CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING", "ACCESS EXCLUSIVE"),
    ("DROP RULE r ON orders", "ACCESS EXCLUSIVE"),
    ("ANALYZE orders", "SHARE UPDATE EXCLUSIVE"),
    ("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE", "SHARE ROW EXCLUSIVE"),
    ("TRUNCATE orders", "ACCESS EXCLUSIVE"),
)  # fmt: skip


def test_the_locks_are_those_of_the_documentation(watched: Watched) -> None:
    seen = watched.run(*(f"{statement};" for statement, _lock in DOCUMENTED))
    assert len(seen) == len(DOCUMENTED)
    found = {each.text: {lock.mode for lock in each.locks if lock.relation == "public.orders"} for each in seen}
    assert found == {statement: {lock} for statement, lock in DOCUMENTED}
    static = {each.text: each.documented for each in seen}
    assert static == {
        statement: ("", "") if statement.startswith(("SELECT", "ANALYZE")) else (lock, "orders")
        for statement, lock in DOCUMENTED
    }


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
