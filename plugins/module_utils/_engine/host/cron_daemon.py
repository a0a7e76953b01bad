# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything starts the lines of the crontabs, and since when this host runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .programs import run

DEBIAN_CRON, _CRONIE = "/usr/sbin/cron", "/usr/sbin/crond"
_DAEMONS = ("cron", "crond", "cronie", "anacron", "bcron-sched", "fcron")
# systemd-cron has no daemon: it makes timers of the lines, which a target of systemd starts.
_GENERATOR = "/lib/systemd/system-generators/systemd-crontab-generator"
_IS_TARGET_ACTIVE = ("systemctl", "is-active", "--quiet", "cron.target")
_INACTIVE = 3  # of systemctl(1), is-active
_STOPPED = ("T", "t", "Z", "X")  # of proc(5), status: by a signal, by a tracer, ended


class Starter(NamedTuple):
    """What starts the jobs.

    Attributes:
        booted: When this host was started, in seconds since 1970; 0 where that is not shown.
        cron: Whether a cron daemon runs; None where that is not seen.
    """

    booted: float
    cron: bool | None


def this_host() -> Starter:
    """As it is now."""
    return Starter(started_at(), cron_running())


def cron_running(
    processes: str = "/proc", generator: str = _GENERATOR, is_target_active: Sequence[str] = _IS_TARGET_ACTIVE
) -> bool | None:
    """Whether a cron daemon of this host runs, or systemd starts the lines; None when this user is not shown it.

    One that a signal has stopped does not, nor does one inside a container, nor another user's program of that name.
    """
    if not os.path.isdir(os.path.join(processes, "1")):
        return None
    if any(status["State"][:1] not in _STOPPED for _number, status in _daemons(processes)):
        return True
    return _target_active(is_target_active) if os.path.exists(generator) else False


def _target_active(ask: Sequence[str]) -> bool | None:
    try:
        status = run(list(ask), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except OSError:
        return None
    return {0: True, _INACTIVE: False}.get(status)


def number_of_daemon() -> str:
    """The process of this host's cron daemon; "" where none is found."""
    return next((number for number, _status in _daemons("/proc")), "")


def _daemons(processes: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Number and status of each cron daemon that is root's and not in a container."""
    try:
        numbers = [name for name in os.listdir(processes) if name.isdigit()]
    except OSError:
        return
    for number in numbers:
        try:
            with open(os.path.join(processes, number, "status"), encoding="utf-8", errors="replace") as stream:
                status = {name: value.strip() for name, _colon, value in (line.partition(":") for line in stream)}
        except OSError:
            continue
        is_roots = status.get("Uid", "0").split()[:1] == ["0"]
        if status.get("Name") in _DAEMONS and is_roots and len(status.get("NSpid", "").split()) < 2:
            yield number, {"State": "", **status}


def cron_services(cron: str = DEBIAN_CRON, cronie: str = _CRONIE, generator: str = _GENERATOR) -> tuple[str, ...]:
    """The names that the policy of this host's cron may have; none where systemd-cron starts the lines, which asks nobody.

    A package that was removed leaves its policy behind, so the program decides. Debian's cronie has another name than Red Hat's.
    """
    if os.path.exists(cronie):
        return ("cronie", "crond", "cron")
    return () if os.path.exists(generator) and not os.path.exists(cron) else ("cron",)


def started_at(statistics: str = "/proc/stat") -> float:
    """When the host was started (proc(5), stat, btime), in seconds since 1970; 0 where that is not shown."""
    try:
        with open(statistics, encoding="ascii", errors="replace") as stream:
            return next((float(line.split()[1]) for line in stream if line.startswith("btime ")), 0.0)
    except (OSError, ValueError, IndexError):
        return 0.0
