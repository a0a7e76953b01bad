# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of titan-db with its modules compiled, for the Python that runs it: it starts in a third of the time.

It is a cache: without it, or where it is of another version, titan-db compiles its modules at each start (see start.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys

from .files import OPEN, make_directories, published
from .programs import run
from .safe_open import UnsafePathError, change_mode, read_file
from .start import MAGIC, compiled_path, head

# Both are run by the command's Python, which may be another one than ours. None of the command's own code is run.
_WHICH = "import importlib.util, json, sys; print(json.dumps([sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex()]))"
_COMPILE = """
import importlib._bootstrap_external, io, marshal, os, sys, zipfile
made = io.BytesIO()
command = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
sources = {entry.filename: command.read(entry) for entry in command.infolist()}
names = [name for name in sources if name.endswith(".py")]
reader, writer = os.pipe()
child = os.fork()  # half of it on another processor
codes = {
    name: compile(sources[name], "titan-db/" + name, "exec", dont_inherit=True) for name in names[0 if child else 1 :: 2]
}
if not child:
    with open(writer, "wb") as half:
        marshal.dump(codes, half)
    os._exit(0)
os.close(writer)
with open(reader, "rb") as half:
    codes.update(marshal.load(half))
os.waitpid(child, 0)
with zipfile.ZipFile(made, "w") as copy:
    for entry in command.infolist():
        copy.writestr(entry, sources[entry.filename])
        if entry.filename in codes:
            compiled = importlib._bootstrap_external._code_to_hash_pyc(codes[entry.filename], bytes(8), False)
            copy.writestr(zipfile.ZipInfo(entry.filename + "c", entry.date_time), compiled)
sys.stdout.buffer.write(made.getvalue())
"""
_MODE = 0o644


class Compiled:
    """The compiled copies of one content of titan-db.

    Args:
        interpreter: Path of the Python that runs the command.
        content: The command.
    """

    def __init__(self, interpreter: str, content: bytes) -> None:
        self._interpreter, self._content, self._made = interpreter, content, b""
        self._tag, magic = _which(interpreter)
        self._head = head(hashlib.sha256(content).hexdigest(), magic)

    def is_current(self, command: str) -> bool:
        """Whether the copy beside the command is whole, and of this content; also where there is no Python that could use one."""
        if not self._tag:
            return True
        try:
            path = compiled_path(command, self._tag)
            modes = [stat.S_IMODE(os.lstat(place).st_mode) for place in (os.path.dirname(path), path)]
            if modes != [OPEN, _MODE]:
                return False
            copy = memoryview(read_file(path))
        except (OSError, UnsafePathError):
            return False
        begins = len(self._head) + 1 + 2 * hashlib.sha256().digest_size
        return bytes(copy[: begins + 1]) == self._head + b" " + _digest(copy[begins + 1 :]) + b"\n"

    def write(self, command: str) -> None:
        """Put the copy beside the command; nothing where it cannot be made.

        Raises:
            OSError, UnsafePathError: see published.
        """
        if not self._tag:
            return
        self._made = self._made or self._compile()
        path = compiled_path(command, self._tag)
        if self._made:
            make_directories(os.path.dirname(path))
            change_mode(os.path.dirname(path), OPEN, os.geteuid())
            with published(path, _MODE, "host_command.compiled") as stream:
                stream.write(self._head + b" " + _digest(self._made) + b"\n" + self._made)

    def _compile(self) -> bytes:
        done = run(
            [self._interpreter, "-I", "-c", _COMPILE],
            input=self._content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        return bytes(done.stdout) if done.returncode == 0 else b""


def _which(interpreter: str) -> tuple[str, str]:
    """Tag and magic number of what the interpreter compiles to; empty if it does not run."""
    if os.path.realpath(interpreter) == os.path.realpath(sys.executable or "/"):
        return sys.implementation.cache_tag or "", MAGIC
    try:
        done = run([interpreter, "-I", "-c", _WHICH], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/")
        tag, magic = json.loads(done.stdout)
        return str(tag or ""), str(magic)
    except (OSError, ValueError):
        return "", ""


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
