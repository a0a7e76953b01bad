# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a directory of migration files."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ...errors import OptionError, TitanError
from .naming import NAMINGS, SHAPES

_MAX_FILE = 64 * 1024 * 1024


def read_directory(path: str, naming: str = "plain") -> list[dict[str, str]]:
    """The .sql files of a directory as [{"name": ..., "content": ...}], sorted by name.

    Raises:
        TitanError: missing or unreadable directory or file, or a file that is not UTF-8 text.
    """
    try:
        names = sorted(_sql_names(path, naming))
    except OSError as error:
        raise OptionError(
            "path",
            path,
            f"The migration directory cannot be read ({error.strerror}). Name a directory of .sql files that the user "
            "who runs the playbook may read.",
        ) from error
    if not names:
        _refuse_other_shapes(path, naming)
    folder = os.path.join(path, "")
    return [{"name": name, "content": _read_text(folder + name, name)} for name in names]


def _refuse_other_shapes(path: str, naming: str) -> None:
    """A directory whose SQL lies only where the naming does not look must not pass for one without migrations."""
    for folder, inner, files in os.walk(path):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        name = next(
            (item for item in sorted(files) if item.lower().endswith(".sql") and not item.startswith(".")), None
        )
        if name is not None:
            relative = os.path.relpath(os.path.join(folder, name), path)
            raise OptionError(
                "path",
                path,
                f"It holds no {SHAPES[naming]}, but {relative!r}. Name the directory that holds the files, and their naming "
                f"({', '.join(NAMINGS)}).",
            )


def _sql_names(path: str, naming: str) -> Iterable[str]:
    with os.scandir(path) as entries:
        for entry in entries:
            if naming == "directory" and entry.is_dir():
                with os.scandir(entry.path) as inner:
                    yield from (f"{entry.name}/{item.name}" for item in inner if item.name.lower().endswith(".sql"))
            elif _is_sql(entry):
                yield entry.name


def _is_sql(entry: os.DirEntry[str]) -> bool:
    if not entry.name.lower().endswith(".sql") or entry.name.startswith("."):
        return False
    return entry.is_file() or not os.path.exists(entry.path)  # a link that leads nowhere: reading it says so


def _read_text(path: str, name: str) -> str:
    try:
        data = _read(path)
    except OSError as error:
        raise TitanError(f"The migration file {name!r} cannot be read ({error.strerror}).", file=name) from error
    if data is None:
        raise TitanError(f"The migration file {name!r} is larger than {_MAX_FILE >> 20} MiB.", file=name)
    if b"\0" in data:
        raise TitanError(f"The migration file {name!r} holds a NUL byte: it is not SQL text.", file=name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TitanError(
            f"The migration file {name!r} is not UTF-8 text (line {line}). Save it as UTF-8.", file=name, line=line
        ) from error


def _read(path: str) -> bytes | None:
    """What the file holds; None if that is too much. With the system's own calls: open() makes three more of them a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        if size > _MAX_FILE:
            return None
        data = os.read(descriptor, size + 1)
        while len(data) != size and (more := os.read(descriptor, _MAX_FILE)):
            data += more
            size = -1  # it grows while it is read: go on to its end
        return data
    finally:
        os.close(descriptor)
