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
    "interpreter": {"type": "path", "default": "/usr/bin/python3"},
    "content": {"type": "str"},
    "env_files": {"type": "list", "elements": "path", "default": []},
}


def install(call: Call) -> Outcome:
    """Make call.options["path"] the executable whose base64 text is in "content", and check the env files.

    Raises:
        OptionError: the path is a directory or a symbolic link.
        EnvFileError: an env file is missing, unreadable, or means something else to a shell than to titan-db.
    """
    path = call.options["path"]
    if not call.options["content"]:
        raise OptionError("content", None, "The action plugin fills it in; call titan.database.runner from a task.")
    content = base64.b64decode(call.options["content"])
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise OptionError("path", path, "It is there already and no regular file: remove it or name another path.")
    for env_file in call.options["env_files"]:
        check_against_shell(env_file)
    before, after = _digest(path), hashlib.sha256(content).hexdigest()
    changed = not is_file_with(path, content, 0o755)
    if changed and not call.check_mode:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with published(path, 0o755, "runner") as stream:
            stream.write(content)
    return Outcome(
        changed=changed,
        data={"path": path, "sha256": after, "size": len(content)},
        summary=f"{path} {'installed' if changed else 'is up to date'} (sha256 {after[:12]})",
        before=f"{path} {before}\n",
        after=f"{path} {after}\n",
    )


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return "absent"
