# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is news of a failure, and what somebody has heard of already. Pure.

A job's record keeps what was last told of it as ``{"state", "reason", "sent", "heard"}``: the state is "failed" when it
sent a message of its own, and "covered" when the message of another job had said enough; sent is the time of that in
seconds since 1970, and heard whether any channel took it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Alert = Mapping[str, Any]

FAILED, COVERED = "failed", "covered"
# A nightly job ends some minutes sooner or later: what is to be repeated each 24 h must not be told each second night,
# and health must not remind of a job before the job had its chance to.
_SOON, _LATE = 0.95, 1.05


def heard(alert: Alert) -> bool:
    """Whether the job's own message arrived somewhere."""
    return alert.get("state") == FAILED and bool(alert.get("heard", True))


def is_news(alert: Alert, reasons: Sequence[str], now: float, repeat: float) -> bool:
    """Whether a failure for the reasons has to be told: it was not, or not for all of them, or long enough ago."""
    if not heard(alert) or now - float(alert.get("sent", 0)) >= repeat * _SOON:
        return True
    return not set(reasons) <= set(str(alert.get("reason", "")).split(","))


def needs_reminder(alert: Alert, now: float, repeat: float) -> bool:
    """Whether health has to speak of the failed job whose alert this is."""
    known = heard(alert) or alert.get("state") == COVERED
    return not known or now - float(alert.get("sent", 0)) >= repeat * _LATE


def reason_of(message: str) -> str:
    """What makes two failures of a job the same: the message without its numbers (and commas, which separate reasons)."""
    return re.sub(r"\d+", "#", message).replace(",", ";")[:300]


def findings(checks: Sequence[Mapping[str, Any]], unheard_jobs: Sequence[str]) -> tuple[list[str], str]:
    """What health has to tell: its reasons (none: nothing), and the headline; jobs that were heard of are left out."""
    shown = [each for each in checks if each["status"] != "ok" and (each["name"] != "jobs_failed" or unheard_jobs)]
    bad = [str(each["name"]) for each in shown if each["status"] in ("critical", "unknown")]
    reasons = [name for name in bad if name != "jobs_failed"]
    if "jobs_failed" in bad:
        reasons += [f"jobs_failed:{name}" for name in unheard_jobs]
    worst = "critical" if any(each["status"] == "critical" for each in shown) else "unknown"
    return reasons, f"{worst}: {', '.join(str(each['name']) for each in shown)}"
