"""What is told of a failure, and what is left out because somebody has heard of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.alerts import (
    findings,
    is_news,
    needs_reminder,
    reason_of,
)

HOUR, DAY = 3600.0, 86400.0
TOLD = {"state": "failed", "reason": "disk,jobs_failed:backup", "sent": 0.0, "heard": True}


@pytest.mark.parametrize(
    ("alert", "reasons", "after", "news"),
    [
        ({}, ["disk"], 1, True),
        (TOLD, ["disk"], HOUR, False),
        (TOLD, ["disk", "jobs_failed:backup"], HOUR, False),
        (TOLD, ["disk", "bloat"], HOUR, True),
        (TOLD, ["jobs_failed:cleanup"], HOUR, True),
        (TOLD, ["disk"], DAY - 300, True),
        ({**TOLD, "heard": False}, ["disk"], 1, True),
        ({**TOLD, "state": "covered"}, ["disk"], 1, True),
        ({key: TOLD[key] for key in ("state", "reason", "sent")}, ["disk"], 1, False),
    ],
)
def test_news_is_what_nobody_has_heard(alert: dict[str, Any], reasons: list[str], after: float, news: bool) -> None:
    assert is_news(alert, reasons, after, DAY) == news


@pytest.mark.parametrize(
    ("alert", "after", "needed"),
    [
        ({}, 1, True),
        (TOLD, 1, False),
        (TOLD, DAY + 600, False),
        (TOLD, DAY + 2 * HOUR, True),
        ({**TOLD, "heard": False}, 1, True),
        ({**TOLD, "state": "covered"}, 1, False),
        ({**TOLD, "state": "covered"}, DAY + 2 * HOUR, True),
    ],
)
def test_health_speaks_of_a_job_that_was_not_heard_or_long_ago(
    alert: dict[str, Any], after: float, needed: bool
) -> None:
    assert needs_reminder(alert, after, DAY) == needed


def check(name: str, status: str) -> dict[str, Any]:
    return {"name": name, "status": status}


@pytest.mark.parametrize(
    ("checks", "unheard", "reasons", "headline"),
    [
        ([check("jobs_failed", "critical"), check("bloat", "ok")], [], [], "unknown: "),
        ([check("jobs_failed", "critical")], ["a", "b"], ["jobs_failed:a", "jobs_failed:b"], "critical: jobs_failed"),
        ([check("jobs_failed", "critical"), check("disk", "critical")], [], ["disk"], "critical: disk"),
        ([check("jobs_failed", "critical"), check("x", "unknown"), check("y", "warning")], [], ["x"], "unknown: x, y"),
        ([check("jobs_failed", "warning"), check("disk", "critical")], ["a"], ["disk"], "critical: jobs_failed, disk"),
    ],
)
def test_only_what_was_not_heard_is_a_reason(
    checks: list[dict[str, Any]], unheard: list[str], reasons: list[str], headline: str
) -> None:
    assert findings(checks, unheard) == (reasons, headline)


def test_numbers_make_no_other_reason_and_commas_no_second_one() -> None:
    assert reason_of("port 5433, pid 17") == reason_of("port 5432, pid 4") == "port #; pid #"
