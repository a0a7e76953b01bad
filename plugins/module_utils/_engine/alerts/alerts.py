# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures a message is due for. Pure.

A job's record keeps its last alert: the state is "failed" when the job sent a message of its own, and "covered" when the
message of another job covered the failure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..environment.records import Alert
from ..environment.results import CheckRow

FAILED, COVERED = "failed", "covered"
# A nightly job ends some minutes sooner or later: what is to be repeated each 24 h must not be sent each second night,
# and health must not remind of a job before the job had its chance to.
_SOON, _LATE = 0.95, 1.05
_CLOCKS_APART = 300.0  # seconds


def delivered(alert: Alert) -> bool:
    """Whether any channel took the job's own message."""
    return alert.state == FAILED and alert.delivered


def is_new(alert: Alert, reasons: Sequence[str], now: float, repeat: float) -> bool:
    """Whether a failure for the reasons needs a message: none was delivered, or not for all of them, or it is older than repeat."""
    if not delivered(alert) or _is_older(alert, now, repeat * _SOON):
        return True
    return not set(reasons) <= set(alert.reason.split(","))


def needs_reminder(alert: Alert, now: float, repeat: float) -> bool:
    """Whether health has to report the failed job whose alert this is."""
    is_known = delivered(alert) or alert.state == COVERED
    return not is_known or _is_older(alert, now, repeat * _LATE)


def _is_older(alert: Alert, now: float, seconds: float) -> bool:
    """Whether the message is older than that; of one that is dated in the future, the clock having been wrong, nobody knows."""
    return now - alert.sent >= seconds or alert.sent - now > _CLOCKS_APART


def reason_of(message: str) -> str:
    """What makes two failures of a job the same: the message without its numbers (and commas, which separate reasons)."""
    return re.sub(r"\d+", "#", message).replace(",", ";")[:300]


def findings(checks: Sequence[CheckRow], unreported_jobs: Sequence[str]) -> tuple[list[str], str]:
    """The reasons for a message of health (none: no message), and its headline; jobs whose message was delivered are left out."""
    shown = [each for each in checks if each["status"] != "ok" and (each["name"] != "jobs_failed" or unreported_jobs)]
    bad = [each["name"] for each in shown if each["status"] in ("critical", "unknown")]
    reasons = [name for name in bad if name != "jobs_failed"]
    if "jobs_failed" in bad:
        reasons += [f"jobs_failed:{name}" for name in unreported_jobs]
    worst = "critical" if any(each["status"] == "critical" for each in shown) else "unknown"
    return reasons, f"{worst}: {', '.join(str(each['name']) for each in shown)}"
