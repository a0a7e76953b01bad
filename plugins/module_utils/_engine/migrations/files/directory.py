# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a directory of migration files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from ...errors import OptionError, TitanError
from ...host.act_as import user_in_charge
from ...host.safe_open import UnsafePathError, open_file
from .naming import CALLBACK, DRIZZLE, FOLDERS, NAMINGS, PLANNED, SHAPES, SQITCH, is_callback, is_named
from .other_languages import other_languages

_PASSING_OVER = ("flyway", "golang_migrate", DRIZZLE)  # the tools that pass over a file of another name; ours says so
_MAX_FILE = 64 * 1024 * 1024


def read_directory(path: str, naming: str = "plain") -> list[dict[str, str]]:
    """The .sql files of a directory as [{"name": ..., "content": ...}], sorted by name.

    "transaction" is "none" for one beside which a file of its tool says so (Flyway's .conf, Diesel's metadata.toml).

    Raises:
        TitanError: missing or unreadable directory or file, or a file that is not UTF-8 text.
    """
    names = _read_names(path, naming)
    if not names:
        _refuse_other_shapes(path, naming)
    folder, others = os.path.join(path, ""), _is_of_others(path)
    files = []
    for name in names:
        item = {"name": name, "content": _read_text(folder + name, name, others)}
        if naming in _CONFIGURED and _runs_by_statement(folder + name, naming):
            item["transaction"] = "none"
        files.append(item)
    return files


def unseen_files(path: str, naming: str, limit: int = 20) -> list[str]:
    """The SQL files below the directory that the naming does not see, sorted, at most so many; those of hidden folders do not count.

    Raises:
        OptionError: the directory cannot be read.
    """
    if naming in FOLDERS or naming in _PASSING_OVER or naming in PLANNED:
        seen = set(_read_names(path, naming))
        below = sorted(name for name in _walk(path) if name not in seen)
        if naming == SQITCH:
            below = [name for name in below if not name.startswith("verify/")]
    else:  # each SQL file of the directory itself is seen, and read
        below = sorted(f"{name}/{file}" for name in _folders(path) for file in _walk(os.path.join(path, name)))
    return below[:limit]


def unseen_warning(path: str, naming: str) -> tuple[str, ...]:
    """Sentences that name them, and migrations in another language that lie there, too."""
    said = []
    unseen = unseen_files(path, naming)
    said += [f"{name} {CALLBACK}." for name in unseen if is_callback(name, naming)]
    names = [name for name in unseen if not is_callback(name, naming)]
    if names:
        said.append(f"These SQL files do not fit the naming {naming!r} and are not applied: {', '.join(names)}.")
    names = other_languages(path)
    if names:
        said.append(
            f"These files are migrations in another language, which only their own tool can run: {', '.join(names)}."
        )
    return tuple(said)


def _read_names(path: str, naming: str) -> list[str]:
    try:
        return sorted(_sql_names(path, naming))
    except OSError as error:
        raise _unreadable(path, error) from error


def _planned_names(path: str, naming: str) -> Iterable[str]:
    """Sqitch's plan with the files of its changes; every file of formatted SQL."""
    there = os.listdir(path)  # says what is wrong with it, where walking says nothing
    if naming != SQITCH:
        return _walk(path)
    from .planned import PLAN, files_of_plan

    if PLAN not in there:
        return ()
    wanted = files_of_plan(_read_text(os.path.join(path, PLAN), PLAN, _is_of_others(path)))
    return [PLAN, *(name for name in _walk(path) if name in wanted)]


def _journal_names(path: str) -> list[str]:
    """The files that Drizzle's journal names; empty without a journal.

    Raises:
        TitanError: it is no journal, or names a file that is not there.
    """
    from .beside import JOURNAL, files_of_journal

    there = set(os.listdir(path))
    if not os.path.exists(os.path.join(path, JOURNAL)):
        return []
    names = files_of_journal(_read_text(os.path.join(path, JOURNAL), JOURNAL, _is_of_others(path)))
    missing = [name for name in names if name not in there]
    if missing:
        raise TitanError(f"{JOURNAL} names {missing[0]}, which is not there.", file=JOURNAL)
    return names


