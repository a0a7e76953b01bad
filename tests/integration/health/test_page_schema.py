# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page says of policies and bloat, beside what the server counts and what a rebuild really gives back."""

from __future__ import annotations

from ansible_collections.titan.database.plugins.module_utils._engine.health.report.schema import read_schema
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.parse import parse_policy
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.policy import named
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.store import write_policies
from ansible_collections.titan.database.plugins.module_utils._engine.retention.policies.validate import resolve_all

from tests.conftest import drop_database, make_database

_MADE = """
CREATE TABLE logs (id int PRIMARY KEY, level text, at timestamptz NOT NULL);
INSERT INTO logs SELECT n, CASE n % 3 WHEN 0 THEN 'info' ELSE 'warn' END, now() - n * interval '1 day' FROM generate_series(1, 300) n;
CREATE TABLE notes (log int REFERENCES logs, at timestamptz);
INSERT INTO notes VALUES (300, now());
CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree, at timestamptz);
INSERT INTO tree SELECT n, nullif(n - 1, 0), now() - interval '9 days' FROM generate_series(1, 40) n;
CREATE TABLE wide (n int);
INSERT INTO wide SELECT generate_series(1, 150000);
CREATE INDEX wide_n ON wide (n);
DELETE FROM wide WHERE n % 20 <> 0;
"""


def test_due_rows_of_each_policy_and_what_a_rebuild_gives_back(server: Cluster) -> None:
    settings = make_database(server)
    with connect(settings, fixed_settings=False) as database:
        database.execute(_MADE)
        database.execute("VACUUM ANALYZE wide")
        given = [
            {"table": "public.logs", "column": "at", "keep": "30 days", "where": {"column": "level", "in": ["info"]}},
            {"table": "public.logs", "column": "at", "keep": "90 days", "where": {"column": "level", "in": ["warn"]}},
            {"table": "public.tree", "column": "at", "keep": "1 day"},
        ]
        policies = named([parse_policy(each, f"policies[{at}]") for at, each in enumerate(given)])
        write_policies(database, resolve_all(database, policies))
        database.execute("ALTER TABLE notes RENAME COLUMN at TO noted")
        found = read_schema(database, 30)
        by_hand = "SELECT count(*) FROM logs WHERE level = %s AND at < now() - %s::interval AND id NOT IN (SELECT log FROM notes)"
        wanted = [database.value(by_hand, pair) for pair in (("info", "30 days"), ("warn", "90 days"))]
        assert [each.due for each in found.policies] == [*wanted, 40] and wanted[0] > 80
        assert [each.due_unknown for each in found.policies] == ["", "", ""]
        (bloated,) = (each for each in found.bloated if each.name == "public.wide_n")
        database.execute("REINDEX INDEX wide_n")
        left = database.value("SELECT pg_relation_size('wide_n')")
        assert bloated.bytes - bloated.free <= 3 * left and bloated.share > 0.8 and found.measured >= 1
        database.execute("ALTER TABLE logs DROP COLUMN level")
        broken = read_schema(database, 30).policies[:2]
        assert all(each.due is None and "level" in each.due_unknown for each in broken)
    drop_database(server, settings.database)
