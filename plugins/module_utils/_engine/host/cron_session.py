# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Be the jobs' user as cron is before it starts a job: in its service's view of files and network, under its limits and PAM's.

What pam_limits says (``ubuntu hard fsize 1``), and the variables of /etc/environment, a job gets from the session that cron opens.
"""

from __future__ import annotations

import ctypes
import glob
import os
import pwd
import resource
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timezone

from .account import enter_session
from .cron_daemon import cron_services, number_of_daemon

# Where pam_limits and pam_env read: without a line in them a session gives a job nothing that cron itself has not.
_SETTINGS = (
    "/etc/security/limits.conf",
    "/etc/security/limits.d/*.conf",
    "/etc/environment",
    "/etc/security/pam_env.conf",
)
_VIEWS = {"mnt": 0x00020000, "net": 0x40000000}  # CLONE_NEWNS, CLONE_NEWNET of setns(2)
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
_DAY = 86400  # seconds
_OF_CRON = ("HOME", "LOGNAME", "PATH", "SHELL")  # set by cron itself, whatever the session says
_given: dict[str, str] = {}


def become_as_cron(user: str) -> str:
    """Let this process, which is root's, be the user for good, as cron's jobs are.

    Where no daemon of this host is found, only the user changes.

    Returns:
        Why PAM refuses the session to the user, or will refuse it tomorrow; empty if it does not, or was not asked.
    """
    number = number_of_daemon()
    why = (_enter(number, user) or expires(user, int(time.time() // _DAY) + 1)) if number else ""
    become(user)
    return why


def become(user: str) -> None:
    """Let this process, which is root's, be the user for good."""
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ.pop("TMPDIR", None)
    os.environ.update({"USER": user, **_given, "HOME": entry.pw_dir, "LOGNAME": user, "SHELL": entry.pw_shell})


def expires(user: str, day: int, shadow: str = "/etc/shadow") -> str:
    """What of the user's account will have expired on a day, counted since 1970, by shadow(5); empty for nothing, or where it is not said."""
    with suppress(OSError, ValueError), open(shadow, encoding="utf-8", errors="replace") as stream:
        words = next((line.strip().split(":") for line in stream if line.startswith(f"{user}:")), [""] * 9)
        changed, longest, end = (int(words[number] or -1) for number in (2, 4, 7))
        if 0 <= end <= day:
            return f"the account expires on {_date(end)}"
        if changed > 0 and longest >= 0 and day > changed + longest:
            return f"the password expires on {_date(changed + longest + 1)}"
    return ""


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY, timezone.utc).date().isoformat()


def variables_of_session() -> dict[str, str]:
    """What PAM's session has set for this process; cron's own, and those of the crontab, win over them."""
    return dict(_given)


def _enter(number: str, user: str) -> str:
    for name, kind in _VIEWS.items():
        with suppress(OSError), open(f"/proc/{number}/ns/{name}", "rb") as view:
            ctypes.CDLL(None).setns(view.fileno(), kind)
    for limit in _LIMITS:
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, resource.prlimit(int(number), limit))
    why, variables = enter_session(user, cron_services()) if _has_lines(_SETTINGS) else ("", {})
    _given.update({name: value for name, value in variables.items() if name not in _OF_CRON})
    return why


def _has_lines(patterns: Iterable[str]) -> bool:
    for path in (path for pattern in patterns for path in glob.glob(pattern)):
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
            lines = (line.split() for line in stream if line.strip() and not line.lstrip().startswith("#"))
            if any(words[2:3] != ["core"] for words in lines):  # Debian's own lines, of core dumps
                return True
    return False
