"""What check mode counts is what plain SQL counts, for every kind of table and of filter, and is what a run takes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, login, make_database

COLUMNS = "id int, at timestamptz {null}, level text, size int"
FILL = """
    INSERT INTO {table} (id, at, level, size)
    SELECT n, CASE WHEN n % 7 = 0 AND {nulls} THEN NULL ELSE now() - interval '1 day' * (n % 20) END,
           (ARRAY['debug', 'DEBUG', 'error', NULL, 'trace'])[1 + n % 5], n % 100
      FROM generate_series({start}, {start} + 1999) n
"""
PARTS = """
    CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (0) TO (1000);
    CREATE TABLE logs_new PARTITION OF logs FOR VALUES FROM (1000) TO (9000)
"""
TABLES = {
    "plain": (f"CREATE TABLE logs ({COLUMNS.format(null='')})", True),
    "never without a time": (f"CREATE TABLE logs ({COLUMNS.format(null='NOT NULL')})", False),
    "partitioned": (f"CREATE TABLE logs ({COLUMNS.format(null='')}) PARTITION BY RANGE (id); {PARTS}", True),
    "partitioned, never without a time": (
        f"CREATE TABLE logs ({COLUMNS.format(null='NOT NULL')}) PARTITION BY RANGE (id); {PARTS}",
        False,
    ),
}
FILTERS = {
    "no filter": ([None], ["true"]),
    "one value": ([{"column": "level", "equals": "debug"}], ["level = 'debug'"]),
    "several policies": (
        [{"column": "level", "in": ["debug"], "ignore_case": True}, {"column": "level", "equals": "error"}],
        ["lower(level) = 'debug'", "level = 'error'"],
    ),
    "a condition beside it": (
        [{"column": "level", "equals": "debug", "sql_condition": "size > 50"}, {"column": "level", "equals": "error"}],
        ["level = 'debug' AND size > 50", "level = 'error'"],
    ),
    "null or not": (
        [{"column": "level", "is_null": True}, {"column": "level", "is_null": False}],
        ["level IS NULL", "level IS NOT NULL"],
    ),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("filters", FILTERS)
def test_it_counts_as_plain_sql_does(
    settings: Any, user_sql: Any, call_module: Any, freely: Any, table: str, filters: str
) -> None:
    make, nulls = TABLES[table]
    given, conditions = FILTERS[filters]
    user_sql.execute(f"{make}; {FILL.format(table='logs', nulls=nulls, start=0)}; ANALYZE logs")
    policies = [
        {
            "name": f"p{number}",
            "table": "logs",
            "column": "at",
            "keep": "210 hours",
            "where": where,
            "allow_sql_condition": True,
        }
        for number, where in enumerate(given)
    ]
    call_module("retention_policy", policies=policies, **login(settings))
    due, empty = [], []
    for condition in conditions:
        user_sql.execute(
            f"SELECT count(*) FILTER (WHERE at < now() - interval '210 hours'), count(*) FILTER (WHERE at IS NULL) "
            f"FROM logs WHERE {condition}"
        )
        expired, without = user_sql.fetchone()
        due.append(expired)
        empty.append(without)
    planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
    assert [one["due"] for one in planned["results"]] == due and all(due)
    assert [one["null_times"] for one in planned["results"]] == empty and any(empty) == nulls
    assert {one["rows"] for one in planned["results"]} == {2000}
    listed = "level" in str(given) and "is_null" not in str(given)
    assert planned["uncovered"] == (uncovered(user_sql, conditions) if listed else [])
    done = call_module("cleanup", **freely, **login(settings))
    assert [(one["deleted"], one["left"]) for one in done["results"]] == [(rows, 0) for rows in due]
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (2000 - sum(due),)


def uncovered(user_sql: Any, conditions: list[str]) -> list[dict[str, Any]]:
    """The values that no condition is true of."""
    user_sql.execute(
        f"SELECT level, count(*) FROM logs GROUP BY level HAVING NOT bool_or(({' OR '.join(conditions)}) IS TRUE) "
        "ORDER BY 2 DESC, coalesce(level, 'None')"
    )
    return [
        {"table": "public.logs", "column": "level", "value": level, "rows": rows} for level, rows in user_sql.fetchall()
    ]


POLICY = {"table": "logs", "column": "at", "keep": "1 day"}


def test_rows_older_than_a_promise_not_checked_are_found(
    settings: Any, user_sql: Any, call_module: Any, freely: Any
) -> None:
    user_sql.execute("CREATE TABLE logs (id int, at timestamptz); INSERT INTO logs VALUES (1, NULL)")
    user_sql.execute("ALTER TABLE logs ADD CONSTRAINT later NOT NULL at NOT VALID")
    call_module("retention_policy", policies=[POLICY], **login(settings))
    planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
    assert planned["results"][0]["null_times"] == 1
    assert any("have no at" in finding for finding in planned["findings"])


def test_an_inheriting_table_may_break_the_promise(server15: Any, call_module: Any, freely: Any) -> None:
    settings = make_database(server15)
    try:
        with connect(settings, fixed_settings=False) as database:
            database.execute(
                "CREATE TABLE logs (id int, at timestamptz NOT NULL); CREATE TABLE more () INHERITS (logs)"
            )
            database.execute("ALTER TABLE more ALTER COLUMN at DROP NOT NULL; INSERT INTO more VALUES (1, NULL)")
        call_module("retention_policy", policies=[POLICY], **login(settings))
        assert call_module("cleanup", check_mode=True, **freely, **login(settings))["results"][0]["null_times"] == 1
    finally:
        drop_database(server15, settings.database)
