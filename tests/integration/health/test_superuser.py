# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A superuser's health, report and list of migrations run no code of a database's owner, and say what the owner's say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.health.operation import stats
from ansible_collections.titan.database.plugins.module_utils._engine.health.options import STATS
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import login
from tests.hostile import Owned, owned_database, sprung

TABLES = """
CREATE TABLE public.of_index (id int, at timestamptz, note text);
INSERT INTO public.of_index VALUES (1, now(), 'x');
CREATE INDEX ON public.of_index ((id + public.f(1)));
CREATE TABLE public.parted (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.first PARTITION OF public.parted FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE public.second PARTITION OF public.parted FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE public.rest PARTITION OF public.parted DEFAULT;
INSERT INTO public.parted VALUES (1, '2025-04-01');
CREATE INDEX ON public.rest ((id + public.f(1)));
CREATE VIEW public.cleanup_statistics AS SELECT 't'::text AS table_name, public.f(3) AS rows_to_delete;
"""
FILES = [
    {"name": "0001_a.sql", "content": "CREATE TABLE a (n int, m int); CREATE INDEX a_n ON a (n);"},
    {"name": "0002_b 100%.sql", "content": "CREATE INDEX a_n_too ON a (n); DROP INDEX a_n;"},
]
POLICIES = [
    {
        "table": "of_index",
        "column": "at",
        "keep": "60 days 2 hours",
        "where": {"column": "note", "in": ["a\tb", "%s\\"]},
    }
]
# What the owner may do to our own tables.
TRAPS = """
CREATE INDEX ON titan_ops.migration_history ((id + public.f(1)));
CREATE INDEX ON titan_ops.migration_fingerprint ((history_id + public.f(1)));
CREATE INDEX ON titan_ops.skipped_index ((table_oid + public.f(1)));
CREATE INDEX ON titan_ops.retention_policy ((max_fraction + public.f(1)));
"""


@pytest.fixture(params=["server", "server15"])
def owned(request: pytest.FixtureRequest, call_module: Any, workdir: Path) -> Iterator[Owned]:
    with owned_database(request.getfixturevalue(request.param), TABLES) as made:
        applied = call_module("migration", **login(made.owner), files=FILES, record=str(workdir / "migrations.json"))
        assert not applied.get("failed"), applied
        stored = call_module("retention_policy", **login(made.owner), policies=POLICIES)
        assert not stored.get("failed"), stored
        with connect(made.owner) as database:
            database.execute(TRAPS)
        yield made


def found(call_module: Any, settings: ConnectionSettings, folder: Path) -> dict[str, Any]:
    """What each of the three says, apart from what depends on the role."""
    config = folder / "config.json"
    config.write_text(json.dumps({"environment": "t", "state_dir": str(folder)}))
    health = call_module("health_info", **login(settings), job_config=str(config))
    assert not health.get("failed"), health
    page = folder / f"{settings.user}.html"
    report = stats(Call(complete({"html": str(page)}, STATS), settings))
    info = call_module("migration_info", **login(settings), files=FILES)
    assert not info.get("failed"), info
    checks = {each["name"]: (each["status"], each["message"]) for each in health["checks"]}
    names = ("skipped_indexes", "migrations", "bloat", "default_partition_rows", "pending_migrations")
    return {
        "checks": {name: checks[name] for name in names if name in checks},
        "report": report.data["report"],
        "page": page.read_text(encoding="utf-8"),
        "migrations": info["migrations"],
        "drift": info.get("drift"),
    }


def test_a_superuser_runs_no_code_of_the_owner(owned: Owned, call_module: Any, workdir: Path) -> None:
    theirs, ours = (found(call_module, settings, workdir) for settings in (owned.owner, owned.admin))
    assert not owned.trace.exists()
    assert theirs["checks"].pop("default_partition_rows")[1].endswith("public.rest")
    assert "(rows, or the space of deleted ones)" in ours["checks"].pop("default_partition_rows")[1]
    assert ours["checks"] == theirs["checks"] and len(ours["checks"]) >= 2
    assert ours["migrations"] == theirs["migrations"] and ours["drift"] == theirs["drift"]
    assert "a superuser would run functions" in ours["report"] and "a superuser would run" not in theirs["report"]
    for text in ("0002", "60 days"):
        assert (text in ours["page"]) == (text in theirs["page"])
    assert sprung(owned)
