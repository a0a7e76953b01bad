# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions, locks, and transactions that stay open."""

from __future__ import annotations

from .definition import Check, Limits, SqlCheck, Threshold, judge
from .run import Place, partly

SEES_STATISTICS = "pg_has_role('pg_read_all_stats', 'USAGE')"

# Of other roles' sessions a role without pg_read_all_stats still sees that they are there, but not their kind.
_CLIENT = "coalesce(backend_type = 'client backend', usesysid IS NOT NULL AND datid IS NOT NULL)"

CONNECTIONS = SqlCheck(
    "connections",
    80,
    95,
    "%",
    "Sessions as a part of what is allowed: of the server (without the reserved ones), the database, or the role, in percent.",
    query=f"""
    WITH s AS (SELECT * FROM pg_stat_activity WHERE {_CLIENT}),
    limits(used, allowed, name, filter) AS (
        SELECT (SELECT count(*) FROM s),
               (SELECT sum(CASE name WHEN 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
                 WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')), 'the server', 'true'
        UNION ALL
        SELECT (SELECT count(*) FROM s WHERE datid = d.oid), d.datconnlimit, 'the database ' || d.datname,
               format('datname = %L', d.datname)
          FROM pg_database d WHERE datname = current_database() AND datconnlimit > 0
        UNION ALL
        SELECT (SELECT count(*) FROM s WHERE usesysid = r.oid), r.rolconnlimit, 'the role ' || r.rolname,
               format('usename = %L', r.rolname)
          FROM pg_roles r WHERE rolconnlimit > 0 AND NOT rolsuper)
    SELECT 100.0 * used / allowed AS value, format('%s of %s that %s allows', used, allowed, name) AS what,
           format('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s AND state = ''idle'' AND '
                  'backend_type = ''client backend'' AND pid <> pg_backend_pid()', filter) AS sql
      FROM limits ORDER BY 1 DESC LIMIT 1
    """,  # noqa: S608 (constants)
    fix="let the application's connection pool hold fewer sessions; until then, end those that are idle: {sql}",
)

ACTIVE_CONNECTIONS = SqlCheck(
    "active_connections",
    50,
    80,
    "",
    "Client sessions that run a statement or hold a transaction open.",
    query="""
    SELECT count(*) AS value, '' AS what,
           ARRAY['SELECT pid, state, query_start, wait_event FROM pg_stat_activity WHERE backend_type = ''client backend'' ORDER BY query_start',
                 'SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = ''client backend'' AND state = ''active'' AND '
                 'query_start < now() - interval ''5 minutes'' AND pid <> pg_backend_pid()'] AS sql
      FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
    """,
    fix="let the application's connection pool run fewer statements at a time; see what runs, and cancel what runs for more than 5 "
    "minutes: {sql}",
    sees=SEES_STATISTICS,
)

WAITING_LOCKS = SqlCheck(
    "waiting_locks",
    5,
    10,
    "",
    "Sessions that wait for a lock.",
    query="""
    WITH RECURSIVE waits(pid, blocker) AS (
        SELECT pid, b FROM pg_stat_activity, unnest(pg_blocking_pids(pid)) b
         WHERE wait_event_type = 'Lock' AND backend_type = 'client backend' AND pid <> pg_backend_pid()),
    chain(pid, blocker, depth) AS (
        SELECT pid, blocker, 0 FROM waits UNION SELECT c.pid, w.blocker, depth + 1 FROM chain c JOIN waits w ON w.pid = c.blocker
         WHERE depth < 20)
    SELECT DISTINCT ON (c.pid) format('%s waits for %s', c.pid, CASE c.blocker WHEN 0 THEN 'a prepared transaction' ELSE c.blocker::text END) AS what,
           CASE WHEN c.blocker > 0 THEN format('SELECT pg_terminate_backend(%s)', c.blocker) END AS sql
      FROM chain c ORDER BY c.pid, depth DESC
    """,
    counts=True,
    fix="end the transaction that is in the way, or its session: {sql}",
    sees=SEES_STATISTICS,
)

SLOW_QUERIES = Threshold(
    "slow_queries",
    10,
    50,
    "an hour",
    "Statements that ran longer than O(slow_query_seconds) within the last hour. They are sampled at each call, so this is a "
    "lower bound; without O(job_config) only those that run right now are counted.",
)


_CANCEL = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND state = 'active' AND "
    "query_start < now() - interval '{seconds} seconds' AND datname = current_database() AND pid <> pg_backend_pid()"
)


