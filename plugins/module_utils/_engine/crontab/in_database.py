# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What schedulers inside the database start that does the work of the jobs: pg_cron, pgAgent, pg_timetable, TimescaleDB's policies."""

from __future__ import annotations

from ..errors import DatabaseError
from ..postgres.database import Database
from .double_work import CLEANING_CALL

_STATEMENTS = (
    r"\m(vacuum|reindex|cluster|delete\s+from|truncate|drop\s+(?:table|index|schema|database)|run_all_cleanups|cleanup_\w+|drop_chunks|"
    r"run_maintenance(?:_proc)?|detach\s+partition|pg_dump\w*|pg_repack|"
    rf"{CLEANING_CALL})"
)
# Schema, table, and a query of a job's name, its text, the database, and the statement that stops it.
_SOURCES = {
    ("cron", "job"): """
        SELECT format('pg_cron''s job %s', jobid), command, database,
               format('SELECT cron.unschedule(%s)', jobid) FROM cron.job WHERE active""",
    ("pgagent", "pga_jobstep"): """
        SELECT format('pgAgent''s job %s', j.jobname), s.jstcode, nullif(s.jstdbname::text, ''),
               format('UPDATE pgagent.pga_job SET jobenabled = false WHERE jobid = %s', j.jobid)
          FROM pgagent.pga_jobstep s JOIN pgagent.pga_job j ON j.jobid = s.jstjobid WHERE j.jobenabled AND s.jstenabled""",
    ("timetable", "task"): """
        SELECT format('pg_timetable''s chain %s', c.chain_name), t.command, t.database_connection,
               format('UPDATE timetable.chain SET live = false WHERE chain_id = %s', c.chain_id)
          FROM timetable.task t JOIN timetable.chain c USING (chain_id) WHERE c.live""",
    ("_timescaledb_config", "bgw_job"): """
        SELECT format('TimescaleDB''s job %s', id), CASE proc_name WHEN 'policy_retention' THEN 'drop_chunks' ELSE proc_name::text || '()' END,
               NULL::text, format('SELECT alter_job(%s, scheduled => false)', id)
          FROM _timescaledb_config.bgw_job WHERE scheduled AND proc_name <> 'policy_telemetry'""",
}
_TABLE = """
SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = '{schema}' AND c.relname = '{table}' AND c.relkind = 'r'
   AND (SELECT rolsuper FROM pg_roles WHERE oid = c.relowner)"""  # an extension's: nobody else's code runs while it is read
# pg_cron shows each role its own jobs only.
_READABLE = (
    "has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)"
)


def _query_of(key: tuple[str, str]) -> str:
    found = _TABLE.format(schema=key[0], table=key[1])
    query = (  # noqa: S608 (constants)
        "SELECT * FROM (SELECT format(''%s runs %s%s'', name, upper(substring(text, ''(?i){pattern}'')), "
        "CASE WHEN place <> current_database() THEN '' in database '' || place ELSE '''' END) AS what, stop AS sql, text "
        "FROM ({source}) j(name, text, place, stop)) j WHERE text ~* ''{pattern}''"
    ).format(pattern=_STATEMENTS.replace("'", "''"), source=_SOURCES[key].replace("'", "''"))
    return f"CASE WHEN EXISTS ({found} AND {_READABLE}) THEN '{query}' END"


# SQL: the query that names them, made of the schedulers that there are and that may be read; NULL without any.
MADE_BY = (
    "(SELECT 'SELECT what, sql FROM (' || string_agg(q, ' UNION ALL ') || ') j ORDER BY 1' "  # noqa: S608 (constants)
    f"FROM unnest(ARRAY[{', '.join(map(_query_of, _SOURCES))}]) q)"
)
# SQL: whether the role sees all of them.
SEES = " AND ".join(
    f"NOT EXISTS ({_TABLE.format(schema=schema, table=table)} AND NOT ({_READABLE}))" for schema, table in _SOURCES
)
# SQL: why nothing can be said here; NULL if it can.
ELSEWHERE = (
    "(SELECT format('pg_cron keeps its jobs in the database %s: look there, SELECT * FROM cron.job', setting) FROM pg_settings "
    "WHERE name = 'cron.database_name' AND setting <> current_database())"
)


def scheduled_inside(database: Database) -> list[str]:
    """The jobs of schedulers in this database that do the work of ours, one sentence each; none where they may not be read."""
    try:
        query = database.value(f"SELECT {MADE_BY}")
        return [f"{row['what']}: the jobs may do the same" for row in database.rows(str(query))] if query else []
    except DatabaseError as error:
        if error.lost:
            raise
        return []
