# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""titan-db as one executable file: build it from this package (controller), install it (host)."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shlex
import stat
import zipfile
from pathlib import Path

from .envfile import check_against_shell
from .errors import OptionError
from .files import is_file_with, published
from .outcome import Call, Outcome

_MAIN = "import sys\n\nfrom titan_db.cli import main\n\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that the ZIP format can say


def build(package: str, interpreter: str) -> bytes:
    """Return the zipapp made from the package's Python files.

    The same files give the same bytes on every machine: members are sorted, stored without compression (zlib's
    output differs between versions), and carry a fixed time and mode. A two-line shell header starts the
    interpreter, since a #! line can neither hold a space nor more than 127 bytes; -I keeps variables of a sourced
    env file (PYTHONPATH ...) away from it.

    Args:
        package: Directory of the package titan_db.
        interpreter: Path of the host's Python.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        members = {"__main__.py": _MAIN.encode()}
        for path in Path(package).rglob("*.py"):
            members[f"titan_db/{path.relative_to(package).as_posix()}"] = path.read_bytes()
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            target.writestr(entry, members[name])
    header = f'#!/bin/sh\nexec {shlex.quote(interpreter)} -I "$0" "$@"\n'
    return header.encode() + archive.getvalue()


RUNNER = {
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
        raise OptionError("content", None, "The action plugin fills it in; call titan.database.runner from a task.")
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
        with published(place, 0o755, "runner") as stream:
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
