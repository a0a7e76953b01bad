# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered between runs: one record for each job, small histories, and the log of runs."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..errors import TitanError
from ..host.act_as import closed_by
from ..host.files import make_directories, published
from ..host.safe_open import UnsafePathError, open_file, read_file
from ..text.json_kinds import are_like, parsed
from .runs_log import RUNS, RunEntry, add_run, runs_since

PAGE = "report.html"  # the page of the newest scheduled report, beside the records


@dataclass(frozen=True)
class Alert:
    """The last message about a job's failure.

    Attributes:
        state: "failed" (a message of its own), "covered" (another job's message covered it), or "" for none.
        reason: Reasons, separated by commas.
        sent: When, in seconds since 1970.
        delivered: Whether any channel took it.
    """

    state: str = ""
    reason: str = ""
    sent: float = 0.0
    delivered: bool = True


@dataclass(frozen=True)
class Undelivered:
    """How many messages no channel took, when the last one was, and what went wrong with it."""

    failed_total: int = 0
    last: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Record:
    """The last runs of one job; times are seconds since 1970, 0 for never.

    Attributes:
        name: The job.
        run_id, pid, last_start: Of the newest start.
        line: The process of the crontab's line that started it (jobs.lines.identity); "" for one started by hand.
        last_end: 0 while it runs (or when it was killed with the machine).
        last_success: Start time of the newest run that succeeded.
        last_success_end: When that run ended.
        exit_status, duration, message: Of the newest ended run.
        failures: Failed runs in a row.
        timeout: Its time limit in seconds.
        result: Numbers of the newest success (backup_size_bytes, rows_deleted ...).
        alert: Its last message.
        runs_total, failures_total: Counters.
    """

    name: str
    run_id: str = ""
    pid: int = 0
    last_start: float = 0.0
    line: str = ""
    last_end: float = 0.0
    last_success: float = 0.0
    last_success_end: float = 0.0
    exit_status: int = 0
    duration: float = 0.0
    message: str = ""
    failures: int = 0
    timeout: float = 0.0
    result: dict[str, float] = field(default_factory=dict)
    alert: Alert = Alert()
    runs_total: int = 0
    failures_total: int = 0

    @property
    def failed(self) -> bool:
        """Whether the newest ended run failed."""
        return bool(self.last_end and self.exit_status)

    def interrupted(self, running: bool) -> bool:
        """Whether the newest run ended without a record of its end; running: whether the job's lock is held."""
        return bool(self.last_start and not running and not self.last_end)


# An example of what is written, by which a damaged file is told.
_RECORD = {name: value for name, value in asdict(Record("")).items() if name != "alert"}


def owner_of(path: str) -> str:
    """The name of the user who owns a file, or the number where nobody has it."""
    number = os.stat(path).st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


