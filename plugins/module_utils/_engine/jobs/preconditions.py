# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May the job run here and now: on this server of a cluster, and after the job that it depends on."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Callable

from ..crontab.calendar import UTC, previous_run
from ..environment.config import Environment, JobPlan
from ..environment.records import Record, StateDirectory
from ..environment.results import JobResult
from ..errors import TitanError
from ..host.clock import host_zone
from ..postgres.clock import LARGEST_DIFFERENCE
from ..postgres.connection import ConnectionSettings
from ..postgres.database import connect

_POLL = 2.0
_POLICIES = 50  # of a run that the log of runs has the rows of


class BlockedError(TitanError):
    """The job that this one depends on has not done its part."""


def wrong_server(plan: JobPlan, environment: Environment, asked: Callable[[], bool]) -> str:
    """Why the job has nothing to do on this server; "" when it has.

    Args:
        asked: Whether the server says that it is the primary; called only where that matters.

    Raises:
        TitanError: nobody could say what this server is.
    """
    if plan.run_on == "any":
        return ""
    primary = _patroni_leads(environment.patroni_url) if environment.patroni_url else asked()
    if primary == (plan.run_on == "primary"):
        return ""
    return (
        f"this server is {'the primary' if primary else 'not the primary'}, and the job runs on the {plan.run_on} only"
    )


def is_primary(settings: ConnectionSettings | None) -> bool:
    """Whether the server is no standby; a job without a database works everywhere.

    Raises:
        DatabaseError: it cannot be asked.
    """
    if settings is None:
        return True
    with connect(settings, "run_on") as database:
        return not database.in_recovery()


def _patroni_leads(url: str) -> bool:
    """Whether Patroni's GET /primary answers 200: only the holder of the leader lock does."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url.rstrip("/") + "/primary", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return False
        raise TitanError(f"Patroni at {url} answers {error.code}: the leader is unknown.") from error
    except (OSError, ValueError) as error:
        raise TitanError(f"Patroni at {url} does not answer: the leader is unknown.") from error


def wait_for_dependency(
    plan: JobPlan,
    environment: Environment,
    state: StateDirectory,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the job named in ``after`` has succeeded since it was last due.

    Raises:
        BlockedError: it has not, and does not run; or it still runs when the waiting time is over.
    """
    if not plan.after:
        return
    first = environment.job(plan.after, plan.after)
    deadline = time.monotonic() + plan.wait
    logged = False
    while state.running(first.name):
        if time.monotonic() > deadline:
            raise BlockedError(
                f"Not started: the job {first.name!r} has been running for longer than this job waits ({plan.wait:.0f} s)."
            )
        if not logged:
            log(f"waiting for the job {first.name!r}, which is running")
            logged = True
        sleep(_POLL)
    reason = unfulfilled(first, state.record(first.name), datetime.now(UTC))
    if reason:
        raise BlockedError(f"Not started: {reason}. Fix the job {first.name!r} and run it, then start this one again.")


def unfulfilled(first: JobPlan, record: Record, now: datetime) -> str:
    """What is missing of the other job's success; "" when nothing is."""
    if not record.last_success:
        return f"the job {first.name!r} has never succeeded"
    if record.last_success - now.timestamp() > LARGEST_DIFFERENCE:
        return f"the newest success of the job {first.name!r} is dated in the future: this host's clock was wrong then, or is now"
    due = previous_run(first.expression, now, host_zone()[0], first.weekday) if first.expression else None
    if due and record.last_success < due.utc.timestamp() - 60:
        return f"the job {first.name!r} has not succeeded since it was due at {due.utc:%Y-%m-%d %H:%M} UTC"
    if first.subcommand == "backup" and record.result.get("titan_db_backup_verified_level", 2.0) < 1:
        return f"the newest backup of the job {first.name!r} is not verified"
    return ""


def result_numbers(subcommand: str, data: JobResult) -> dict[str, float]:
    """The numbers of a job's result that become metrics."""
    found: dict[str, float] = {}
    backup = data.get("backup")
    if subcommand == "backup" and isinstance(backup, dict):
        verified = backup.get("verified")
        level = str(verified.get("level") if isinstance(verified, dict) else backup.get("verified_level", "none"))
        found["titan_db_backup_size_bytes"] = float(backup.get("size") or 0)
        found["titan_db_backup_verified_level"] = {"checksum": 1.0, "restored": 2.0}.get(level, 0.0)
        found["titan_db_backup_finished_timestamp_seconds"] = time.time()
    results = data.get("results")
    if subcommand == "cleanup" and isinstance(results, list):
        found["titan_db_retention_deleted_rows"] = float(sum(int(each.get("deleted") or 0) for each in results))
        found["titan_db_retention_complete"] = float(data.get("state", "done") == "done")
    return found


def rows_by_policy(subcommand: str, data: JobResult) -> dict[str, list[int]]:
    """The rows of each policy of a clean-up, for the log of runs: those that were due, and those that were deleted or marked."""
    results = data.get("results")
    if subcommand != "cleanup" or not isinstance(results, list):
        return {}
    return {
        str(each.get("policy"))[:100]: [
            int(each.get("due") or 0),
            int(each.get("deleted") or 0) + int(each.get("marked") or 0),
        ]
        for each in results[:_POLICIES]
    }
