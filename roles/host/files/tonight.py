# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out, as the jobs' own user on the host, whether the jobs can start tonight.

Arguments: path of titan-db, its configuration, the directory of the jobs ("" for none), the path of the system crontab that
holds their lines ("" for the user's own), the service that starts them ("" for none), and the jobs' user, whom root becomes ("" for
nobody). Prints a JSON list of obstacles, each a sentence and the command that corrects it. Writes nothing.
"""

from __future__ import annotations

import json
import os
import pwd
import shlex
import sys

command, config, directory, cron_file, service, user = sys.argv[1:7]


def become() -> str:
    """Be the jobs' user for good, as cron's jobs are: in the view of its service, under its limits and those of PAM's session.

    A command that somebody else than root could exchange is not loaded as root; then only the user changes.

    Returns:
        Why PAM refuses that session; empty if it does not.
    """
    if os.geteuid() or not user:
        return ""
    if is_roots(command):
        load()
        from titan_db.host.cron_session import become_as_cron

        return str(become_as_cron(user))
    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user, SHELL=entry.pw_shell)
    os.environ.pop("TMPDIR", None)
    return ""


def is_roots(path: str) -> bool:
    """Whether nobody but root could exchange what lies there."""
    path = os.path.realpath(path)
    try:
        states = [os.lstat(each) for each in (path, *above(path))]
    except OSError:
        return False
    return all(state.st_uid == 0 and not state.st_mode & 0o022 for state in states)


def above(path: str) -> list[str]:
    """The directories above an absolute path, the nearest first."""
    found = []
    while path != "/":
        path = os.path.dirname(path)
        found.append(path)
    return found


def load() -> None:
    """Take the engine from the command."""
    sys.path.insert(0, command)
    from titan_start import use_compiled

    use_compiled(command)


def look() -> list[list[str]]:
    if not os.access(command, os.R_OK):
        name = pwd.getpwuid(os.geteuid()).pw_name
        closed = next((path for path in reversed(above(os.path.realpath(command))) if not os.access(path, os.X_OK)), "")
        if closed:
            return [[f"{name} cannot run {command}: {closed} is closed to others", f"chmod o+x {shlex.quote(closed)}"]]
        return [[f"{name} cannot run {command}", f"namei -l {shlex.quote(command)}"]]
    if command not in sys.path:
        load()
    from titan_db.converge.tonight import in_the_way
    from titan_db.errors import TitanError
    from titan_db.host.limits import REFUSALS, refusal

    try:
        return [list(each) for each in in_the_way(command, config, directory, cron_file, service)]
    except TitanError as error:  # the configuration, or the crontab, cannot be used
        return [[error.message.rstrip("."), correction_of_crontab(error.message)]]
    except REFUSALS as error:
        if not refusal(error):
            raise
        made_again = "rm -f /dev/null; mknod -m 0666 /dev/null c 1 3"
        fix = made_again if "'/dev/null'" in refusal(error) else "cat /etc/security/limits.d/*"
        return [[refusal(error).rstrip("."), fix]]


def correction_of_crontab(why: str) -> str:
    """The command against what keeps the user from the crontab that holds the lines."""
    if cron_file:
        return f"ls -l {shlex.quote(cron_file)}"
    return "chmod 0755 /var/spool/cron; ls -ld /var/spool/cron/*" if "Permission denied" in why else "crontab -l"


def correction(why: str) -> str:
    """The command against what refuses the session."""
    if why.startswith("the account expires"):
        return f"chage -E -1 {user}"
    if why.startswith("the password expires"):
        return f"chage -M -1 {user}"
    return f"chage -l {user}; cat /etc/security/limits.d/*"


own_view = os.stat("/proc/self/ns/mnt").st_ino
refused = become()
found = [[f"cron starts nothing for {user}: {refused}", correction(refused)]] if refused else look()
if found and os.stat("/proc/self/ns/mnt").st_ino != own_view:
    found.append(
        [
            f"the service {service} shows its jobs other files than you see (such as by ProtectHome)",
            f"systemctl cat {service}",
        ]
    )
print(json.dumps(found))
