# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Titan's nine queries: each runs, and is planned with the index that the migrations brought or found."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import TITAN, drop_database, make_database

QUERIES = sorted((TITAN / "queries").glob("[0-9]*.sql"))
# Present in Titan's base schema under these names, so that 0010 does not build them a second time.
FOUND = {"idx_audit_logs_user_created", "idx_system_logs_level_created"}


def plans(settings: ConnectionSettings, programs: str, *files: Path) -> subprocess.CompletedProcess[str]:
    """Run plans.sh on that database."""
    variables = {"PGHOST": settings.host, "PGPORT": settings.port, "PGUSER": settings.user}
    env = {key: str(value) for key, value in variables.items()} | {"PGDATABASE": settings.database}
    env["PATH"] = f"{programs}:{os.environ['PATH']}"
    command = ["sh", str(TITAN / "queries" / "plans.sh"), *map(str, files)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def migrated(server: Cluster, titan_template: str) -> Iterator[ConnectionSettings]:
    """Titan after its migrations."""
    from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
    from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
    from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

    made = make_database(server, titan_template)
    files = [
        {"name": path.name, "content": path.read_text(encoding="utf-8")} for path in (TITAN / "migrations").iterdir()
    ]
    operation.migration(Call(complete({"files": files}, options.MIGRATION), made, False, lambda line: None))
    yield made
    drop_database(server, made.database)


def expected(path: Path) -> str:
    (line,) = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("-- plan: ")]
    return line.removeprefix("-- plan: ")


def test_there_are_nine_each_with_its_own_index() -> None:
    indexes = [expected(path) for path in QUERIES]
    assert len(set(indexes)) == len(indexes) == 9
    built = (TITAN / "migrations" / "0010_add_performance_indexes.sql").read_text(encoding="utf-8")
    assert [name for name in indexes if f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON" not in built] == sorted(
        FOUND
    )


def test_each_is_planned_as_expected_after_the_migrations(server: Cluster, migrated: ConnectionSettings) -> None:
    done = plans(migrated, server.programs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as expected") == 9


def test_before_the_migrations_the_seven_new_ones_are_not(server: Cluster, titan: ConnectionSettings) -> None:
    done = plans(titan, server.programs)
    assert done.returncode == 1
    assert done.stdout.count("OTHERWISE") == 7
    assert all(f"{name}\n" in done.stdout for name in FOUND), done.stdout


def test_each_returns_rows_of_titan(migrated: ConnectionSettings) -> None:
    parents = {"05": "positions.portfolio_id", "09": "orders.market_id"}
    owned = {"03": "price_alerts", "04": "notifications", "06": "audit_logs", "08": "user_sessions"}
    with connect(migrated) as db:
        for path in QUERIES:
            number = path.name[:2]
            table, _dot, column = parents.get(number, f"{owned.get(number, '')}.user_id").partition(".")
            wanted = {
                "04": "WHERE NOT is_read",
                "05": "WHERE status = 'open'",
                "08": "WHERE is_active AND expires_at > now()",
            }
            text = path.read_text(encoding="utf-8")
            if "$1" in text:
                value = db.value(f"SELECT {column} FROM public.{table} {wanted.get(number, '')} LIMIT 1")
                text = text.replace("$1", f"'{value}'")
            assert db.rows(text.rstrip().rstrip(";").replace("%", "%%")), path.name


def test_a_query_of_another_shape_is_reported(server: Cluster, migrated: ConnectionSettings, tmp_path: Path) -> None:
    other = tmp_path / "10_other.sql"
    other.write_text("-- plan: idx_orders_created_at\nSELECT id FROM public.orders ORDER BY price LIMIT 50;\n")
    done = plans(migrated, server.programs, other)
    assert done.returncode == 1 and "idx_orders_created_at is not used" in done.stdout
    other.write_text("-- plan: idx_orders_created_at\nSELECT id FROM public.no_such_table;\n")
    failed = plans(migrated, server.programs, other)
    assert failed.returncode != 0 and "no_such_table" in failed.stderr
