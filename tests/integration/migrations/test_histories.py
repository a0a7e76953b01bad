"""Several applications in one database: each has its own history, lock and changes by hand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import advisory_lock
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.drill_programs import drill_programs
from tests.steps import failing_at, steps_of

USERS = {"0001_users.sql": "CREATE TABLE users (id int);", "0002_more.sql": "ALTER TABLE users ADD n text;"}
BILLS = {
    "0001_billing.sql": "CREATE TABLE bills (id int);",
    "0002_x.sql": "CREATE TABLE pay (id int);",
    "0003_y.sql": "CREATE TABLE z (id int);",
}
BACK = {"0003_y.down.sql": "DROP TABLE z;", "0002_x.down.sql": "DROP TABLE pay;"}

# The tables as they were before there were several histories, with one run's rows.
OLD = """
ALTER TABLE titan_ops.migration_history DROP history;
ALTER TABLE titan_ops.migration_fingerprint DROP owners;
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(
    settings: ConnectionSettings, call_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Run:
    def go(texts: dict[str, str], history: str = "", module: str = "migration", **options: Any) -> dict[str, Any]:
        warnings: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warnings.append(text))
        sent = [{"name": name, "content": text} for name, text in texts.items()]
        result = call_module(module, **{**login(settings), **options}, files=sent, history=history)
        return {**result, "warnings": warnings}

    return go