class StateDirectory:
    """The state directory of one environment; private (0700), made when first written."""

    def __init__(self, path: str) -> None:
        self.path = path

    def ours(self) -> bool:
        """Whether it is there and belongs to this user: somebody else who only looks leaves nothing in it."""
        return os.path.isdir(self.path) and os.stat(self.path).st_uid == os.geteuid()

    def prepare(self) -> None:
        """Make the directory.

        Raises:
            TitanError: it belongs to somebody else, whose next job could not read what this user would write there.
        """
        name = self.hidden_by()
        if not name:
            make_directories(self.path, 0o700)
            name = "" if self.ours() else owner_of(self.path)
        if name:
            raise TitanError(
                f"These jobs run as the user {name!r}, whose records are in {self.path}. Run it as {name}: "
                f"sudo -u {name} titan-db ... (or without the job's record: --by-hand)."
            )

    def hidden_by(self) -> str:
        """The user whose records they are, when this user may not read them; empty when it may, or there are none.

        Where it cannot be seen whether there are any, they are those of the user whose directory is closed.
        """
        if os.path.isdir(self.path):
            return "" if os.access(self.path, os.R_OK | os.X_OK) else owner_of(self.path)
        return closed_by(self.path)

    def path_of(self, name: str) -> str:
        return os.path.join(self.path, name)

    def lock_path(self, job: str) -> str:
        return self.path_of(f"{job}.lock")

    def record(self, job: str) -> Record:
        """The record of a job; an empty one if there is none, or if it was damaged."""
        data = self._record_of(job)[0]
        return Record(**{**_known(Record, data), "name": job, "alert": Alert(**_known(Alert, data.get("alert", {})))})

    def _record_of(self, job: str) -> tuple[dict[str, Any], str]:
        """What the file of a job's record holds, and what is wrong with it."""
        data, why = self._read(f"{job}.json")
        alert = data.get("alert", {})
        fits = isinstance(alert, dict) and are_like(data, _RECORD) and are_like(alert, asdict(Alert()))
        return (data, why) if fits else ({}, "is damaged")

    def ahead(self, jobs: Iterable[str], now: float) -> tuple[float, str]:
        """By how many seconds the newest record of the jobs is dated after now, and whose it is; 0 and "" if none is."""
        records = [self.record(job) for job in jobs]
        return max([(0.0, ""), *((max(each.last_start, each.last_end) - now, each.name) for each in records)])

    def save(self, record: Record) -> None:
        self.write(f"{record.name}.json", asdict(record))

    def restore(self, record: Record) -> None:
        """Put a job's record back as it was before a run; one that was not there is removed."""
        if record.last_start or record.last_end:
            self.save(record)
            return
        with suppress(FileNotFoundError):
            os.unlink(self.path_of(f"{record.name}.json"))

    def undelivered(self) -> Undelivered:
        """The count of messages that could not be delivered."""
        data = self.read("notify.json")
        return Undelivered(**_known(Undelivered, data)) if are_like(data, asdict(Undelivered())) else Undelivered()

    def add_undelivered(self, problems: Sequence[str], now: float) -> None:
        """Count one message for each problem."""
        total = self.undelivered().failed_total + len(problems)
        self.write("notify.json", asdict(Undelivered(total, now, problems[0])))

    def running(self, job: str) -> bool:
        """Whether a run of the job holds its lock."""
        try:
            descriptor = open_file(self.lock_path(job), os.O_RDWR)
        except (OSError, UnsafePathError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read(self, name: str) -> dict[str, Any]:
        """A JSON object; an empty one when it is missing or damaged."""
        return self._read(name)[0]

    def damaged(self, job: str) -> str:
        """What is wrong with the record of a job, as the end of a sentence; empty if nothing is, or there is none."""
        return self._record_of(job)[1]

    def _read(self, name: str) -> tuple[dict[str, Any], str]:
        try:
            data = parsed(read_file(os.path.join(self.path, name)))
        except FileNotFoundError:
            return {}, ""
        except UnsafePathError as error:
            return {}, error.why
        except OSError as error:
            return {}, f"cannot be read ({error.strerror})"
        except ValueError:
            return {}, "is damaged"
        return (data, "") if isinstance(data, dict) else ({}, "is damaged")

    def write(self, name: str, data: Mapping[str, object]) -> None:
        self.prepare()
        with published(os.path.join(self.path, name), 0o600, label="state") as stream:
            stream.write(json.dumps(data, indent=1, sort_keys=True).encode() + b"\n")

    def add_run(self, entry: RunEntry) -> None:
        """Append one line to the log of runs; the oldest lines go."""
        self.prepare()
        add_run(self.path_of(RUNS), entry)

    def runs(self, since: float) -> list[RunEntry]:
        """The ended runs that started at or after the moment."""
        return runs_since(self.path_of(RUNS), since)


def _known(kind: type, data: Mapping[str, object]) -> dict[str, Any]:
    """The values that belong to fields of the dataclass kind: a newer or older version may have written others."""
    names = {each.name for each in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
