# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""titan-db as one executable file, built from this package."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import zipfile
from pathlib import Path

PACKAGE = str(Path(__file__).resolve().parents[1])  # the engine that this file is part of

_MAIN = """import sys

from titan_start import use_compiled

use_compiled(sys.path[0])

from titan_db.cli import main

sys.exit(main())
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that the ZIP format can say


def build(interpreter: str, package: str = PACKAGE) -> bytes:
    """Return the zipapp made from the package's Python files.

    The same files give the same bytes on every machine: members are sorted, stored without compression (zlib's
    output differs between versions), and carry a fixed time and mode. A two-line shell header starts the
    interpreter, since a #! line can neither hold a space nor more than 127 bytes; -I keeps variables of a sourced
    env file (PYTHONPATH ...) away from it.

    Args:
        interpreter: Path of the host's Python.
        package: Directory of the engine.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        members = {"__main__.py": _MAIN.encode(), "titan_start.py": Path(package, "host", "start.py").read_bytes()}
        for folder, _inner, files in os.walk(package):
            inside = f"titan_db{folder[len(package) :]}"
            for name in files:
                if name.endswith(".py"):
                    with open(f"{folder}/{name}", "rb") as stream:
                        members[f"{inside}/{name}"] = stream.read()
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            target.writestr(entry, members[name])
    header = f'#!/bin/sh\nexec {shlex.quote(interpreter)} -I "$0" "$@"\n'
    return header.encode() + archive.getvalue()


def digest(interpreter: str) -> str:
    """The SHA-256 of the zipapp that build() makes: what an installed command is known by."""
    return hashlib.sha256(build(interpreter)).hexdigest()
