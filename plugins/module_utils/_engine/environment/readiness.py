# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the jobs can start tonight: asked as their own user, of what their cron lines use.

Nothing stays written. What a job itself needs (the database's rights, room for a backup) its own check mode tells.
"""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import stat
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import TitanError
from ..host.account import ACCOUNT_EXPIRED, PASSWORD_EXPIRED, why_refused
from ..host.cron_daemon import cron_services
from ..host.env_file import check_against_shell
from ..host.limits import FULL
from ..host.mounts import is_mounted_with, missing_mount
from ..postgres.throw_away import default_directory
from .config import Environment, JobPlan
from .process_limits import too_tight

CRON_ALLOW, CRON_DENY = "/etc/cron.allow", "/etc/cron.deny"
_SHARED = "/var/tmp"  # noqa: S108
_PROBE = 4096  # bytes: a block of the usual file systems


class Obstacle(NamedTuple):
    """Something that keeps a job from starting, as a sentence, and the command that corrects it."""

    what: str
    fix: str


def obstacles(
    environment: Environment, directory: str = "", own_crontab: bool = True, commands: bool = True
) -> list[Obstacle]:
    """What keeps the jobs of the environment from starting, as the user of this process and under its limits.

    Args:
        environment: From the installed configuration.
        directory: Where the cron lines change to first; empty for nowhere.
        own_crontab: Whether the lines are in the user's own crontab, which cron.allow and cron.deny govern.
        commands: Whether the copies of titan-db are looked at, too.
    """
    found = _limits(environment)
    if found:
        return found  # under which nothing else is worth trying
    found = [*(_commands(environment) if commands else ()), *_env_files(environment), *_places(environment, directory)]
    return found + _account(user_name()) + (_allowed(user_name()) if own_crontab else [])


def user_name() -> str:
    """The user whom this process acts as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _limits(environment: Environment) -> list[Obstacle]:
    where = "/etc/security/limits.conf /etc/security/limits.d"
    return [
        Obstacle(
            f"the limits of {user_name()}'s jobs are too tight: {clause}",
            f"grep -rn {name} {where}; systemctl show cron crond | grep Limit{name.upper()}",
        )
        for name, clause in too_tight(environment)
    ]


def _commands(environment: Environment) -> list[Obstacle]:
    converge = f"ansible-playbook titan.database.site -l {shlex.quote(environment.name)} --tags host"
    return [
        _unless_not_executed(path, Obstacle(f"{user_name()} cannot run {path}", converge))
        for path in dict.fromkeys((environment.command, environment.spare_command))
        if path.startswith("/") and not _may(path, os.R_OK | os.X_OK)
    ]


def _unless_not_executed(path: str, obstacle: Obstacle) -> Obstacle:
    """The obstacle, or the same with the file system for its reason."""
    folder = _nearest(path)
    if not is_mounted_with(os.ST_NOEXEC, folder):
        return obstacle
    fix = f"mount -o remount,exec $(findmnt -no TARGET --target {shlex.quote(folder)}), and correct /etc/fstab"
    return Obstacle(f"{obstacle.what}: it is on a file system that is mounted noexec", fix)


def _env_files(environment: Environment) -> list[Obstacle]:
    found = []
    for path in filter(None, (environment.env_file, environment.notify_env_file)):
        try:
            check_against_shell(path)
        except TitanError as error:
            fix = f"ls -l {shlex.quote(path)}; namei -l {shlex.quote(path)}"
            found.append(Obstacle(f"{user_name()} cannot use the env file: {error.message}", fix))
    return found


def _places(environment: Environment, directory: str) -> list[Obstacle]:
    user, found = user_name(), []
    if directory and not _may(directory, os.X_OK):
        found.append(Obstacle(f"{user} cannot enter {directory}", _access(directory, "x", user)))
    for log in dict.fromkeys(plan.log for plan in environment.jobs.values() if plan.log):
        found += _log(log, user)
    backups = [str(environment.options.get(plan.name, {}).get("dest") or "") for plan in _backups(environment)]
    for path in (environment.state_dir, environment.metrics_dir, *backups):
        place, point = _nearest(path), missing_mount(path) if path else ""
        if point:
            found.append(Obstacle(f"{point} is not mounted, on which {path} is to be", f"mount {shlex.quote(point)}"))
        elif path and not _may(place, os.W_OK | os.X_OK):
            fix = (
                f"chattr -i {shlex.quote(place)}"
                if _is_own(place)
                else f"install -d -o {user} -m 0700 {shlex.quote(path)}"
            )
            make = Obstacle(f"{user} cannot write into {place}", fix)
            found.append(_unless_read_only(place, make))
        elif path and (why := _no_room(place)):
            found.append(Obstacle(f"{user} cannot write into {place}: {why}", _how_full(place)))
    proofs = (_proof_directory(environment.options.get(plan.name, {})) for plan in _backups(environment))
    for place in filter(None, proofs):
        if not _may(place, os.W_OK | os.X_OK):
            made = f"chmod 1777 {place}" if place == _SHARED else f"install -d -o {user} -m 0700 {shlex.quote(place)}"
            closed = Obstacle(f"{user} cannot write into {place}, where backups are proven", made)
            found.append(_unless_read_only(place, closed))
    return found


def _proof_directory(options: Mapping[str, Any]) -> str:
    """Where a backup's proof makes its cluster, by its options; "" for no such proof."""
    if options.get("verify", "restored") != "restored" or options.get("drill_in", "cluster") != "cluster":
        return ""
    return str(options.get("drill_dir") or default_directory())


def _log(path: str, user: str) -> list[Obstacle]:
    """Whether the shell can append to the log, and make it if it is missing."""
    quoted, folder = shlex.quote(path), os.path.dirname(os.path.realpath(path))
    try:
        kind = os.stat(path).st_mode
    except OSError:
        if _may(folder, os.W_OK | os.X_OK):
            why = _no_room(folder)
            return [Obstacle(f"{user} cannot create the log {path}: {why}", _how_full(folder))] if why else []
        missing = "" if os.path.isdir(folder) else f": there is no {folder}, or it is closed"
        fix = f"install -d -o {user} -m 0750 {shlex.quote(folder)}"
        return [_unless_read_only(folder, Obstacle(f"{user} cannot create the log {path}{missing}", fix))]
    if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):  # such as a pipe, at which the job would wait for a reader
        return [Obstacle(f"the log {path} is not a file", f"mv {quoted} {shlex.quote(path + '.old')}")]
    if not _may(path, os.W_OK):
        return [
            _unless_read_only(folder, Obstacle(f"{user} cannot append to the log {path}", f"chown {user}: {quoted}"))
        ]
    why = _no_room(folder) if stat.S_ISREG(kind) else ""
    return [Obstacle(f"{user} cannot append to the log {path}: {why}", _how_full(folder))] if why else []


