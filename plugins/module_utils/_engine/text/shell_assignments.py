# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a POSIX shell with an empty environment assigns when it sources a text, without running a shell.

The accepted language is the part that needs no execution and means the same to every shell: assignments, ``export``,
quotes, comments, and references to variables (``$NAME``, ``${NAME}``, ``${NAME:-word}`` with a plain word). Whatever is
beyond it raises BeyondError; whatever is a mistake in an env file raises AssignmentError. Tested against dash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_REFERENCE = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([A-Za-z0-9_./@%,-]*))?\})"
)
_SPACED = re.compile(r"(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]+=")
_OPERATORS = "&|<>()"
SPACE_BEFORE_EQUALS = "has a space before the equals sign."
# Variables that a shell sets by itself, or that change how it reads on.
_OWN = frozenset(
    re.findall(
        r"\w+",
        """PATH PWD OLDPWD IFS OPTIND OPTARG PPID PS1 PS2 PS4 LINENO HOME MAIL MAILPATH MAILCHECK FUNCNAME TERM HISTSIZE
        RANDOM SECONDS UID EUID GROUPS SHELL SHELLOPTS SHLVL HOSTNAME HOSTTYPE MACHTYPE OSTYPE DIRSTACK ATTY ENV _""",
    )
)


class AssignmentError(ValueError):
    """A line is a mistake: the shell would read something else than was meant, or fail.

    Args:
        line: Its number, from 1.
        reason: What is wrong with it, as a predicate ("has ...").
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


class BeyondError(AssignmentError):
    """A line needs a shell: a command, a command substitution, an operator."""


def read_assignments(text: str) -> dict[str, str]:
    """Return the variables that the text assigns.

    Raises:
        AssignmentError: a line is a mistake.
        BeyondError: a line needs a shell.
    """
    return _Reader(text).variables()


def unset_references(text: str, variables: Mapping[str, str], name: str) -> list[str]:
    """The names without a value that the last assignment of name, at the start of a line, refers to outside single quotes."""
    lines = re.findall(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}=(.*)$", text, re.MULTILINE)
    outside = re.sub(r"'[^']*'|\\.", "", lines[-1]) if lines and not lines[-1].startswith("'") else ""
    found = (first or second for first, second, operator, _word in _REFERENCE.findall(outside) if not operator)
    return sorted({each for each in found if each not in variables})


class _Reader:
    """One pass over the text; a quoted value may span lines."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.values: dict[str, str] = {}

    def line(self) -> int:
        return self.text.count("\n", 0, self.position) + 1

    def mistake(self, reason: str) -> AssignmentError:
        return AssignmentError(self.line(), reason)

    def beyond(self, reason: str) -> BeyondError:
        return BeyondError(self.line(), reason)

    def peek(self, count: int = 1) -> str:
        return self.text[self.position : self.position + count]

    def variables(self) -> dict[str, str]:
        if "\0" in self.text:
            raise AssignmentError(self.text.count("\n", 0, self.text.index("\0")) + 1, "holds a NUL byte.")
        while self.position < len(self.text):
            self.blanks()
            if self.peek() == "\n":
                self.position += 1
            elif self.peek():
                self.command()
        return self.values

    def blanks(self) -> None:
        """Skip spaces, tabs, continued lines, and a comment."""
        while self.peek() in (" ", "\t") or self.peek(2) == "\\\n":
            self.position += 2 if self.peek() == "\\" else 1
        if self.peek() == "#":
            end = self.text.find("\n", self.position)
            self.position = len(self.text) if end < 0 else end

    def command(self) -> None:
        """The assignments up to the end of the line or a semicolon."""
        if re.compile(r"export[ \t]").match(self.text, self.position):
            self.position += len("export")
            self.exported()
            return
        before = self.position
        while True:
            match = _ASSIGNMENT.match(self.text, self.position)
            if not match:
                if self.position != before:
                    raise self.mistake("has an unquoted space in the value.")
                if _SPACED.match(self.text, self.position):
                    raise self.mistake(SPACE_BEFORE_EQUALS)
                raise self.not_an_assignment()
            self.position = match.end()
            self.assign(match.group(1), self.value())
            self.blanks()
            if self.ended():
                return

    def exported(self) -> None:
        """The arguments of export: all are expanded before the first is assigned."""
        values: dict[str, str] = {}
        names = 0
        while True:
            self.blanks()
            if self.ended():
                if not names:
                    raise self.beyond("prints all variables.")
                for name, value in values.items():
                    self.assign(name, value)
                return
            names += 1
            match = _ASSIGNMENT.match(self.text, self.position)
            if match:
                self.position = match.end()
                values[match.group(1)] = self.value()
                continue
            if _SPACED.match(self.text, self.position):
                raise self.mistake(SPACE_BEFORE_EQUALS)
            bare = _NAME.match(self.text, self.position)
            if not bare or self.text[bare.end() : bare.end() + 1] not in ("", " ", "\t", "\n", ";"):
                raise self.beyond("is not an assignment.")
            self.position = bare.end()

    def not_an_assignment(self) -> AssignmentError:
        if self.peek() == "\r":
            return self.carriage_return()
        return self.beyond("is not an assignment.")

    def carriage_return(self) -> AssignmentError:
        return self.mistake("has a carriage return (Windows line end), which would become part of the value.")

    def assign(self, name: str, value: str) -> None:
        if name == "OPTIND":
            raise self.beyond("sets a variable of the shell itself.")
        self.values[name] = value

    def ended(self) -> bool:
        """Whether the command ends here; a semicolon that ends it is skipped."""
        if self.peek() == ";" and self.peek(2) != ";;":
            self.position += 1
            return True
        return self.peek() in ("", "\n")

    def value(self) -> str:
        """One value, up to the first unquoted blank, line end or semicolon."""
        parts: list[str] = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if char in " \t\n;":
                break
            parts.append(self.piece(char))
        return "".join(parts)

    def piece(self, char: str) -> str:
        if char == "'":
            return self.single_quoted()
        if char == '"':
            return self.double_quoted()
        if char == "\\":
            return self.escaped()
        if char == "$":
            return self.reference(quoted=False)
        if char == "\r":
            raise self.carriage_return()
        if char in _OPERATORS:
            raise self.beyond(f"has an unquoted {char!r}.")
        if char == "`":
            raise self.beyond("has a command substitution.")
        if char == "~" and self.text[self.position - 1] in "=:\n":
            raise self.beyond("has an unquoted '~'.")
        self.position += 1
        return char

    def escaped(self) -> str:
        following = self.peek(2)[1:]
        if not following:
            raise self.mistake("ends with a backslash.")
        self.position += 2
        return "" if following == "\n" else following

    def single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            raise self.mistake("opens a single quote that is never closed.")
        inner = self.text[self.position + 1 : end]
        self.position = end + 1
        return inner

    def double_quoted(self) -> str:
        parts: list[str] = []
        start = self.position
        self.position += 1
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == '"':
                self.position += 1
                return "".join(parts)
            if char == "`":
                raise self.beyond("has a command substitution.")
            if char == "$":
                parts.append(self.reference(quoted=True))
            elif char == "\\":
                following = self.peek(2)[1:]
                parts.append(
                    "" if following == "\n" else following if following in '$`"\\' and following else char + following
                )
                self.position += 2
            else:
                parts.append(char)
                self.position += 1
        self.position = start
        raise self.mistake("opens a double quote that is never closed.")

    def reference(self, quoted: bool) -> str:
        """A reference to a variable, or a dollar sign that is one."""
        match = _REFERENCE.match(self.text, self.position)
        if match:
            name, operator, word = match.group(1) or match.group(2), match.group(3) or "", match.group(4) or ""
            if name in _OWN and name not in self.values:
                raise self.beyond(f"refers to {name}, which the shell sets.")
            self.position = match.end()
            if match.group(1) and self.peek(2) == "\\\n":
                raise self.beyond("has a continued line in a reference.")
            return _expanded(self.values.get(name), operator, word)
        following = self.peek(2)[1:]
        if following == "\\" and self.peek(3)[2:] == "\n":
            raise self.beyond("has a continued line in a reference.")
        if following in ("{", "(", "?", "$", "!", "-", "#", "@", "*", "`") or following.isdigit():
            raise self.beyond("has an expansion.")
        if following in ("'", '"') and following and not quoted:
            raise self.beyond("has a quote after a dollar sign.")
        self.position += 1
        return "$"


def _expanded(value: str | None, operator: str, word: str) -> str:
    present = value is not None and (value != "" or ":" not in operator)
    if operator.endswith("+"):
        return word if present else ""
    if operator.endswith("-"):
        return (value or "") if present else word
    return value or ""