def slow_query_check(seen: int, seconds: float, blind_user: str, limits: Limits, place: Place) -> Check:
    """The check of the statements that were seen to be slow, which take more than so many seconds; blind_user: the role, when it does
    not see others'.
    """
    statements = "SELECT pid, now() - query_start AS since, query FROM pg_stat_activity WHERE state = 'active' ORDER BY query_start"
    cancel = _CANCEL.replace("{seconds}", f"{seconds:g}")
    fix = f"an index or another plan helps; see what runs, and cancel it: {place.psql(statements, cancel)}"
    made = judge(SLOW_QUERIES, seen, limits, "", fix)
    return partly(made, "pg_monitor", blind_user, place) if blind_user else made


_SESSION = "format('session %s of %s (%s)', pid, usename, application_name)"
_END = "format('SELECT pg_terminate_backend(%s)', pid) AS sql"
_ELSEWHERE = "pid <> pg_backend_pid() AND backend_type = 'client backend'"

OLDEST_TRANSACTION = SqlCheck(
    "oldest_transaction",
    60,
    240,
    "min",
    "Age in minutes of the oldest open transaction that is at work; a session that is idle in one counts for "
    "idle_in_transaction.",
    query=f"""
    SELECT extract(epoch FROM clock_timestamp() - xact_start) / 60 AS value, {_SESSION} AS what, {_END} FROM pg_stat_activity
     WHERE {_ELSEWHERE} AND xact_start IS NOT NULL
       AND (state NOT LIKE 'idle in transaction%' OR state_change > clock_timestamp() - interval '1 minute')
     ORDER BY xact_start LIMIT 1
    """,  # noqa: S608 (constants)
    none="no transaction is open",
    sees=SEES_STATISTICS,
)

IDLE_IN_TRANSACTION = SqlCheck(
    "idle_in_transaction",
    10,
    60,
    "min",
    "Time for which a session has held a transaction open without doing anything, in minutes.",
    query=f"""
    SELECT extract(epoch FROM clock_timestamp() - state_change) / 60 AS value, {_SESSION} AS what, {_END} FROM pg_stat_activity
     WHERE {_ELSEWHERE} AND state LIKE 'idle in transaction%' ORDER BY state_change LIMIT 1
    """,  # noqa: S608 (constants)
    none="no session is idle in a transaction",
    fix="it keeps its locks, and VACUUM from removing rows; end it: {sql}",
    sees=SEES_STATISTICS,
)

PREPARED_TRANSACTIONS = SqlCheck(
    "prepared_transactions",
    10,
    60,
    "min",
    "Age of the oldest transaction that was prepared (PREPARE TRANSACTION) and neither committed nor rolled back, in minutes.",
    query="""
    SELECT extract(epoch FROM clock_timestamp() - prepared) / 60 AS value, format('%s of %s in %s', gid, owner, database) AS what,
           format('ROLLBACK PREPARED %L', gid) AS sql, database AS db
      FROM pg_prepared_xacts ORDER BY prepared LIMIT 1
    """,
    none="none is prepared",
    fix="it keeps its locks also over a restart; commit it (COMMIT PREPARED) or roll it back: {sql}",
)

XMIN_HORIZON = SqlCheck(
    "xmin_horizon",
    10,
    100,
    "million",
    "Transactions since the oldest one whose rows VACUUM must keep, because a snapshot may still need them, in millions.",
    query="""
    SELECT value / 1e6 AS value, what, sql, db FROM (
        SELECT greatest(age(backend_xmin), age(backend_xid)) AS value, format('session %s of %s (%s)', pid, usename, application_name) AS what,
               format('SELECT pg_terminate_backend(%s)', pid) AS sql, NULL::name AS db
          FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'walsender'
        UNION ALL
        SELECT age(transaction), format('prepared transaction %s of %s', gid, owner), format('ROLLBACK PREPARED %L', gid), database
          FROM pg_prepared_xacts
        UNION ALL
        SELECT greatest(age(xmin), age(catalog_xmin)), format('replication slot %s', slot_name),
               CASE WHEN NOT active THEN format('SELECT pg_drop_replication_slot(%L)', slot_name) END, NULL
          FROM pg_replication_slots
        UNION ALL
        SELECT age(backend_xmin), format('standby %s (hot_standby_feedback)', application_name), NULL, NULL FROM pg_stat_replication
    ) held WHERE value IS NOT NULL ORDER BY 1 DESC LIMIT 1
    """,
    none="nothing holds it back",
    fix="tables grow until it ends; end it: {sql}",
    sees=SEES_STATISTICS,
)

CHECKS = (
    CONNECTIONS, ACTIVE_CONNECTIONS, WAITING_LOCKS, OLDEST_TRANSACTION, IDLE_IN_TRANSACTION, PREPARED_TRANSACTIONS, XMIN_HORIZON,
)  # fmt: skip
