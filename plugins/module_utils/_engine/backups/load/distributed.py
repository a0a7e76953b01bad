# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an extension's files are the distribution's: a superuser runs what stands in them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VALUE = r"^\s*{}\s*=\s*'([^']*)'"
_REQUIRED = re.compile(_VALUE.format("requires"), re.MULTILINE)
_MODULE = re.compile(_VALUE.format("module_pathname"), re.MULTILINE)


def foreign_extension(share: str, libraries: str, binaries: str, name: str) -> str:
    """Why the extension, or one that it requires, is not the distribution's; empty if it is, or is not there at all.

    Its control file, its scripts and its library have to belong to root or to the owner of the server's programs, and no other
    user may write to them.

    Args:
        share: The server's directory SHAREDIR.
        libraries: Its PKGLIBDIR.
        binaries: The directory of its programs.
        name: The extension.
    """
    trusted = {0, os.stat(os.path.join(binaries, "postgres")).st_uid}
    folder = os.path.join(share, "extension")
    waiting, seen = [name], set()
    while waiting:
        each = waiting.pop()
        if each in seen or not _NAME.fullmatch(each):
            continue
        seen.add(each)
        control = os.path.join(folder, f"{each}.control")
        if not os.path.lexists(control):
            continue
        for path in (folder, control):
            if why := _problem(path, trusted):
                return why
        with open(control, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        for path in (*_scripts(folder, each), *_library(libraries, text)):
            if why := _problem(path, trusted):
                return why
        required = _REQUIRED.search(text)
        waiting += [part.strip() for part in required[1].split(",")] if required else []
    return ""


def _scripts(folder: str, name: str) -> Iterator[str]:
    for item in os.listdir(folder):
        if item.startswith(f"{name}--") and item.endswith((".sql", ".control")):
            yield os.path.join(folder, item)


def _library(libraries: str, control: str) -> Iterator[str]:
    found = _MODULE.search(control)
    if found:
        path = os.path.join(libraries, f"{found[1].rsplit('/', 1)[-1].removesuffix('.so')}.so")
        if os.path.exists(path):
            yield path


def _problem(path: str, trusted: set[int]) -> str:
    status = os.stat(path)
    if status.st_uid not in trusted:
        return f"{path} belongs neither to root nor to the owner of PostgreSQL's programs"
    others = stat.S_IWOTH | (0 if status.st_gid in (0, status.st_uid) else stat.S_IWGRP)
    return f"others may write to {path}" if status.st_mode & others else ""
