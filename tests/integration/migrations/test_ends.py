"""A statement or session that the server ends: the message has PostgreSQL's reason, and where a limit comes from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login

SLEEP = "SELECT pg_sleep(5);"
OF_THE_DATABASE = 'ALTER DATABASE "{database}" SET {limit} = 300'
OF_THE_ROLE = "ALTER ROLE limited SET {limit} = 300"
OF_BOTH = 'ALTER ROLE limited IN DATABASE "{database}" SET {limit} = 300'
OF_THE_SERVER = "ALTER SYSTEM SET {limit} = 300"


@pytest.fixture
def limited(db: Database) -> Any:
    db.execute("CREATE ROLE limited SUPERUSER LOGIN")
    yield
    db.execute("DROP OWNED BY limited CASCADE; DROP ROLE limited")
    db.execute("ALTER SYSTEM RESET ALL")
    db.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    "set_by, limit, text, said",
    [
        (OF_THE_DATABASE, "statement_timeout", SLEEP, "by ALTER DATABASE"),
        (OF_THE_ROLE, "statement_timeout", SLEEP, "by ALTER ROLE limited SET"),
        (OF_BOTH, "statement_timeout", "-- transaction: none\n" + SLEEP, "by ALTER ROLE limited IN DATABASE"),
        (OF_THE_SERVER, "statement_timeout", SLEEP, "in the server's configuration (/"),
        (OF_THE_ROLE, "transaction_timeout", SLEEP, "by ALTER ROLE limited SET"),
        ("", "statement_timeout", "SET LOCAL statement_timeout = 100;\n" + SLEEP, "The file itself names statement_timeout in line 1."),
    ],
)  # fmt: skip
def test_a_limit_says_where_it_comes_from(
    db: Database, settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]], limited: None, set_by: str,
    limit: str, text: str, said: str,
) -> None:  # fmt: skip
    if set_by:
        db.execute(set_by.format(database=settings.database, limit=limit))
        db.execute("SELECT pg_reload_conf()")
        time.sleep(0.2 if set_by == OF_THE_SERVER else 0)
    files = [{"name": "0001_a.sql", "content": text}]
    db.execute("SET statement_timeout = 0")
    refused = call_module("migration", **{**login(settings), "login_user": "limited"}, files=files)
    assert refused["failed"] and said in refused["msg"] and limit.split("_")[0] in refused["msg"]
    assert not set_by or f"{limit} is 300ms" in refused["msg"]


def test_the_servers_reason_for_ending_a_session_is_shown(
    db: Database, settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]]
) -> None:
    def migrate(text: str) -> str:
        return str(call_module("migration", **login(settings), files=[{"name": "0001_a.sql", "content": text}])["msg"])

    said = migrate("SELECT pg_terminate_backend(pg_backend_pid());")
    assert "terminating connection due to administrator command" in said and "Nothing of this file" in said

    def slowly(step: str) -> None:
        if step == "migration.commit":
            time.sleep(0.5)

    with observed(slowly):
        said = migrate("SET LOCAL idle_in_transaction_session_timeout = 100; CREATE TABLE x ();")
    assert "idle-in-transaction timeout" in said and "names idle_in_transaction_session_timeout in line 1" in said


def test_an_applied_file_that_is_gone_is_a_warning_that_names_it(
    settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [{"name": f"000{n}_t{n}.sql", "content": f"CREATE TABLE t{n} ();"} for n in (1, 2)]
    call_module("migration", **login(settings), files=files)
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warnings.append(text))
    for module, check in (("migration", False), ("migration", True), ("migration_info", False)):
        result = call_module(module, **login(settings), files=files[1:], check_mode=check)
        assert result["missing"] == ["0001"] and len(warnings) == 1 and "0001 (t1)" in warnings.pop()
