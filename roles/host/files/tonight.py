# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out, as the jobs' own user on the host, whether the jobs can start tonight.

Arguments: path of titan-db, its configuration, the directory of the jobs ("" for none), the path of the system crontab that
holds their lines ("" for the user's own), the service that starts them ("" for none), and the jobs' user, whom root becomes ("" for
nobody). Prints a JSON list of obstacles, each a sentence and the command that corrects it. Writes nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import shlex
import sys
from contextlib import suppress

command, config, directory, cron_file, service, user = sys.argv[1:7]


def become() -> bool:
    """Be the jobs' user for good, with the files as cron's service shows them, before anything of the command is loaded.

    Returns:
        Whether that service sees others than this process did.
    """
    if os.geteuid() or not user:
        return False
    entry, own = pwd.getpwnam(user), os.stat("/proc/self/ns/mnt").st_ino
    with suppress(OSError, ValueError), open("/run/crond.pid", encoding="ascii") as stream:
        number = int(stream.read())
        with open(f"/proc/{number}/ns/mnt", "rb") as view:
            ctypes.CDLL(None).setns(view.fileno(), 0x00020000)  # CLONE_NEWNS of setns(2)
    is_other = os.stat("/proc/self/ns/mnt").st_ino != own
    os.initgroups(user, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ.update(HOME=entry.pw_dir, USER=user, LOGNAME=user, SHELL=entry.pw_shell)
    os.environ.pop("TMPDIR", None)
    return is_other


def look() -> list[list[str]]:
    if not os.access(command, os.R_OK):
        return [[f"user {os.geteuid()} cannot run {command}", f"namei -l {shlex.quote(command)}"]]
    sys.path.insert(0, command)
    from titan_start import use_compiled

    use_compiled(command)
    from titan_db.converge.tonight import in_the_way
    from titan_db.errors import TitanError

    try:
        return [list(each) for each in in_the_way(command, config, directory, cron_file, service)]
    except TitanError as error:  # the configuration, or the crontab, cannot be used
        return [[error.message.rstrip("."), "crontab -l" if not cron_file else f"ls -l {shlex.quote(cron_file)}"]]


others = become()
found = look()
if found and others:
    found.append(
        [
            f"the service {service} shows its jobs other files than you see (such as by ProtectHome)",
            f"systemctl cat {service}",
        ]
    )
print(json.dumps(found))