def _unreadable(path: str, error: OSError) -> OptionError:
    return OptionError(
        "path",
        path,
        f"The migration directory cannot be read ({error.strerror}). Name a directory of .sql files that the user "
        "who runs the playbook may read.",
    )


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name[:1] != "."]
    except OSError as error:
        raise _unreadable(path, error) from error


def _walk(path: str) -> Iterable[str]:
    """Every SQL file below the directory, relative to it, links to directories not followed."""
    for folder, inner, files in os.walk(path):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        below = os.path.relpath(folder, path).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        yield from (prefix + name for name in sorted(files) if name.lower().endswith(".sql") and name[:1] != ".")


def _refuse_other_shapes(path: str, naming: str) -> None:
    """A directory whose SQL lies only where the naming does not look must not pass for one without migrations."""
    name = next(iter(_walk(path)), None)
    if name is not None:
        raise OptionError(
            "path",
            path,
            f"It holds no {SHAPES[naming]}, but {name!r}. Name the directory that holds the files, and their naming "
            f"({', '.join(NAMINGS)}).",
        )
    names = other_languages(path)
    if names:
        raise OptionError(
            "path",
            path,
            f"It holds no SQL, but migrations in another language, such as {names[0]!r}. Let their own tool write them as SQL, and "
            "name the directory with these files.",
        )


def _sql_names(path: str, naming: str) -> Iterable[str]:
    if naming in PLANNED:
        yield from _planned_names(path, naming)
        return
    if naming == DRIZZLE:
        yield from _journal_names(path)
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if naming in FOLDERS and entry.is_dir():
                with os.scandir(entry.path) as inner:
                    yield from (f"{entry.name}/{item.name}" for item in inner if item.name.lower().endswith(".sql"))
            elif naming == "flyway" and entry.is_dir() and not entry.name.startswith("."):
                yield from (f"{entry.name}/{name}" for name in _sql_names(entry.path, naming))
            elif (
                _is_sql(entry)
                and naming not in FOLDERS
                and (naming not in _PASSING_OVER or is_named(entry.name, naming))
            ):
                yield entry.name


# Namings whose tool says in a file beside the SQL that it runs by statement.
_CONFIGURED = frozenset(("flyway", "diesel", "directory"))


def _runs_by_statement(path: str, naming: str) -> bool:
    from .beside import says_by_statement  # for three namings

    beside = f"{path}.conf" if naming == "flyway" else os.path.join(os.path.dirname(path), "metadata.toml")
    try:
        with open(beside, encoding="utf-8", errors="replace", opener=_without_waiting) as stream:
            text = stream.read(65536)
    except OSError:
        return False
    return says_by_statement(text, os.path.basename(beside), naming)


def _is_sql(entry: os.DirEntry[str]) -> bool:
    if not entry.name.lower().endswith(".sql") or entry.name.startswith("."):
        return False
    return not entry.is_dir()  # a link that leads nowhere, or a named pipe: reading it says so


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _is_of_others(path: str) -> bool:
    """Whether this is root, in a directory in which another user may exchange what lies there."""
    try:
        return not os.geteuid() and user_in_charge(path, whatever_is_there=True) != 0
    except UnsafePathError:  # everybody may
        return True


def _read_text(path: str, name: str, others: bool) -> str:
    try:
        data = _read(path, others)
    except UnsafePathError as error:
        raise TitanError(f"The migration file {name!r} {error.why}. {error.remedy}", file=name) from error
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


def _read(path: str, others: bool) -> bytes | None:
    """What the file holds; None if that is too much. With the system's own calls: open() makes three more of them a file.

    Raises:
        UnsafePathError: it is not a regular file, or in a directory of others, a link or name of theirs for what is not theirs.
    """
    descriptor = open_file(path) if others else _without_waiting(path, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise UnsafePathError(path, "is not a regular file", "Put a regular file there.")
        size = status.st_size
        if size > _MAX_FILE:
            return None
        data = os.read(descriptor, size + 1)
        while len(data) != size and (more := os.read(descriptor, _MAX_FILE)):
            data += more
            size = -1  # it grows while it is read: go on to its end
        return data
    finally:
        os.close(descriptor)
