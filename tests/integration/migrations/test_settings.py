"""Whatever database, role or file has set: the run's own reading and writing is the same, and a file runs under what psql has."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError

from tests.integration.migrations.judge import Databases

SETTINGS = {
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "timezone": "'Pacific/Chatham'",
    "quote_all_identifiers": "on",
    "extra_float_digits": "-10",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "xmloption": "document",
    "plan_cache_mode": "force_generic_plan",
    "search_path": '"$user", public',
    "client_encoding": "'LATIN1'",
    "row_security": "off",
    "lc_messages": "'C'",
    "session_replication_role": "replica",
    "client_min_messages": "error",
    "array_nulls": "off",
}
FILES = [
    ("1_a.sql", "CREATE TABLE d (d date, i interval, b bytea, t timestamptz, said text);"),
    ("2_b.sql", "INSERT INTO d VALUES ('03/04/2026', '1-2', '\\x00ff', '05/06/2026 10:00', '05/06/2026'::date::text);"),
    ("3_c.sql", "CREATE INDEX one ON d (d);"),
    ("4_d.sql", "CREATE INDEX two ON d (d);"),
    ("5_e.sql", "-- transaction: none\nSET datestyle = 'German';\nINSERT INTO d (d, said) VALUES ('26.11.2026', now()::date::text);\n"
     "SET client_encoding = 'LATIN1';\nSET intervalstyle = 'iso_8601';\nINSERT INTO d (i) VALUES ('P1Y');\nVACUUM d;"),
    ("6_f.sql", "SET datestyle = 'Postgres, MDY'; SET bytea_output = 'escape';"
     " INSERT INTO d (d, said) VALUES ('01/02/2026', '01/02/2026'::date::text);"),
    ("7_g.sql", "INSERT INTO d (d, said) VALUES ('01/02/2026', '01/02/2026'::date::text);"),
    ("8_h.sql", "DROP INDEX one;"),
]  # fmt: skip
ROWS = "SELECT d::text, i::text, b::text, t::text, said FROM d ORDER BY 1, 2, 5"


@pytest.mark.parametrize("each", [True, False])
def test_every_file_runs_as_under_psql(each: bool, databases: Databases, tmp_path: Path) -> None:
    databases.empty()
    names = [settings.database for settings in (databases.judge, databases.engine)]
    try:
        for name in names:
            for setting, value in SETTINGS.items():
                databases.run(databases.judge, f'ALTER DATABASE "{name}" SET {setting} = {value}')
        for file, text in FILES:
            (tmp_path / file).write_text(text)
            databases.psql([tmp_path / file])
        for upto in range(1, len(FILES) + 1) if each else [len(FILES)]:
            outcome = databases.migrate(FILES[:upto])
            assert len(outcome.data["applied"]) == (1 if each else len(FILES))
        with pytest.raises(TitanError, match="NULL"):
            databases.migrate([*FILES, ("9_i.sql", "CREATE TABLE n (n int NOT NULL); INSERT INTO n VALUES (NULL);")])
        assert databases.rows(databases.engine, ROWS) == databases.rows(databases.judge, ROWS)
        assert not databases.difference()
        history = "SELECT count(*) FILTER (WHERE started > clock_timestamp() - interval '10 minutes' AND milliseconds < 600000), count(*) "
        recent, every = databases.rows(databases.engine, f"{history} FROM titan_ops.migration_history")[0]
        assert recent == every
    finally:
        for name in names:
            databases.run(databases.judge, f'ALTER DATABASE "{name}" RESET ALL')


def test_a_database_that_is_read_only_by_default_is_refused_before_anything_is_run(databases: Databases) -> None:
    databases.empty()
    databases.migrate(FILES[:1])
    name = databases.engine.database
    databases.run(databases.judge, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        assert not databases.migrate(FILES[:1]).changed
        for check_mode in (True, False):
            with pytest.raises(
                TitanError, match="default_transaction_read_only is on for this role or database.*ALTER ROLE"
            ):
                databases.migrate(FILES[:2], check_mode)
    finally:
        databases.run(databases.judge, f'ALTER DATABASE "{name}" RESET ALL')
    assert databases.migrate(FILES[:2]).changed
