# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host command titan-db: installed where the jobs find it, with a spare copy beside the configuration."""

from __future__ import annotations

import base64
import hashlib
import os
import stat

from ..errors import OptionError
from ..host.compiled import Compiled
from ..host.env_file import check_against_shell
from ..host.files import OPEN, closed_directory, is_file_with, make_directories, published
from ..host.safe_open import change_file_mode, change_mode, read_file
from ..outcome import Call, Outcome
from ..text.options import Spec, option

HOST_COMMAND: Spec = {
    "path": option(
        "path",
        "Where to install the command, on the target host. Missing parent directories are created with mode C(0755), whatever the "
        "umask. Beside it lies a compiled copy in a hidden directory, with which it starts faster. "
        "An existing directory C(titan-db) that other users cannot read and enter gets this mode.",
        default="/usr/local/bin/titan-db",
        variable="host_command",
    ),
    "spare": option(
        "path",
        "Where to install a second copy, on the target host, best in a directory that is not cleaned up. It "
        "tells of jobs that could not start because O(path) is gone, and it runs the health check, which "
        "compares the two.",
        "Without it there is no second copy; an old one is left alone.",
        variable="host_spare_command",
        variable_default="/etc/titan-db/titan-db",
    ),
    "interpreter": option(
        "path",
        "Path of the Python that runs the command, on the target host. It needs psycopg2.",
        default="/usr/bin/python3",
        variable="host_python",
    ),
    "content": option(
        "str",
        "The command itself, base64-encoded. Filled in on the controller; never give it yourself.",
    ),
    "env_files": option(
        "list",
        "Environment files on the target host that the jobs will source. Each is checked before anything is written.",
        "The check fails when a file is missing or not readable, and when a line of it means something else to "
        "C(/bin/sh) than to C(titan-db); the message names the line.",
        "A file that users outside of its group can read gets the mode C(0600).",
        default=[],
        elements="path",
    ),
}


def install(call: Call) -> Outcome:
    """Make call.options["path"], and "spare" if given, the executable whose base64 text is in "content"; check the env files.

    Raises:
        OptionError: a path is a directory or a symbolic link, or both are the same.
        EnvFileError: an env file is missing, unreadable, or means something else to a shell than to titan-db.
    """
    path, spare = call.options["path"], call.options["spare"] or ""
    if not call.options["content"]:
        raise OptionError(
            "content", None, "The action plugin fills it in; call titan.database.host_command from a task."
        )
    content = base64.b64decode(call.options["content"])
    if spare and os.path.normpath(spare) == os.path.normpath(path):
        raise OptionError("spare", spare, "It is the command itself: name a path in another directory.")
    wanted = {"path": path, **({"spare": spare} if spare else {})}
    for name, place in wanted.items():
        if os.path.lexists(place) and not stat.S_ISREG(os.lstat(place).st_mode):
            raise OptionError(name, place, "It exists and is not a regular file: remove it or name another path.")
    for env_file in call.options["env_files"]:
        check_against_shell(env_file)
    readable = [env_file for env_file in call.options["env_files"] if os.stat(env_file).st_mode & 0o007]
    after = hashlib.sha256(content).hexdigest()
    before = "".join(f"{place} {_digest(place)}\n" for place in wanted.values())
    stale = [place for place in wanted.values() if not is_file_with(place, content, 0o755)]
    closed = sorted({folder for place in wanted.values() if (folder := closed_directory(place))})
    compiled = Compiled(call.options["interpreter"], content)
    slow = [place for place in wanted.values() if place in stale or not compiled.is_current(place)]
    cached = [place for place in slow if place not in stale]
    modes = [*closed, *readable]
    shown = "".join(f"{place} mode {stat.S_IMODE(os.stat(place).st_mode):04o}\n" for place in modes)
    for env_file in () if call.check_mode else readable:
        change_file_mode(env_file, 0o600)
    for folder in () if call.check_mode else closed:
        change_mode(folder, OPEN, os.geteuid())
    for place in () if call.check_mode else stale:
        make_directories(os.path.dirname(place))
        with published(place, 0o755, "host_command") as stream:
            stream.write(content)
    for place in () if call.check_mode else slow:
        compiled.write(place)
    what = " and ".join(stale or cached or wanted.values())
    state = (
        "installed" if stale else "compiled" if cached else "is up to date" if len(wanted) == 1 else "are up to date"
    )
    opened = "".join(f"; {folder} can be entered by the jobs' user" for folder in closed)
    opened += "".join(f"; only its owner can read {env_file} now" for env_file in readable)
    return Outcome(
        changed=bool(slow or modes),
        data={"path": path, "spare": spare or None, "sha256": after, "size": len(content)},
        summary=f"{what} {state} (sha256 {after[:12]}){opened}",
        before=shown + before + "".join(f"{place} is not compiled\n" for place in cached),
        after="".join(
            [
                *(f"{folder} mode 0755\n" for folder in closed),
                *(f"{env_file} mode 0600\n" for env_file in readable),
                *(f"{place} {after}\n" for place in wanted.values()),
                *(f"{place} is compiled\n" for place in cached),
            ]
        ),
    )


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except FileNotFoundError:
        return "absent"
