# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host command titan-db: installed where the jobs find it, with a spare copy beside the configuration."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

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
        "reports jobs that could not start because O(path) is missing, and it runs the health check, which "
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
        "The command itself, compressed and base64-encoded. Filled in on the controller; never give it yourself.",
        no_log=True,
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


class _Plan(NamedTuple):
    """What there is to do, each as paths.

    Attributes:
        places: By the option's name, where the command is to be.
        stale: The places that do not have it.
        slow: The places without a current compiled copy beside them.
        closed: Directories that other users cannot enter.
        readable: Env files that users outside of their group can read.
    """

    places: dict[str, str]
    stale: list[str]
    slow: list[str]
    closed: list[str]
    readable: list[str]

    @property
    def cached(self) -> list[str]:
        """The places that lack the compiled copy only."""
        return [place for place in self.slow if place not in self.stale]


def install(call: Call) -> Outcome:
    """Make call.options["path"], and "spare" if given, the executable that is packed in "content"; check the env files.

    Raises:
        OptionError: there is no content; else see install_content.
        EnvFileError: see install_content.
    """
    if not call.options["content"]:
        raise OptionError(
            "content", None, "The action plugin fills it in; call titan.database.host_command from a task."
        )
    return install_content(call, zlib.decompress(base64.b64decode(call.options["content"])))


def packed(content: bytes) -> str:
    """The option "content" for an executable: quickly made, and a third as long."""
    return base64.b64encode(zlib.compress(content, 1)).decode()


def install_content(call: Call, content: bytes) -> Outcome:
    """As install, with the executable itself.

    Raises:
        OptionError: a path is a directory or a symbolic link, or both are the same.
        EnvFileError: an env file is missing, unreadable, or means something else to a shell than to titan-db.
    """
    places = _places(call.options)
    for env_file in call.options["env_files"]:
        check_against_shell(env_file)
    compiled = Compiled(call.options["interpreter"], content)
    stale = [place for place in places.values() if not is_file_with(place, content, 0o755)]
    plan = _Plan(
        places,
        stale,
        slow=[place for place in places.values() if place in stale or not compiled.is_current(place)],
        closed=sorted({folder for place in places.values() if (folder := closed_directory(place))}),
        readable=[env_file for env_file in call.options["env_files"] if os.stat(env_file).st_mode & 0o007],
    )
    before = _before(plan)
    if not call.check_mode:
        _apply(plan, content, compiled)
    digest = hashlib.sha256(content).hexdigest()
    return Outcome(
        changed=bool(plan.slow or plan.closed or plan.readable),
        data={"path": places["path"], "spare": places.get("spare"), "sha256": digest, "size": len(content)},
        summary=_summary(plan, digest),
        before=before,
        after=_after(plan, digest),
    )


def _places(options: Mapping[str, Any]) -> dict[str, str]:
    path, spare = options["path"], options["spare"] or ""
    if spare and os.path.normpath(spare) == os.path.normpath(path):
        raise OptionError("spare", spare, "It is the command itself: name a path in another directory.")
    places = {"path": path, **({"spare": spare} if spare else {})}
    for name, place in places.items():
        if os.path.lexists(place) and not stat.S_ISREG(os.lstat(place).st_mode):
            raise OptionError(name, place, "It exists and is not a regular file: remove it or name another path.")
    return places


def _apply(plan: _Plan, content: bytes, compiled: Compiled) -> None:
    for env_file in plan.readable:
        change_file_mode(env_file, 0o600)
    for folder in plan.closed:
        change_mode(folder, OPEN, os.geteuid())
    for place in plan.stale:
        make_directories(os.path.dirname(place))
        with published(place, 0o755, "host_command") as stream:
            stream.write(content)
    for place in plan.slow:
        compiled.write(place)


def _summary(plan: _Plan, digest: str) -> str:
    what = " and ".join(plan.stale or plan.cached or plan.places.values())
    same = "is up to date" if len(plan.places) == 1 else "are up to date"
    state = "installed" if plan.stale else "compiled" if plan.cached else same
    opened = "".join(f"; {folder} can be entered by the jobs' user" for folder in plan.closed)
    opened += "".join(f"; only its owner can read {env_file} now" for env_file in plan.readable)
    return f"{what} {state} (sha256 {digest[:12]}){opened}"


def _before(plan: _Plan) -> str:
    modes = ((place, stat.S_IMODE(os.stat(place).st_mode)) for place in (*plan.closed, *plan.readable))
    return "".join(
        [
            *(f"{place} mode {mode:04o}\n" for place, mode in modes),
            *(f"{place} {_digest(place)}\n" for place in plan.places.values()),
            *(f"{place} is not compiled\n" for place in plan.cached),
        ]
    )


def _after(plan: _Plan, digest: str) -> str:
    return "".join(
        [
            *(f"{folder} mode 0755\n" for folder in plan.closed),
            *(f"{env_file} mode 0600\n" for env_file in plan.readable),
            *(f"{place} {digest}\n" for place in plan.places.values()),
            *(f"{place} is compiled\n" for place in plan.cached),
        ]
    )


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(read_file(path)).hexdigest()
    except FileNotFoundError:
        return "absent"
