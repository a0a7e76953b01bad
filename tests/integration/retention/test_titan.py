"""The plain job on Titan's data: rows due by independent SQL are the rows that go."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, load_titan, login

COUNTS = """
    SELECT (SELECT count(*) FROM public.audit_logs WHERE created_at < %(at)s::timestamptz - interval '90 days') AS audit,
           (SELECT count(*) FROM public.system_logs WHERE created_at < %(at)s::timestamptz - interval '30 days'
                AND upper(level) IN ('DEBUG', 'INFO')) AS routine,
           (SELECT count(*) FROM public.system_logs WHERE created_at < %(at)s::timestamptz - interval '180 days'
                AND upper(level) IN ('WARN', 'ERROR', 'FATAL')) AS problems,
           (SELECT count(*) FROM public.notifications WHERE created_at < %(at)s::timestamptz - interval '60 days' AND is_read) AS notes,
           (SELECT count(*) FROM public.user_sessions WHERE expires_at < %(at)s::timestamptz) AS sessions
"""
NAMES = {"audit": "audit logs", "routine": "system logs, routine", "problems": "system logs, problems",
         "notes": "read notifications", "sessions": "expired sessions"}  # fmt: skip


def independent(settings: Any, at: str) -> dict[str, int]:
    with connect(settings) as database:
        return database.row(COUNTS, {"at": at}) or {}


def kept(settings: Any, at: str) -> dict[str, str]:
    """A fingerprint of all rows that no rule lets go."""
    with connect(settings) as database:
        row = database.row(
            """
            SELECT (SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM public.audit_logs a
                     WHERE created_at >= %(at)s::timestamptz - interval '90 days' OR created_at IS NULL) AS audit,
                   (SELECT md5(string_agg(s::text, '' ORDER BY id)) FROM public.system_logs s
                     WHERE NOT (created_at < %(at)s::timestamptz - interval '30 days' AND lower(level) IN ('debug', 'info'))
                       AND NOT (created_at < %(at)s::timestamptz - interval '180 days' AND lower(level) IN ('warn', 'error', 'fatal'))) AS logs,
                   (SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM public.notifications n
                     WHERE NOT (created_at < %(at)s::timestamptz - interval '60 days' AND is_read)) AS notes,
                   (SELECT md5(string_agg(u::text, '' ORDER BY id)) FROM public.user_sessions u
                     WHERE NOT expires_at < %(at)s::timestamptz) AS sessions,
                   (SELECT count(*) FROM public.orders)::text AS orders
            """,
            {"at": at},
        )
    return row or {}


def due_by_name(result: dict[str, Any]) -> dict[str, int]:
    return {one["policy"]: one["due"] for one in result["results"]}


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_rows_due_are_rows_gone(server: Any, call_module: Any, titan_rules: Any, freely: Any, case: str) -> None:
    settings = load_titan(server, 0.5, levelcase=case)
    try:
        stored = call_module("retention_policy", policies=titan_rules, **login(settings))
        assert stored["changed"] and len(stored["policies"]) == 5

        planned = call_module("cleanup", check_mode=True, **freely, **login(settings))
        assert planned["state"] == "planned" and planned["changed"]
        expected = independent(settings, planned["clock"])
        assert due_by_name(planned) == {NAMES[key]: rows for key, rows in expected.items()}
        assert min(expected.values()) > 100
        assert independent(settings, planned["clock"]) == expected, "check mode deleted something"

        result = call_module("cleanup", **freely, **login(settings))
        assert result["changed"] and result["state"] == "done"
        assert all(one["deleted"] == one["due"] and one["left"] == 0 for one in result["results"])
        assert due_by_name(result) == due_by_name(planned)
        assert set(independent(settings, result["clock"]).values()) == {0}
        assert {one["table"] for one in result["vacuumed"]} == {
            "public.audit_logs", "public.system_logs", "public.notifications", "public.user_sessions"}  # fmt: skip

        again = call_module("cleanup", **freely, **login(settings))
        assert not again["changed"]
        assert sum(one["deleted"] for one in again["results"]) == 0
    finally:
        drop_database(server, settings.database)


def test_nothing_else_is_touched(titan: Any, call_module: Any, titan_rules: Any, freely: Any) -> None:
    call_module("retention_policy", policies=titan_rules, **login(titan))
    clock = call_module("cleanup", check_mode=True, **freely, **login(titan))["clock"]
    before = kept(titan, clock)
    call_module("cleanup", **freely, **login(titan))
    assert kept(titan, clock) == before


def test_check_mode_writes_nothing(titan: Any, call_module: Any, titan_rules: Any, freely: Any) -> None:
    predicted = call_module("retention_policy", check_mode=True, policies=titan_rules, **login(titan))
    assert predicted["changed"] and "audit_logs" in predicted["diff"]["after"]
    with connect(titan) as database:
        assert database.value("SELECT to_regnamespace('titan_ops') IS NULL")
    without = call_module("cleanup", check_mode=True, **freely, **login(titan))
    assert not without["changed"] and without["results"] == []

    done = call_module("retention_policy", policies=titan_rules, **login(titan))
    assert done["diff"] == predicted["diff"]
    again = call_module("retention_policy", policies=titan_rules, **login(titan))
    assert not again["changed"] and again["diff"]["before"] == again["diff"]["after"]


def test_a_changed_number_is_one_changed_line(titan: Any, call_module: Any, titan_rules: Any) -> None:
    call_module("retention_policy", policies=titan_rules, **login(titan))
    shorter = [{**rule, "keep": "45 days"} if rule["name"] == "audit logs" else rule for rule in titan_rules]
    result = call_module("retention_policy", policies=shorter, **login(titan))
    assert result["changed"]
    gone, new = set(result["diff"]["before"].splitlines()), set(result["diff"]["after"].splitlines())
    assert gone - new == {"audit logs: public.audit_logs.created_at keep 90 days"}
    assert new - gone == {"audit logs: public.audit_logs.created_at keep 45 days"}
    with connect(titan) as database:
        assert (
            database.value("SELECT keep::text FROM titan_ops.retention_policy WHERE name = 'audit logs'") == "45 days"
        )
        call_module("retention_policy", policies=[], **login(titan))
        assert database.value("SELECT count(*) FROM titan_ops.retention_policy") == 0


def test_boundary_is_strictly_older(
    settings: Any, user_sql: Any, call_module: Any, freely: Any, monkeypatch: Any
) -> None:
    """A row at the cut-off stays; one microsecond older goes."""
    user_sql.execute("CREATE TABLE t (id int, at timestamptz)")
    call_module(
        "retention_policy",
        policies=[{"table": "t", "column": "at", "keep": "1 day", "never_values": "delete"}],
        **login(settings),
    )
    cut = call_module("cleanup", check_mode=True, **freely, **login(settings))["results"][0]["cutoff"]
    from ansible_collections.titan.database.plugins.module_utils._engine.retention.plan import plan

    monkeypatch.setattr(plan, "cutoff", lambda *arguments: cut)
    user_sql.execute(
        "INSERT INTO t VALUES (1, %s), (2, %s::timestamptz - interval '1 microsecond'), (3, NULL), (4, '-infinity'), (5, 'infinity')",
        (cut, cut),
    )
    result = call_module("cleanup", **freely, **login(settings))
    user_sql.execute("SELECT id FROM t ORDER BY id")
    assert [row[0] for row in user_sql.fetchall()] == [1, 3, 5]
    assert result["results"][0]["null_times"] == 1
    assert any("never due" in sentence for sentence in result["findings"])
