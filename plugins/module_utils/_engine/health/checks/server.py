# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database and its server as a whole: size, checksums, collations, extensions, what its statistics count."""

from __future__ import annotations

from ...crontab.in_database import ELSEWHERE, MADE_BY, SEES
from .definition import SqlCheck

# A judgement from fewer days of statistics would be one of a day's accidents.
STATISTICS_DAYS = 7
_YOUNG = (
    "CASE WHEN {since} > clock_timestamp() - interval '{days} days' "
    "THEN format('the statistics begin at %s, less than {days} days ago', date_trunc('second', {since})) END"
)

DATABASE_SIZE = SqlCheck(
    "database_size",
    5,
    10,
    "GB",
    "Size of the database in GB (10^9 bytes).",
    query="SELECT pg_database_size(current_database()) / 1e9 AS value, current_database() AS what",
    fix="titan-db stats shows what grew; review the retention policies",
)

CHECKSUM_FAILURES = SqlCheck(
    "checksum_failures",
    0,
    0,
    "",
    "Pages of the database that were found damaged, as their checksum says.",
    query="""
    SELECT checksum_failures AS value, format('%s, last at %s', coalesce(datname, 'shared tables'), checksum_last_failure) AS what,
           'SELECT pg_stat_reset()' AS sql, datname AS db
      FROM pg_stat_database WHERE coalesce(checksum_failures, 0) > 0 ORDER BY 1 DESC LIMIT 1
    """,
    none="",
    fix="the disk loses data: find what is damaged (pg_amcheck), restore the newest proven backup (titan-db restore) on another disk; "
    "when nothing damaged is left, forget it: {sql}",
    applies="CASE WHEN NOT current_setting('data_checksums')::boolean THEN 'data_checksums is off' END",
)

# Indexes over texts are sorted by the operating system's rules; after these have changed, rows are not found any more.
_COLLATIONS = """
    SELECT what, sql FROM (
        {database}
        SELECT format('collation %s', c.collname),
               array_append(ARRAY(SELECT DISTINCT format('REINDEX INDEX %s', a.attrelid::regclass) FROM pg_attribute a
                                    JOIN pg_class i ON i.oid = a.attrelid AND i.relkind = 'i' WHERE a.attcollation = c.oid ORDER BY 1),
                            format('ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, c.collname))
          FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
         WHERE c.collversion IS NOT NULL AND c.collversion <> pg_collation_actual_version(c.oid)
           AND EXISTS (SELECT FROM pg_attribute a WHERE a.attcollation = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    ) behind(what, sql) ORDER BY 1"""

COLLATION_VERSIONS = SqlCheck(
    "collation_versions",
    0,
    0,
    "",
    "Collations whose rules changed with the operating system since the indexes were sorted by them.",
    query=_COLLATIONS.replace(
        "{database}",
        """
        SELECT format('database %s', datname), ARRAY[format('REINDEX DATABASE %I', datname),
                                                     format('ALTER DATABASE %I REFRESH COLLATION VERSION', datname)]
          FROM pg_database WHERE datname = current_database() AND datcollversion IS NOT NULL
           AND datcollversion <> pg_database_collation_actual_version(oid)
        UNION ALL""",
    ),
    before=((150000, _COLLATIONS.replace("{database}", "")),),
    counts=True,
    fix="rows may not be found, and be there twice; in a maintenance window: {sql}",
)

EXTENSIONS_BEHIND = SqlCheck(
    "extensions_behind",
    0,
    100,
    "",
    "Extensions of which the server has a newer version than the database.",
    query="""
    SELECT format('%s %s (%s is there)', e.name, e.installed_version, e.default_version) AS what, format('ALTER EXTENSION %I UPDATE', e.name) AS sql
      FROM pg_available_extensions e WHERE installed_version <> default_version AND EXISTS (
           SELECT FROM pg_extension_update_paths(e.name) p
            WHERE p.source = e.installed_version AND p.target = e.default_version AND p.path IS NOT NULL)
     ORDER BY 1
    """,
    counts=True,
)

_CHECKPOINTS = """
    SELECT CASE WHEN {timed} + {requested} < 10 THEN 0 ELSE 100.0 * {requested} / ({timed} + {requested}) END AS value,
           format('%s of %s since %s', {requested}, {timed} + {requested}, stats_reset::date) AS what,
           ARRAY[format('ALTER SYSTEM SET max_wal_size = %L', 2 * s.setting::int || s.unit), 'SELECT pg_reload_conf()',
                 'SELECT pg_stat_reset_shared(''{kind}'')'] AS sql
      FROM {view}, pg_settings s WHERE s.name = 'max_wal_size'"""
