# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read environment files the way a POSIX shell would, without running one.

The accepted language is the part of the shell's that needs no execution: assignments with bare, single-quoted
and double-quoted values, optional ``export``, comments and blank lines. Anything else (an expansion, a command, an
unquoted space) would mean something else to the shell that cron uses, and is refused with its line number.
"""

from __future__ import annotations

import os
import re
from typing import Any

from ..errors import TitanError
from .programs import run
from .safe_open import UnsafePathError, open_file

_ASSIGNMENT = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
_BARE_REFUSED = set(" \t;&|<>()$`*?[\"'\\~#")


class EnvFileError(TitanError):
    """The file cannot be read, or a line means something else to a shell."""


def read_env_file(path: str) -> dict[str, str]:
    """Return the variables that the file assigns.

    Raises:
        EnvFileError: the file is missing, not readable, or not UTF-8, another user could have put it there, or a line is
            outside the language.
    """
    return parse_env(_read(path)[0], path)


def _read(path: str) -> tuple[str, os.stat_result]:
    """The file's text, and what it was read from."""
    try:
        with os.fdopen(open_file(path), "rb") as stream:
            return stream.read().decode("utf-8"), os.fstat(stream.fileno())
    except UnsafePathError as error:
        raise EnvFileError(f"The env file {error.message}", env_file=path) from error
    except OSError as error:
        raise EnvFileError(
            f"The env file {path!r} cannot be read ({error.strerror}). "
            "Create it with DATABASE_URL=... (mode 0600, owned by the job's user) or correct env_file.",
            env_file=path,
        ) from error
    except UnicodeDecodeError as error:
        raise EnvFileError(f"The env file {path!r} is not UTF-8 text (byte {error.start}).", env_file=path) from error


def parse_env(text: str, path: str = "env file") -> dict[str, str]:
    """Return the variables that the text assigns; path is only used in messages."""
    if "\0" in text:
        raise EnvFileError(f"{path}: contains a NUL byte.", env_file=path)
    return _Reader(text, path).variables()


def check_against_shell(path: str) -> dict[str, str]:
    """Return the file's variables after checking that /bin/sh, sourcing it, sees the same values.

    The shell gets the bytes that our reader has accepted, which are nothing but assignments, and runs as the file's owner.

    Raises:
        EnvFileError: as read_env_file, or the shell sees another value for a variable (which is named).
    """
    text, status = _read(path)
    ours = parse_env(text, path)
    done = run(
        ["/bin/sh", "-euc", 'set -a; eval "$(cat)"; set +a; exec /usr/bin/env -0'],
        input=text.encode(),
        capture_output=True,
        env={"PATH": "/usr/bin:/bin"},
        cwd="/",
        **_as_owner(status),
    )
    pairs = (item.partition(b"=") for item in done.stdout.split(b"\0"))
    shell = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _equals, value in pairs}
    different = [name for name, value in ours.items() if shell.get(name) != value]
    if done.returncode or different:
        what = (
            f"{different[0]} differs"
            if different
            else f"the shell fails: {' '.join(done.stderr.decode(errors='replace').split())}"
        )
        raise EnvFileError(
            f"{path} means something else to /bin/sh than to titan-db: {what}. Put the value into single quotes.",
            env_file=path,
        )
    return ours


def _as_owner(status: os.stat_result) -> dict[str, Any]:
    """Keywords for subprocess: root lets the file's owner run the shell."""
    if os.geteuid() or not status.st_uid:
        return {}
    return {"user": status.st_uid, "group": status.st_gid, "extra_groups": []}


class _Reader:
    """One pass over the text; a quoted value may span lines."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path, self.position = text, path, 0

    def fail(self, why: str) -> EnvFileError:
        line = self.text.count("\n", 0, self.position) + 1
        return EnvFileError(
            f"{self.path}, line {line}: {why} A shell would read this line differently: "
            "write NAME='value', with single quotes around anything but letters and digits.",
            env_file=self.path,
            line=line,
        )

    def variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.position < len(self.text):
            rest = self.text[self.position :].split("\n", 1)[0]
            stripped = rest.lstrip(" \t")
            if not stripped or stripped.startswith("#"):
                self.position += len(rest) + 1
                continue
            self.position += len(rest) - len(stripped)
            match = _ASSIGNMENT.match(stripped)
            if not match:
                raise self.fail("is not an assignment NAME=value.")
            self.position += match.end()
            found[match.group(1)] = self.value()
        return found

    def value(self) -> str:
        parts: list[str] = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == "\n":
                self.position += 1
                break
            if char == "\r":
                raise self.fail("has a carriage return (Windows line end), which would become part of the value.")
            if char in " \t":
                self.trailing()
                break
            if char == "'":
                parts.append(self.single_quoted())
            elif char == '"':
                parts.append(self.double_quoted())
            elif char == "\\":
                parts.append(self.escaped())
            elif char in _BARE_REFUSED:
                raise self.fail(f"has an unquoted {char!r}.")
            else:
                parts.append(char)
                self.position += 1
        return "".join(parts)

    def trailing(self) -> None:
        """After a value only white space and a comment may follow on the line."""
        rest = self.text[self.position :].split("\n", 1)[0]
        stripped = rest.strip(" \t")
        if stripped and not stripped.startswith("#"):
            raise self.fail("has an unquoted space in the value.")
        self.position += len(rest) + 1

    def escaped(self) -> str:
        following = self.text[self.position + 1 : self.position + 2]
        if following in ("", "\n"):
            raise self.fail("ends in a backslash.")
        self.position += 2
        return following

    def single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise self.fail("opens a single quote that is never closed.")
        inner = self.text[self.position + 1 : end]
        self.position = end + 1
        return inner

    def double_quoted(self) -> str:
        parts: list[str] = []
        index = self.position + 1
        while index < len(self.text):
            char = self.text[index]
            if char == '"':
                self.position = index + 1
                return "".join(parts)
            if char in "$`":
                raise self.fail(f"has {char!r} inside double quotes, which the shell would expand.")
            if char == "\\":
                following = self.text[index + 1 : index + 2]
                if following == "\n":
                    index += 2
                    continue
                parts.append(following if following in '$`"\\' and following else char + following)
                index += 2
                continue
            parts.append(char)
            index += 1
        raise self.fail("opens a double quote that is never closed.")
