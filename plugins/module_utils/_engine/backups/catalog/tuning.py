# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a server plans and runs queries: read from the source when it is dumped, given to the server of a copy."""

from __future__ import annotations

from typing import Any

from ...postgres.database import Database, sql

# What decides on plans and on the time that a statement takes, and is no matter of the machine's memory as a whole.
_NAMES = (
    "cursor_tuple_fraction", "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost",
    "default_statistics_target", "effective_cache_size", "effective_io_concurrency", "from_collapse_limit", "geqo_threshold",
    "hash_mem_multiplier", "jit", "join_collapse_limit", "maintenance_work_mem", "maintenance_io_concurrency",
    "max_parallel_maintenance_workers", "max_parallel_workers_per_gather", "min_parallel_index_scan_size",
    "min_parallel_table_scan_size", "parallel_setup_cost", "parallel_tuple_cost", "plan_cache_mode", "random_page_cost",
    "seq_page_cost", "work_mem",
)  # fmt: skip
_READ = """
SELECT name || '=' || setting AS setting
  FROM pg_settings WHERE name = ANY (%s) AND source IN ('configuration file', 'command line', 'default', 'override')
   AND reset_val = setting AND setting IS DISTINCT FROM boot_val ORDER BY name
"""


def read_tuning(database: Database) -> tuple[str, ...]:
    """What the server says otherwise than by default, as "name=value"; what is set for a role or database is left out."""
    return tuple(row["setting"] for row in database.rows(_READ, (list(_NAMES),)))


def tuning_statements(tuning: tuple[str, ...]) -> list[Any]:
    """Statements that give it to a server; what they say of other settings is left out. Pure."""
    pairs = [each.partition("=") for each in tuning]
    return [
        sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, _equals, value in pairs
        if name in _NAMES
    ]
