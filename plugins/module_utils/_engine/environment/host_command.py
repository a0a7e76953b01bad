# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host command titan-db: installed where the jobs find it, with a spare copy beside the configuration."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

from ..errors import OptionError
from ..host.env_file import check_against_shell
from ..host.files import is_file_with, published
from ..outcome import Call, Outcome

HOST_COMMAND = {
    "path": {"type": "path", "default": "/usr/local/bin/titan-db"},
    "spare": {"type": "path"},
    "interpreter": {"type": "path", "default": "/usr/bin/python3"},
    "content": {"type": "str"},
    "env_files": {"type": "list", "elements": "path", "default": []},
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
    for option, place in wanted.items():
        if os.path.lexists(place) and not stat.S_ISREG(os.lstat(place).st_mode):
            raise OptionError(option, place, "It is there already and no regular file: remove it or name another path.")
    for env_file in call.options["env_files"]:
        check_against_shell(env_file)
    after = hashlib.sha256(content).hexdigest()
    before = "".join(f"{place} {_digest(place)}\n" for place in wanted.values())
    stale = [place for place in wanted.values() if not is_file_with(place, content, 0o755)]
    for place in () if call.check_mode else stale:
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        with published(place, 0o755, "host_command") as stream:
            stream.write(content)
    what = " and ".join(stale or wanted.values())
    state = "installed" if stale else "is up to date" if len(wanted) == 1 else "are up to date"
    return Outcome(
        changed=bool(stale),
        data={"path": path, "spare": spare or None, "sha256": after, "size": len(content)},
        summary=f"{what} {state} (sha256 {after[:12]})",
        before=before,
        after="".join(f"{place} {after}\n" for place in wanted.values()),
    )


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return "absent"
