"""A database with another tool's history: nothing is run there in silence, and what can be done about it is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import login

Module = Callable[..., dict[str, Any]]
FILES = [
    {"name": "1_a.sql", "content": "CREATE TABLE a (id int);"},
    {"name": "2_b.sql", "content": "CREATE TABLE b (id int);"},
]
# As the tools make them; only the first row counts.
TABLES = {
    "Django": "CREATE TABLE django_migrations (id bigint, app varchar, name varchar, applied timestamptz);"
    "INSERT INTO django_migrations VALUES (1, 'app', '0001_initial', now())",
    "Knex": "CREATE TABLE knex_migrations (id int, name varchar, batch int, migration_time timestamptz);"
    "INSERT INTO knex_migrations VALUES (1, '20240101_a.js', 1, now())",
    "TypeORM": "CREATE TABLE migrations (id int, timestamp bigint, name varchar); INSERT INTO migrations VALUES (1, 1700000000000, 'A')",
    "Laravel": "CREATE TABLE migrations (id int, migration varchar, batch int); INSERT INTO migrations VALUES (1, 'a', 1)",
    "Sequelize": "CREATE TABLE \"SequelizeMeta\" (name varchar); INSERT INTO \"SequelizeMeta\" VALUES ('1-a.js')",
    "Entity Framework": 'CREATE TABLE "__EFMigrationsHistory" ("MigrationId" varchar); INSERT INTO "__EFMigrationsHistory" VALUES (1)',
    "postgres-migrations": "CREATE TABLE migrations (id int, name varchar, hash varchar, executed_at timestamp);"
    "INSERT INTO migrations VALUES (0, 'create-migrations-table', 'e18d', now())",
    "tern": "CREATE TABLE schema_version (version int NOT NULL); INSERT INTO schema_version VALUES (2)",
    "Hasura": "CREATE SCHEMA hdb_catalog; CREATE TABLE hdb_catalog.schema_migrations (version bigint, dirty bool);"
    "INSERT INTO hdb_catalog.schema_migrations VALUES (1, false)",
}  # fmt: skip


@pytest.mark.parametrize("tool", TABLES)
def test_the_table_of_a_tool_that_cannot_be_named_is_told_of(
    tool: str, settings: ConnectionSettings, call_module: Module, user_sql: Any
) -> None:
    user_sql.execute(TABLES[tool])
    said = f"is {tool}'s. It cannot be read; state=baselined"
    adopted = call_module("migration", **login(settings), files=FILES, state="adopted", **{"from": "goose"})
    assert adopted["failed"] and "no table goose_db_version" in adopted["msg"] and said in adopted["msg"]
    user_sql.execute("CREATE TABLE b (id int)")
    failed = call_module("migration", **login(settings), files=FILES)
    assert failed["failed"] and "2_b.sql" in failed["msg"] and said in failed["msg"] and "Flyway" not in failed["msg"]


def test_a_history_that_can_be_adopted_is_offered_until_something_is_applied(
    settings: ConnectionSettings, call_module: Module, user_sql: Any
) -> None:
    user_sql.execute(
        "CREATE TABLE goose_db_version (id int, version_id bigint, is_applied bool, tstamp timestamp DEFAULT now());"
        "INSERT INTO goose_db_version VALUES (1, 0, true), (2, 1, true); CREATE TABLE a (id int); CREATE TABLE flyway_schema_history ()"
    )
    failed = call_module("migration", **login(settings), files=FILES)
    assert failed["failed"] and failed["msg"].endswith(
        "The table public.goose_db_version is goose's. Take its history over first: state=adopted with from=goose."
    )
    assert (
        "from=golang_migrate" not in failed["msg"] and "Flyway" not in failed["msg"]
    )  # no table, and one without a row
    taken = call_module("migration", **login(settings), files=FILES, state="adopted", **{"from": "goose"})
    assert [item["version"] for item in taken["baseline"]] == ["1"]
    user_sql.execute("CREATE TABLE b (id int)")
    assert "goose" not in call_module("migration", **login(settings), files=FILES)["msg"]
