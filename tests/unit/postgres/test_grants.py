# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role lacks is named."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.grants import missing_grant


@pytest.mark.parametrize(
    "message, statement, wanted",
    [
        ("permission denied for schema titan_ops", "SELECT 1", "the role 'r' needs USAGE on schema titan_ops"),
        ("permission denied for table my table", "\n update x set", "the role 'r' needs UPDATE on table my table"),
        ("permission denied for view v", "WITH a AS", "the role 'r' needs a privilege on view v"),
        ("permission denied for materialized view v", "SELECT", "needs SELECT on materialized view v"),
        ("permission denied for database d", "CREATE SCHEMA", "needs CREATE on database d"),
        ("permission denied to create database", "CREATE DATABASE", "needs CREATEDB"),
        ("must be owner of table t", "ALTER TABLE", "only the owner of table t"),
        ("something else", "", ""),
    ],
)
def test_the_sentence(message: str, statement: str, wanted: str) -> None:
    said = missing_grant(message, statement, "r")
    assert wanted in said and bool(wanted) == bool(said)


def test_the_server_s_refusals_carry_it(settings: ConnectionSettings, user_sql: object) -> None:
    user_sql.execute("DO $$ BEGIN CREATE ROLE grants_guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")  # type: ignore[attr-defined]
    user_sql.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int); CREATE TABLE public.u (id int)")  # type: ignore[attr-defined]
    guest = settings._replace(user="grants_guest")
    with connect(guest) as database:
        for query, wanted in (
            ("SELECT * FROM s.t", "'grants_guest' needs USAGE on schema s"),
            ("DELETE FROM public.u", "'grants_guest' needs DELETE on table u"),
            ("DROP TABLE public.u", "only the owner of table u"),
            ("CREATE DATABASE grants_new", "CREATEDB"),
        ):
            with pytest.raises(DatabaseError) as refused:
                database.execute(query)
            assert wanted in refused.value.message