def ok(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result["msg"]
    return result


def drift_of(run: Run, texts: dict[str, str], history: str = "") -> list[str]:
    result = ok(run(texts, history, "migration_info"))
    assert result["drift_known"] and not result["tampered"] and not result["pending"]
    return [item["object"] for item in result["drift"]]


def test_each_application_has_its_own_versions(run: Run, db: Database) -> None:
    ok(run(USERS))
    refused = run(BILLS)
    assert refused["failed"] and "option history" in refused["msg"] and "'users'" in refused["msg"]
    assert "accept_edited" not in refused["msg"]
    checked = ok(run(BILLS, "billing", check_mode=True))
    assert [item["version"] for item in checked["pending"]] == ["0001", "0002", "0003"]
    assert [item["version"] for item in ok(run(BILLS, "billing"))["applied"]] == ["0001", "0002", "0003"]
    assert not ok(run(BILLS, "billing"))["changed"] and not ok(run(USERS))["changed"]
    assert not ok(run(BILLS, "billing"))["missing"] and not ok(run(USERS))["missing"]
    info = ok(run(USERS, module="migration_info"))
    assert (info["history"], info["other_histories"], info["pending"]) == ("", ["billing"], [])
    assert ok(run(BILLS, "billing", "migration_info"))["other_histories"] == []
    assert len(ok(run(USERS, "third", "migration_info"))["pending"]) == 2


def test_a_way_back_leaves_the_other_history_alone(run: Run, db: Database) -> None:
    ok(run(USERS, "a"))
    ok(run({**BILLS, **BACK}, "b"))
    back = ok(run({**BILLS, **BACK}, "b", state="rolled_back", target="0001", allow_rollback=True))
    assert [item["version"] for item in back["rolled_back"]] == ["0003", "0002"]
    assert db.value("SELECT to_regclass('public.pay') IS NULL AND to_regclass('public.users') IS NOT NULL")
    assert not ok(run(USERS, "a"))["changed"]
    assert [item["version"] for item in ok(run({**BILLS, **BACK}, "b"))["applied"]] == ["0002", "0003"]
    assert drift_of(run, USERS, "a") == drift_of(run, BILLS, "b") == []


@pytest.mark.parametrize("first, second", [("", "billing"), ("users", "billing"), ("billing-2", "")])
def test_changes_by_hand_are_told_to_whose_objects_they_are(run: Run, db: Database, first: str, second: str) -> None:
    ok(run(USERS, first))
    ok(run(BILLS, second))
    assert drift_of(run, USERS, first) == drift_of(run, BILLS, second) == []
    db.execute("ALTER TABLE public.users ADD by_hand int; DROP TABLE public.pay")
    assert drift_of(run, USERS, first) == ["column public.users.by_hand"]
    assert drift_of(run, BILLS, second) == ["column public.pay.id", "table public.pay"]
    # The run of one history keeps what is to be told to the other, and tells its own.
    later = {**USERS, "0003_view.sql": "CREATE VIEW v AS SELECT 1 AS n;"}
    warned = ok(run(later, first))["warnings"]
    assert [text for text in warned if "by_hand" in text] and not [text for text in warned if "pay" in text]
    assert drift_of(run, later, first) == []
    assert drift_of(run, BILLS, second) == ["column public.pay.id", "table public.pay"]
    db.execute("CREATE TABLE public.nobodys ()")
    assert "table public.nobodys" in drift_of(run, later, first) and "table public.nobodys" in drift_of(
        run, BILLS, second
    )


def test_the_lock_is_the_histories_own(run: Run, settings: ConnectionSettings) -> None:
    with connect(settings) as other, advisory_lock(other, "migrations", "a"):
        ok(run(USERS, "b", wait=0))
        ok(run(BILLS, "", wait=0))
        assert "holds the lock" in run(USERS, "a", wait=0)["msg"]


def test_tables_from_before_are_upgraded_by_the_first_named_run(run: Run, db: Database) -> None:
    ok(run(USERS))
    db.execute(OLD)
    assert not ok(run(USERS))["changed"] and drift_of(run, USERS) == []
    assert len(ok(run(BILLS, "billing", check_mode=True))["pending"]) == 3
    column = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'titan_ops.migration_history'::regclass AND attname = 'history'"
    assert db.value(column) == 0
    later = {**USERS, "0003_view.sql": "CREATE VIEW v AS SELECT 1 AS n;"}
    ok(run(later))  # the history without a name needs no upgrade
    assert db.value(column) == 0
    ok(run(BILLS, "billing"))
    assert drift_of(run, later) == drift_of(run, BILLS, "billing") == []
    db.execute("ALTER TABLE public.users ADD by_hand int")
    assert drift_of(run, BILLS, "billing") == [] and drift_of(run, later) == ["column public.users.by_hand"]


def test_a_role_that_may_not_upgrade_is_told_what_to_do(run: Run, db: Database) -> None:
    ok(run(USERS))
    db.execute(OLD)
    db.execute("CREATE ROLE plain_migrator LOGIN; GRANT plain_migrator TO CURRENT_USER")
    try:
        db.execute(
            "GRANT ALL ON SCHEMA public, titan_ops TO plain_migrator; GRANT ALL ON ALL TABLES IN SCHEMA titan_ops TO plain_migrator"
        )
        refused = run(BILLS, "billing", login_user="plain_migrator")
        assert refused["failed"] and "ADD COLUMN history" in refused["msg"]
    finally:
        db.execute("DROP OWNED BY plain_migrator; DROP ROLE plain_migrator")


@pytest.mark.parametrize("name", ["a b", "-x", "é", "../x", "x" * 64, "a\nb", "a'"])
def test_a_name_that_cannot_be_one_is_refused(run: Run, name: str) -> None:
    for module in ("migration", "migration_info"):
        assert "63 letters" in run(USERS, name, module)["msg"]


def test_adopted_and_baselined_within_a_history(run: Run, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{drill_programs()}:{os.environ['PATH']}")
    ok(run(USERS))
    db.execute("CREATE TABLE public.bills (id int); CREATE TABLE public.pay (id int)")
    taken = ok(run(BILLS, "billing", state="baselined"))
    assert [item["verdict"] for item in taken["baseline"]] == ["proven", "proven", "absent"]
    assert [item["version"] for item in ok(run(BILLS, "billing"))["applied"]] == ["0003"]
    db.execute("ALTER TABLE public.bills ADD by_hand int")
    assert drift_of(run, BILLS, "billing") == ["column public.bills.by_hand"] and drift_of(run, USERS) == []
    db.execute(
        "CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY); INSERT INTO public.schema_migrations VALUES ('0001')"
    )
    files = {"0001_t.sql": "-- migrate:up\nCREATE TABLE t ();\n", "0002_u.sql": "-- migrate:up\nCREATE TABLE u ();\n"}
    adopted = ok(run(files, "third", state="adopted", naming="dbmate", **{"from": "dbmate"}))
    assert [item["version"] for item in adopted["baseline"]] == ["0001"]
    assert [item["version"] for item in ok(run(files, "third", naming="dbmate"))["applied"]] == ["0002"]
    assert not ok(run(USERS))["changed"]


def test_whatever_step_fails_the_histories_stay_apart(run: Run, db: Database, settings: ConnectionSettings) -> None:
    """A named run that upgrades the tables, stopped at each of its steps; then both go on, and nothing is told to the wrong one."""
    ok(run(USERS))
    db.execute(OLD)
    names = steps_of(lambda: ok(run(BILLS, "billing")))
    assert {"migration.upgrade_history", "migration.upgrade_fingerprint", "migration.fingerprint"} <= set(names)
    for at in range(len(names)):
        db.execute("DROP SCHEMA titan_ops CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        ok(run(USERS))
        db.execute(OLD)
        seen: list[str] = []
        with observed(seen.append), observed(failing_at(at + 1)), contextlib.suppress(TitanError):
            run(BILLS, "billing")
        assert len(seen) > at
        assert not ok(run(USERS))["changed"]
        # Another run may come first: what the one that was stopped has made is not its own.
        ok(run({**USERS, "0003_view.sql": "CREATE VIEW v AS SELECT 1 AS n;"}))
        ok(run(BILLS, "billing"))
        applied = db.value(
            "SELECT count(*) FROM titan_ops.migration_history WHERE outcome = 'applied' AND history = 'billing'"
        )
        assert applied == 3, names[at]
        db.execute("ALTER TABLE public.bills ADD by_hand int; ALTER TABLE public.users ADD by_hand int")
        assert drift_of(run, BILLS, "billing") == ["column public.bills.by_hand"], names[at]
        assert "column public.bills.by_hand" not in drift_of(
            run, {**USERS, "0003_view.sql": "CREATE VIEW v AS SELECT 1 AS n;"}
        )


def test_health_compares_each_history_with_its_record(
    run: Run, settings: ConnectionSettings, tmp_path: Path, call_module: Any
) -> None:
    state = tmp_path / "state"
    config = tmp_path / "c.json"
    config.write_text(f'{{"environment": "t", "state_dir": "{state}"}}')
    record = str(state / "migrations.json")
    ok(run(USERS, record=record))
    ok(run(BILLS, "billing", record=record))
    assert not ok(run(USERS, record=record))["changed"] and not ok(run(BILLS, "billing", record=record))["changed"]

    def message(check: str) -> str:
        found = call_module("health_info", **login(settings), job_config=str(config))["checks"]
        return next(f"{each['status']} {each['message']}" for each in found if each["name"] == check)

    assert message("migrations_pending").startswith("ok") and "5" in message("migrations_pending")
    assert run({**BILLS, "0004_bad.sql": "SELECT 1 / 0;"}, "billing", record=record)["failed"]
    assert "billing: 0004" in message("migrations_pending")
