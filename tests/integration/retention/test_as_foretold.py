"""What the server would refuse, and what rows of the same table hold each other back by, is known in check mode."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import login
from tests.integration.retention.test_only_what_is_due import count

OLD = "at timestamptz DEFAULT '2020-01-01'"
TREE = f"CREATE TABLE t (id int PRIMARY KEY, {OLD}, up int REFERENCES t ON DELETE {{}});"
CHILD = f"CREATE TABLE t (id int PRIMARY KEY, {OLD}); INSERT INTO t SELECT generate_series(1, 5);"

# what makes the tables; how many rows of t stay because others refer to them, how many go, and how many are left in all
TREES = {
    "a chain longer than the passes over locked rows": (
        TREE.format("NO ACTION") + "INSERT INTO t (id, up) SELECT g, nullif(g - 1, 0) FROM generate_series(1, 12) g", 0, 12, 0),
    "a row that refers to itself, and a circle": (
        TREE.format("RESTRICT") + "INSERT INTO t (id, up) VALUES (1, 1), (2, NULL), (3, 2); UPDATE t SET up = 3 WHERE id = 2", 2, 1, 2),
    "an answer that is not due stays, and so does what it answers": (
        TREE.format("CASCADE") + "INSERT INTO t (id, up) VALUES (1, NULL), (2, 1), (4, NULL), (5, 4);"
        "INSERT INTO t VALUES (3, now(), 2)", 2, 2, 3),
    "through another table and back": (
        f"CREATE TABLE t (id int PRIMARY KEY, {OLD}); CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);"
        "ALTER TABLE t ADD c int REFERENCES c ON DELETE CASCADE; INSERT INTO t VALUES (1), (2), (3); INSERT INTO t VALUES (4, now());"
        "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3); UPDATE t SET c = CASE id WHEN 1 THEN 1 WHEN 3 THEN 2 WHEN 4 THEN 3 END", 2, 1, 3),
    "over partitions": (
        f"CREATE TABLE t (id int PRIMARY KEY, {OLD}, up int) PARTITION BY HASH (id);"
        "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1); ALTER TABLE t ADD FOREIGN KEY (up) REFERENCES t;"
        "INSERT INTO t (id, up) SELECT g, nullif(g - 1, 0) FROM generate_series(1, 20) g; INSERT INTO t VALUES (21, now(), 5)", 5, 15, 6),
    "rows that go along do not hold each other": (
        CHILD + "CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE, up int REFERENCES c);"
        "INSERT INTO c VALUES (1, 1, NULL), (2, 1, 1), (3, 2, 1), (4, 3, NULL), (5, 4, 4), (6, 5, NULL), (7, NULL, 6)", 1, 4, 1),
    "set to NULL where NULL may not be": (
        CHILD + "CREATE TABLE c (t int NOT NULL REFERENCES t ON DELETE SET NULL); INSERT INTO c VALUES (2), (3)", 2, 3, 2),
    "set to NULL where a condition forbids it": (
        CHILD + "CREATE TABLE c (t int REFERENCES t ON DELETE SET NULL, kind text, CHECK (t IS NOT NULL OR kind = 'free'));"
        "INSERT INTO c VALUES (2, 'free'), (3, 'bound')", 1, 4, 1),
    "set to NULL where nothing forbids it": (
        CHILD + "CREATE TABLE c (t int REFERENCES t ON DELETE SET NULL); INSERT INTO c VALUES (2), (3)", 0, 5, 0),
    "set to a default that is there": (
        CHILD + "CREATE TABLE c (t int DEFAULT 1 REFERENCES t ON DELETE SET DEFAULT); INSERT INTO c VALUES (1), (2), (3)", 1, 4, 1),
    "set to a default that is not there": (
        CHILD + "CREATE TABLE c (t int DEFAULT 99 REFERENCES t ON DELETE SET DEFAULT); INSERT INTO c VALUES (2), (3)", 2, 3, 2),
}  # fmt: skip


@pytest.mark.parametrize("case", TREES)
def test_rows_that_refer(user_sql: Any, clean: Any, case: str) -> None:
    make, referenced, deleted, left = TREES[case]
    user_sql.execute(make)
    _planned, done = clean(table="t", column="at")
    assert (done["results"][0]["referenced"], done["results"][0]["deleted"]) == (referenced, deleted), done
    assert (done["results"][0]["state"], count(user_sql, "t")) == ("done", left)


def test_an_expired_partition_whose_rows_are_referred_to_is_not_dropped(user_sql: Any, clean: Any) -> None:
    """The server would not detach it, whatever the foreign key says of deletions."""
    user_sql.execute(
        "CREATE TABLE t (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');"
        "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');"
        "CREATE TABLE c (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES t ON DELETE CASCADE);"
        "INSERT INTO t VALUES (1, '2019-05-05'), (2, '2019-05-05'), (3, '2020-05-05'); INSERT INTO c VALUES (2, '2019-05-05')"
    )
    planned, done = clean(table="t", column="at")
    assert planned["results"][0]["dropped_partitions"] == done["results"][0]["dropped_partitions"] == ["public.t2"]
    assert (done["results"][0]["deleted"], count(user_sql, "c")) == (3, 0)


@pytest.mark.parametrize(("action", "event"), [("CASCADE", "delete"), ("SET NULL", "update")])
def test_a_published_table_that_refers_is_found_beforehand(user_sql: Any, clean: Any, action: str, event: str) -> None:
    user_sql.execute(
        f"{CHILD} CREATE TABLE c (t int REFERENCES t ON DELETE {action}); INSERT INTO c VALUES (1); CREATE PUBLICATION p FOR TABLE c"
    )
    planned, _done = clean(table="t", column="at")
    assert f"refuses to {event} its rows" in planned["msg"] and count(user_sql, "t") == 5
    user_sql.execute("ALTER TABLE public.c REPLICA IDENTITY FULL")
    assert clean(table="t", column="at")[1]["results"][0]["deleted"] == 5


MARKS = {
    "a condition": ("gone text CHECK (gone <> 'old')", "the CHECK constraint t_gone_check would not allow it"),
    "a unique index": ("gone text UNIQUE", "which the unique index t_gone_key forbids"),
    "a unique index with another column": ("kind int DEFAULT 1, gone text, UNIQUE (kind, gone)", "which the unique index t_kind_gone_key forbids"),
    "a foreign key": ("gone text REFERENCES states", "the foreign key t_gone_fkey finds no such row in public.states"),
}  # fmt: skip


@pytest.mark.parametrize("case", MARKS)
def test_a_mark_that_the_server_would_not_take(user_sql: Any, clean: Any, case: str) -> None:
    column, words = MARKS[case]
    user_sql.execute(
        f"CREATE TABLE states (gone text PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, {OLD}, {column})"
    )
    user_sql.execute("INSERT INTO t SELECT generate_series(1, 5)")
    planned, done = clean(table="t", column="at", mode="mark", mark={"column": "gone", "value": "old"})
    assert words in planned["msg"] and words in done["msg"] and not done["changed"]


def test_a_mark_that_leaves_the_partition(user_sql: Any, clean: Any) -> None:
    user_sql.execute(
        f"CREATE TABLE t (id int, {OLD}, gone text) PARTITION BY LIST (gone); CREATE TABLE new PARTITION OF t FOR VALUES IN ('new');"
        "CREATE TABLE old PARTITION OF t FOR VALUES IN ('old'); INSERT INTO t (id, gone) VALUES (1, 'new')"
    )
    planned, _done = clean(table="t", column="at", mode="mark", mark={"column": "gone", "value": "old"})
    assert "Rows of public.new cannot be marked in gone: the bounds of that partition" in planned["msg"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("gone varchar(2)", "'old' does not fit into public.t.gone, which is of type character varying(2)"),
        (
            "gone text GENERATED ALWAYS AS ('x') STORED",
            "public.t.gone cannot be marked: the server generates its values",
        ),
    ],
)
def test_a_column_that_cannot_hold_the_mark(user_sql: Any, clean: Any, column: str, words: str) -> None:
    user_sql.execute(f"CREATE TABLE t (id int PRIMARY KEY, {OLD}, {column})")
    clean(refused=words, table="t", column="at", mode="mark", mark={"column": "gone", "value": "old"})


def test_rights_on_the_partitions_are_needed(user_sql: Any, settings: Any, call_module: Any) -> None:
    """Rows are taken from the partitions themselves, where rights on the whole table do not count."""
    user_sql.execute(
        f"CREATE TABLE t (id int, {OLD}) PARTITION BY RANGE (at); CREATE TABLE t1 PARTITION OF t DEFAULT;"
        f'CREATE ROLE sweeper LOGIN; GRANT SELECT, DELETE ON t TO sweeper; GRANT CREATE ON DATABASE "{settings.database}" TO sweeper'
    )
    door = {**login(settings), "login_user": "sweeper"}
    try:
        policies = [{"table": "t", "column": "at", "keep": "90 days"}]
        stored = call_module("retention_policy", policies=policies, **door)
        assert "lacks SELECT or DELETE on public.t1;" in stored["msg"], stored
        user_sql.execute("GRANT SELECT, DELETE ON t1 TO sweeper")
        assert call_module("retention_policy", policies=policies, **door)["changed"]
    finally:
        user_sql.execute("DROP OWNED BY sweeper CASCADE; DROP ROLE sweeper")
