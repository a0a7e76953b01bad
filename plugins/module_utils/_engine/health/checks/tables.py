# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables: their space, their dead rows, and what VACUUM and ANALYZE have done."""

from __future__ import annotations

from .definition import SqlCheck

USERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_LARGE = "pg_relation_size(c.oid) >= 8 << 20"

# A nightly clean-up frees what the next day's rows fill: of a table with a policy that is no alarm.
_POLICY = "'titan_ops.retention_policy'"
_HAS_POLICY = (
    f"""coalesce(to_regclass({_POLICY}) IS NOT NULL AND has_table_privilege(to_regclass({_POLICY}), 'SELECT'), false)"""
)
_BLOAT = f"""
    SELECT least(percent, CASE WHEN policy THEN 50 END) AS value,
           name || CASE WHEN policy THEN format(', %s%% free; its clean-up leaves space that new rows use', round(percent::numeric))
                   ELSE '' END AS what,
           format('VACUUM (FULL, ANALYZE) %s', name) AS sql
      FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, __POLICY__ AS policy,
                   greatest(0, 100 * (1 - (c.reltuples * (28 + s.width)) / (c.relpages * (current_setting('block_size')::int - 24.0)))) AS percent
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (SELECT coalesce(sum((1 - null_frac) * avg_width), 0) AS width, count(*) AS columns
                                   FROM pg_stats WHERE schemaname = n.nspname AND tablename = c.relname AND NOT inherited) s
             WHERE c.relkind IN ('r', 'm') AND {USERS} AND c.relpages >= 1024 AND c.reltuples >= 0 AND s.columns > 0) t
     ORDER BY 1 DESC LIMIT 1"""  # noqa: S608 (constants)
_OF_POLICY = (
    "EXISTS (SELECT FROM titan_ops.retention_policy p WHERE p.table_schema = n.nspname AND p.table_name = c.relname)"
)

BLOAT = SqlCheck(
    "bloat",
    30,
    50,
    "%",
    "Unused space in the worst table of at least 8 MB, in percent, estimated from the statistics of ANALYZE. A table with a "
    "retention policy is never more than a warning: new rows use what its clean-up left free.",
    made_by=f"CASE WHEN {_HAS_POLICY} THEN $q${_BLOAT.replace('__POLICY__', _OF_POLICY)}$q$ "
    f"ELSE $q${_BLOAT.replace('__POLICY__', 'false')}$q$ END",
    none="no table of 8 MB or more",
    fix="new rows will use the free space; titan-db reindex shrinks the indexes; to shrink the table itself, in a maintenance window, "
    "since it locks everybody out: {sql}",
    sees=f"""NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND {USERS}
             AND c.relpages >= 1024 AND NOT has_table_privilege(c.oid, 'SELECT') AND NOT has_any_column_privilege(c.oid, 'SELECT'))""",
    grant="pg_read_all_data",
)

_TABLE = "format('%I.%I', s.schemaname, s.relname)"
# Rows that replay changes are counted nowhere: 0 would say that all is well.
_COUNTED = "CASE WHEN pg_is_in_recovery() THEN 'a standby does not count changed and dead rows: ask the primary' END"

DEAD_ROWS = SqlCheck(
    "dead_rows",
    40,
    80,
    "%",
    "Dead rows in the worst table with at least 10,000 of them, in percent.",
    query=f"""
    SELECT 100.0 * s.n_dead_tup / (s.n_live_tup + s.n_dead_tup) AS value, format('%s, %s dead rows', {_TABLE}, s.n_dead_tup) AS what,
           format('VACUUM (ANALYZE) %s', {_TABLE}) AS sql
      FROM pg_stat_user_tables s WHERE s.n_dead_tup >= 10000 ORDER BY 1 DESC LIMIT 1
    """,  # noqa: S608 (a constant)
    none="no table has 10,000 dead rows",
    fix="autovacuum does not keep up, or something holds it back (xmin_horizon): {sql}",
    applies=_COUNTED,
)

STALE_STATISTICS = SqlCheck(
    "stale_statistics",
    0,
    20,
    "",
    "Tables of which at least half, and 10,000 rows, changed since ANALYZE saw them, or of 8 MB that it never saw.",
    query=f"""
    SELECT {_TABLE} AS what, format('ANALYZE %s', {_TABLE}) AS sql
      FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
     WHERE c.relkind IN ('r', 'm') AND (c.reltuples < 0 AND {_LARGE} OR s.n_mod_since_analyze > greatest(10000, 0.5 * c.reltuples))
     ORDER BY s.n_mod_since_analyze DESC, 1
    """,  # noqa: S608 (constants)
    counts=True,
    fix="the planner works with what it knew before: {sql}",
    applies=_COUNTED,
)

AUTOVACUUM_OFF = SqlCheck(
    "autovacuum_off",
    0,
    20,
    "",
    "Whether autovacuum is switched off, and tables for which it is.",
    query=f"""
    SELECT what, sql FROM (
        SELECT format('the setting %s is off', name) AS what, ARRAY[format('ALTER SYSTEM SET %I = on', name), 'SELECT pg_reload_conf()'] AS sql
          FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off'
        UNION ALL
        SELECT format('%I.%I', n.nspname, c.relname), ARRAY[format('ALTER TABLE %I.%I RESET (autovacuum_enabled)', n.nspname, c.relname)]
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_options_to_table(c.reloptions) o
         WHERE c.relkind IN ('r', 'm') AND {USERS} AND o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean
    ) off
    """,  # noqa: S608 (a constant)
    counts=True,
    fix="its rows are never cleaned up and its statistics grow old: {sql}",
)

WRAPAROUND = SqlCheck(
    "wraparound",
    500,
    1000,
    "million",
    "Age of the oldest unfrozen transaction or multixact in millions.",
    query="""
    SELECT greatest(age(datfrozenxid), mxid_age(datminmxid)) / 1e6 AS value, datname AS what, 'VACUUM (FREEZE)' AS sql, datname AS db
      FROM pg_database WHERE datallowconn ORDER BY 1 DESC LIMIT 1
    """,
    fix="find out why autovacuum did not (xmin_horizon, autovacuum_off); then: {sql}",
)

CHECKS = (BLOAT, DEAD_ROWS, STALE_STATISTICS, AUTOVACUUM_OFF, WRAPAROUND)
