"""Which failures are sent, and which are left out because a message was delivered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.alerts import (
    findings,
    is_new,
    needs_reminder,
    reason_of,
)
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.channels import channels, check_channels
from ansible_collections.titan.database.plugins.module_utils._engine.environment.records import Alert
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError

HOUR, DAY = 3600.0, 86400.0
SENT = Alert("failed", "disk,jobs_failed:backup", 0.0)


@pytest.mark.parametrize(
    ("alert", "reasons", "after", "news"),
    [
        (Alert(), ["disk"], 1, True),
        (SENT, ["disk"], HOUR, False),
        (SENT, ["disk", "jobs_failed:backup"], HOUR, False),
        (SENT, ["disk", "bloat"], HOUR, True),
        (SENT, ["jobs_failed:cleanup"], HOUR, True),
        (SENT, ["disk"], DAY - 300, True),
        (replace(SENT, delivered=False), ["disk"], 1, True),
        (replace(SENT, state="covered"), ["disk"], 1, True),
    ],
)
def test_a_failure_without_a_delivered_message_is_new(
    alert: Alert, reasons: list[str], after: float, news: bool
) -> None:
    assert is_new(alert, reasons, after, DAY) == news


@pytest.mark.parametrize(
    ("alert", "after", "needed"),
    [
        (Alert(), 1, True),
        (SENT, 1, False),
        (SENT, DAY + 600, False),
        (SENT, DAY + 2 * HOUR, True),
        (replace(SENT, delivered=False), 1, True),
        (replace(SENT, state="covered"), 1, False),
        (replace(SENT, state="covered"), DAY + 2 * HOUR, True),
    ],
)
def test_health_reports_a_job_without_a_recent_message(alert: Alert, after: float, needed: bool) -> None:
    assert needs_reminder(alert, after, DAY) == needed


def check(name: str, status: str) -> dict[str, Any]:
    return {"name": name, "status": status}


@pytest.mark.parametrize(
    ("checks", "unreported", "reasons", "headline"),
    [
        ([check("jobs_failed", "critical"), check("bloat", "ok")], [], [], "unknown: "),
        ([check("jobs_failed", "critical")], ["a", "b"], ["jobs_failed:a", "jobs_failed:b"], "critical: jobs_failed"),
        ([check("jobs_failed", "critical"), check("disk", "critical")], [], ["disk"], "critical: disk"),
        ([check("jobs_failed", "critical"), check("x", "unknown"), check("y", "warning")], [], ["x"], "unknown: x, y"),
        ([check("jobs_failed", "warning"), check("disk", "critical")], ["a"], ["disk"], "critical: jobs_failed, disk"),
    ],
)
def test_only_what_was_not_delivered_is_a_reason(
    checks: list[dict[str, Any]], unreported: list[str], reasons: list[str], headline: str
) -> None:
    assert findings(checks, unreported) == (reasons, headline)


def test_numbers_make_no_other_reason_and_commas_no_second_one() -> None:
    assert reason_of("port 5433, pid 17") == reason_of("port 5432, pid 4") == "port #; pid #"


def test_every_channel_that_cannot_work_is_named_without_its_address() -> None:
    known = channels(
        {"TITAN_DB_NOTIFY_URLS": "http://[SECRET ftp://SECRET@h http://127.0.0.1/fine https://user:p/SECRET@h/"}
    )
    with pytest.raises(OptionError) as refused:
        check_channels(known, {})
    said = refused.value.message
    assert "SECRET" not in said and "webhook 1:" in said and "ftp 2:" in said and "webhook 3" not in said
