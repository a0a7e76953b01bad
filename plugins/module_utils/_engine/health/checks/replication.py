# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication, its slots, and the archive of the write-ahead log."""

from __future__ import annotations

from .definition import SqlCheck
from .sessions import SEES_STATISTICS

REPLICATION_LAG = SqlCheck(
    "replication_lag",
    60,
    600,
    "s",
    "Time by which the standby is behind: of the slowest one on a primary, its own on a standby, in seconds.",
    query="""
    SELECT value, what, sql FROM (
        -- The last lag that was measured stays in the view for a while after the standby has caught up.
        SELECT CASE WHEN pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN replay_lsn ELSE pg_current_wal_lsn() END, replay_lsn) <= 0
                   THEN 0 ELSE coalesce(extract(epoch FROM replay_lag), 0) END AS value,
               format('%s (%s, %s kB behind)', application_name, state, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN replay_lsn
                   ELSE pg_current_wal_lsn() END, replay_lsn)::bigint / 1024) AS what, NULL AS sql
          FROM pg_stat_replication WHERE NOT pg_is_in_recovery() AND application_name <> 'pg_basebackup'
        UNION ALL
        SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver)
                    THEN 0 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END,
               concat_ws(', ', 'this standby',
                         (SELECT format('which receives from %s:%s; how far that one is behind is known there', sender_host, sender_port)
                            FROM pg_stat_wal_receiver WHERE sender_host <> '' LIMIT 1),
                         CASE WHEN pg_is_wal_replay_paused() THEN 'replay is paused' END,
                         CASE WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 'it receives nothing from a primary' END),
               CASE WHEN pg_is_wal_replay_paused() THEN 'SELECT pg_wal_replay_resume()' END
         WHERE pg_is_in_recovery()
    ) lag ORDER BY value DESC NULLS FIRST LIMIT 1
    """,
    none="no standby is connected",
    fix="check the standby's log and its load; {sql}",
    sees=SEES_STATISTICS,
)

STANDBYS_MISSING = SqlCheck(
    "standbys_missing",
    0,
    0,
    "",
    "Standbys that synchronous_standby_names requires and that are not connected.",
    query=r"""
    WITH asked AS (
        SELECT current_setting('synchronous_standby_names') AS names,
               coalesce((regexp_match(current_setting('synchronous_standby_names'), '^\s*(?:first|any)?\s*(\d+)\s*\(', 'i'))[1], '1')::int AS needed),
    there AS (SELECT count(*) AS connected FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming')
    SELECT format('%s of %s asked for by synchronous_standby_names (%s) are connected', connected, needed, names) AS what,
           ARRAY['ALTER SYSTEM RESET synchronous_standby_names', 'SELECT pg_reload_conf()'] AS sql
      FROM asked, there, generate_series(1, needed - connected::int) WHERE names <> '' AND NOT pg_is_in_recovery()
    """,
    counts=True,
    none="",
    fix="every COMMIT waits for them: start the standby; or, to go on without it: {sql}",
    sees=SEES_STATISTICS,
)

_DROP = "format('SELECT pg_drop_replication_slot(%L)', slot_name) AS sql"

REPLICATION_SLOTS = SqlCheck(
    "replication_slots",
    1,
    10,
    "GB",
    "Write-ahead log in GB that is retained for the slot furthest behind.",
    query="""
    SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) / 1e9 AS value,
           slot_name AS what, CASE WHEN NOT active THEN format('SELECT pg_drop_replication_slot(%L)', slot_name) END AS sql
      FROM pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY 1 DESC NULLS LAST LIMIT 1
    """,
    none="no slot",
    fix="it fills the disk; start its consumer, or, if that no longer exists: {sql}",
)

INACTIVE_SLOTS = SqlCheck(
    "inactive_slots",
    0,
    3,
    "",
    "Number of inactive replication slots.",
    query=f"SELECT slot_name AS what, {_DROP} FROM pg_replication_slots WHERE NOT active ORDER BY restart_lsn, 1",  # noqa: S608
    counts=True,
    fix="start the consumer, or, if it no longer exists: {sql}",
)

LOST_SLOTS = SqlCheck(
    "lost_slots",
    0,
    0,
    "",
    "Replication slots whose write-ahead log was removed: their consumers can never continue.",
    query=f"SELECT slot_name AS what, {_DROP} FROM pg_replication_slots WHERE wal_status = 'lost' ORDER BY 1",  # noqa: S608
    counts=True,
    fix="recreate the standby or subscription; then: {sql}",
)

# A standby archives nothing unless archive_mode is "always"; what its statistics hold is from before. A hanging
# archive_command fails never: only the segments that wait for it tell.
_ARCHIVER = """
    SELECT greatest(CASE WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
                         THEN extract(epoch FROM clock_timestamp() - coalesce(a.last_archived_time, a.last_failed_time)) / 60 ELSE 0 END,
                    CASE WHEN w.minutes > 5 THEN w.minutes ELSE 0 END) AS value,
           CASE WHEN a.last_failed_time > coalesce(a.last_archived_time, '-infinity') THEN format('segment %s is not taken', a.last_failed_wal)
                WHEN w.minutes > 5 THEN 'segments wait' ELSE '' END AS what,
           'SELECT last_failed_wal, last_failed_time, current_setting(''archive_command'') FROM pg_stat_archiver' AS sql
      FROM pg_stat_archiver a"""
_SEES_SEGMENTS = "has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE')"

ARCHIVING = SqlCheck(
    "archiving",
    0,
    60,
    "min",
    "Time in minutes since a segment of the write-ahead log was last archived, while archive_command fails or hangs; 0 while "
    "it works. Checked only where the server archives.",
    made_by=f"""CASE WHEN {_SEES_SEGMENTS} THEN $${_ARCHIVER}, (SELECT extract(epoch FROM clock_timestamp() - min(modification)) / 60
                     FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') w(minutes)$$
                     ELSE $${_ARCHIVER}, (SELECT 0) w(minutes)$$ END""",  # noqa: S608 (constants)
    fix="the server's log says what archive_command printed; until it works again the log fills the disk of the database: {sql}",
    sees=f"{_SEES_SEGMENTS} OR EXISTS (SELECT FROM pg_stat_archiver WHERE last_archived_time > clock_timestamp() - interval '15 minutes')",
    applies="""CASE WHEN current_setting('archive_mode') = 'off' THEN 'archive_mode is off'
                    WHEN current_setting('archive_mode') = 'on' AND pg_is_in_recovery() THEN 'a standby does not archive' END""",
)

CHECKS = (REPLICATION_LAG, STANDBYS_MISSING, REPLICATION_SLOTS, INACTIVE_SLOTS, LOST_SLOTS, ARCHIVING)
