# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cron, anacron, at and systemd's timers start besides the jobs, as far as this user may read it, and what of it does the jobs' work twice."""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..errors import TitanError
from .at_jobs import at_jobs
from .crontab_store import CRON_FILES, CrontabStore, crontab_program
from .double_work import commands, risky_lines, scripts_called, what_a_script_does
from .readable import files_in, start_of
from .timers import USER_UNITS, timer_commands

SYSTEM_CRONTAB = "/etc/crontab"
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron")
ANACRONTAB = "/etc/anacrontab"
SCRIPT_DIRECTORIES = tuple(f"/etc/cron.{word}" for word in ("hourly", "daily", "weekly", "monthly"))


@dataclass(frozen=True)
class OtherLine:
    """A line of another hand: the file's name for messages, its number there (from 1), and what it does, as a predicate."""

    label: str
    number: int
    line: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.label}, line {self.number} may do the work of the jobs twice: it {self.reason}"


def other_lines(store: CrontabStore, places: Collection[str], own_text: str | None = None) -> list[OtherLine]:
    """The lines of the user's crontab, cron's files and directories of scripts, the timers' services, and at's queue; for root of everybody's.

    Args:
        store: The crontab of the jobs.
        places: The directories of the jobs and of their backups.
        own_text: What that crontab is to hold; None to read it.
    """
    found = []
    for label, text, home, is_script in _texts(store, own_text):
        for each in risky_lines(text.splitlines(), places, home):
            found.append(OtherLine(label, each.number, each.line, each.reason))
        seen = {each.line for each in found if each.label == label}
        if is_script:
            does = what_a_script_does(text)
            if does and not seen:
                found.append(OtherLine(label, 1, "", does))
        else:
            found += [each for each in _by_their_scripts(label, text, home) if each.line not in seen]
    return found


def _texts(store: CrontabStore, own_text: str | None) -> Iterator[tuple[str, str, str, bool]]:
    """Label, text, home of the user, and whether it is a script, of everything that can be read."""
    stores = [store]
    if store.cron_file and crontab_program():
        stores.append(CrontabStore(store.user, ""))
    if not os.geteuid() and crontab_program():
        own = store.user or "root"
        stores += [CrontabStore(user, "") for user in ("root", *_users_with_crontabs()) if user != own]
    stores += [CrontabStore("root", path) for path in files_in(CRON_FILES) if path != store.cron_file]
    stores += [CrontabStore("root", path) for path in (SYSTEM_CRONTAB, ANACRONTAB) if os.path.isfile(path)]
    for each in stores:
        try:
            text = own_text if each is store and own_text is not None else each.read() or ""
        except (TitanError, OSError):  # not ours to read
            continue
        yield each.label, text, _home(each.user), False
    for home in _homes(store.user):
        for path, text in timer_commands(home):
            yield path, text, home, False
    for label, text in at_jobs():
        yield label, text, _home(store.user), False
    for folder in SCRIPT_DIRECTORIES:
        for path in files_in(folder):
            yield path, _script(path), "/root", True


def _users_with_crontabs() -> list[str]:
    """Who has a crontab, but for root, as far as this user may look; a name that is no user's is none."""
    names = {os.path.basename(path) for folder in SPOOLS for path in files_in(folder)}
    return sorted(name for name in names if name != "root" and _home(name))


def _homes(user: str) -> list[str]:
    """The home whose timers are read, and for root those of everybody who has timers of their own; each file once."""
    others = (
        []
        if os.geteuid()
        else [each.pw_dir for each in pwd.getpwall() if os.path.isdir(os.path.join(each.pw_dir, USER_UNITS))]
    )
    return list(dict.fromkeys([_home(user), *sorted(others)]))


def _by_their_scripts(label: str, text: str, home: str) -> list[OtherLine]:
    """The lines whose script does what they do not say themselves."""
    found = []
    for number, line in commands(text.splitlines()):
        called = scripts_called(line, home)
        if "run-parts" in line:
            called += [path for folder in called if folder not in SCRIPT_DIRECTORIES for path in files_in(folder)]
        for path in called:
            does = what_a_script_does(_script(path))
            if does:
                found.append(OtherLine(label, number, line, f"calls {path}, which {does}"))
                break
    return found


def _script(path: str) -> str:
    """The text of a script; "" for anything else, and for what may not be read."""
    raw = start_of(path)
    return raw.decode("utf-8", "replace") if raw.startswith(b"#!") and b"\0" not in raw else ""


def _home(user: str) -> str:
    try:
        return (pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())).pw_dir
    except KeyError:
        return ""