def _unless_read_only(folder: str, obstacle: Obstacle) -> Obstacle:
    """The obstacle, or the same with the file system for its reason."""
    if not is_mounted_with(os.ST_RDONLY, folder):
        return obstacle
    why = "it is on a file system that is mounted read-only"
    return Obstacle(f"{obstacle.what}: {why}", f"findmnt --target {shlex.quote(folder)}; dmesg | tail")


def _no_room(folder: str) -> str:
    """Why not even a block can be written below the directory: full, without inodes, over a quota; empty if it can.

    The file that it is tried with never has a name.
    """
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return str(os.strerror(error.errno or 0)) if error.errno in (*FULL, errno.EROFS) else ""
    try:
        os.write(descriptor, b"x" * _PROBE)
    except OSError as error:
        return str(os.strerror(error.errno or 0))
    finally:
        os.close(descriptor)
    return ""


def _how_full(folder: str) -> str:
    quoted = shlex.quote(folder)
    return f"df -h {quoted}; df -i {quoted}; quota -u {user_name()}"


def _account(user: str) -> list[Obstacle]:
    """Whether cron, which asks PAM before each job, starts something for the user."""
    why = why_refused(user, cron_services())
    fixes = {
        PASSWORD_EXPIRED: f"chage -M -1 -d -1 {user}",
        ACCOUNT_EXPIRED: f"chage -E -1 {user}",
    }
    fix = fixes.get(why, f"chage -l {user}; cat /etc/pam.d/cron* /etc/security/access.conf")
    return [Obstacle(f"cron starts nothing for {user}: {why}", fix)] if why else []


def _backups(environment: Environment) -> list[JobPlan]:
    return [plan for plan in environment.jobs.values() if plan.subcommand == "backup"]


def _allowed(user: str) -> list[Obstacle]:
    """Whether the user may have a crontab; root always may."""
    if user == "root":
        return []
    if os.path.exists(CRON_ALLOW):
        if user not in _names(CRON_ALLOW):
            return [
                Obstacle(f"{CRON_ALLOW} does not name {user}, who may have no crontab", f"echo {user} >> {CRON_ALLOW}")
            ]
    elif user in _names(CRON_DENY):
        return [Obstacle(f"{CRON_DENY} names {user}, who may have no crontab", f"sed -i /^{user}$/d {CRON_DENY}")]
    return []


def _names(path: str) -> Sequence[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line.strip() for line in stream]
    except OSError:  # absent; or for root's eyes only, and then crontab itself runs with its group's rights
        return []


def _may(path: str, mode: int) -> bool:
    """Whether this process may, by its effective user and the file system (a read-only one refuses to write)."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _is_own(folder: str) -> bool:
    """Whether the directory is this process's user's, and by its mode he may write: else it is immutable (chattr(1))."""
    state = os.stat(folder)
    return state.st_uid == os.geteuid() and state.st_mode & stat.S_IRWXU == stat.S_IRWXU


def _nearest(path: str) -> str:
    """The path, or the nearest directory above it that exists."""
    while path and not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _access(path: str, right: str, user: str) -> str:
    return f"chmod o+{right} {shlex.quote(path)} (or a group of {user}'s)"