_SINCE_17 = {
    "{timed}": "num_timed",
    "{requested}": "num_requested",
    "{view}": "pg_stat_checkpointer",
    "{kind}": "checkpointer",
}
_BEFORE_17 = {
    "{timed}": "checkpoints_timed",
    "{requested}": "checkpoints_req",
    "{view}": "pg_stat_bgwriter",
    "{kind}": "bgwriter",
}


def _filled(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(key, value)
    return text


REQUESTED_CHECKPOINTS = SqlCheck(
    "requested_checkpoints",
    50,
    90,
    "%",
    "Checkpoints that had to be made before checkpoint_timeout, because max_wal_size was reached, in percent.",
    query=_filled(_CHECKPOINTS, _SINCE_17),
    before=((170000, _filled(_CHECKPOINTS, _BEFORE_17)),),
    fix="they write each page again and again; where the disk has room: {sql}",
    applies=_YOUNG.replace("{since}", "pg_stat_get_bgwriter_stat_reset_time()"),
)

_STATEMENTS = "pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'"
SLOW_STATEMENTS = SqlCheck(
    "slow_statements",
    1000,
    10000,
    "ms",
    "Mean time of the slowest statement that pg_stat_statements has seen at least 20 times in this database, in milliseconds.",
    made_by=f"""(SELECT format($q$
        SELECT s.mean_exec_time AS value, format('query %%s, %%s calls', s.queryid, s.calls) AS what,
               ARRAY[format('SELECT query FROM %1$I.pg_stat_statements WHERE queryid = %%s', s.queryid),
                     format('SELECT %1$I.pg_stat_statements_reset(%%s, %%s, %%s)', s.userid, s.dbid, s.queryid)] AS sql
          FROM %1$I.pg_stat_statements s
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.calls >= 20 AND s.queryid IS NOT NULL
         ORDER BY 1 DESC LIMIT 1$q$, n.nspname) FROM {_STATEMENTS})""",  # noqa: S608 (constants)
    none="no statement was seen 20 times",
    fix="an index or another plan helps (EXPLAIN); look at it, and when it is fixed, reset its times: {sql}",
    sees="pg_has_role('pg_read_all_stats', 'USAGE')",
    applies=f"""CASE WHEN NOT EXISTS (SELECT FROM {_STATEMENTS}) THEN 'the extension pg_stat_statements is not installed in this database'
                 WHEN current_setting('shared_preload_libraries') !~ 'pg_stat_statements' THEN 'pg_stat_statements is not preloaded' END""",  # noqa: S608
)

# As the server sees the other end: of a connection through a proxy, the proxy's.
UNENCRYPTED = SqlCheck(
    "unencrypted_connection",
    0,
    1,
    "",
    "Whether this check's own connection goes to another host without encryption (1), so that a network sees rows.",
    query="""
    SELECT 1 AS value, format('from %s to %s', host(inet_client_addr()), host(inet_server_addr())) AS what
     WHERE inet_client_addr() <> inet_server_addr() AND NOT inet_client_addr() <<= ANY (ARRAY['127.0.0.0/8', '::1/128']::inet[])
       AND NOT EXISTS (SELECT FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl)
       AND NOT EXISTS (SELECT FROM pg_stat_gssapi WHERE pid = pg_backend_pid() AND encrypted)
    """,
    none="the connection is encrypted, or stays on this host",
    fix="set sslmode=verify-full and sslrootcert in the URL of the env file; docs/security.md shows how to set up TLS",
)

DATABASE_JOBS = SqlCheck(
    "database_jobs",
    0,
    1000,
    "",
    "Active jobs of pg_cron, pgAgent, pg_timetable or TimescaleDB in this database that vacuum, reindex, delete, truncate or drop, which the "
    "jobs may do, too.",
    made_by=MADE_BY,
    counts=True,
    none="no scheduler in the database does the work of the jobs",
    fix="leave the work to one of the two: {sql}",
    sees=SEES,
    grant="SELECT on the schedulers' tables, and the attribute BYPASSRLS to see pg_cron's jobs of all roles",
    applies=ELSEWHERE,
)

CHECKS = (
    DATABASE_JOBS,
    UNENCRYPTED, DATABASE_SIZE, CHECKSUM_FAILURES, COLLATION_VERSIONS, EXTENSIONS_BEHIND, REQUESTED_CHECKPOINTS, SLOW_STATEMENTS,
)  # fmt: skip
