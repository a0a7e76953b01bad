# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything starts the lines of the crontabs, and since when this host runs."""

from __future__ import annotations

import os
from typing import NamedTuple

_DAEMONS = ("cron", "crond", "cronie", "anacron", "systemd-cron", "bcron-sched", "fcron")


class Starter(NamedTuple):
    """What starts the jobs.

    Attributes:
        booted: When this host was started, in seconds since 1970; 0 where that is not shown.
        cron: Whether a cron daemon runs; None where the processes of others are not shown.
    """

    booted: float
    cron: bool | None


def this_host() -> Starter:
    """As it is now."""
    return Starter(started_at(), cron_running())


def cron_running(processes: str = "/proc") -> bool | None:
    """Whether a cron daemon runs; None when this user does not see the processes of others."""
    try:
        numbers = [name for name in os.listdir(processes) if name.isdigit()]
    except OSError:
        return None
    if "1" not in numbers:
        return None
    for number in numbers:
        try:
            with open(os.path.join(processes, number, "comm"), encoding="utf-8", errors="replace") as stream:
                if stream.read().strip() in _DAEMONS:
                    return True
        except OSError:
            continue
    return False


def started_at(statistics: str = "/proc/stat") -> float:
    """When the host was started (proc(5), stat, btime), in seconds since 1970; 0 where that is not shown."""
    try:
        with open(statistics, encoding="ascii", errors="replace") as stream:
            return next((float(line.split()[1]) for line in stream if line.startswith("btime ")), 0.0)
    except (OSError, ValueError, IndexError):
        return 0.0
