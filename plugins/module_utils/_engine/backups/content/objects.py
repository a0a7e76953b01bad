# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a schema, as pg_dump writes them: one hash each, under a name that says what it is.

pg_dump begins each object with a comment that names it, its kind, schema and owner. A text in a function's body that looks
like one begins an object of its own here; as it does so on both sides of a comparison, nothing is lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

from ..programs.pipeline import Chain
from .compact import CompactMap

# "-- Name: orders; Type: TABLE; Schema: public; Owner: shop; Tablespace: fast"
_HEADER = re.compile(
    rb"-- (?:Data for )?Name: (?P<name>.*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>[^;]*); (?P<rest>Owner: .*)$"
)
_METHOD = b"SET default_table_access_method = "
_USUAL_METHOD = _METHOD + b"heap;"
_BETWEEN = re.compile(
    rb"SET default_(?:tablespace|table_access_method|with_oids) = .*;$|\\unrestrict |-- PostgreSQL database dump complete$"
)
_QUOTED = re.compile(rb"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_BREAK = b"\x00"  # which no text in a database has
_STORED = (b"TABLE", b"MATERIALIZED VIEW")
_LENGTH = 16  # hexadecimal digits of a SHA-256 that are kept

# PostgreSQL writes IN ('a', 'b') over a varchar column in one way at first, and in another once it has read its own text.
_LITERAL = rb"(?:E?'(?:[^'\\]|''|\\.)*')"
_AROUND = re.compile(
    rb"\(ARRAY\[(" + _LITERAL + rb"::character varying(?:, " + _LITERAL + rb"::character varying)*)\]\)::text\[\]"
)
_INSIDE = re.compile(rb"\((" + _LITERAL + rb"::character varying)\)::text\b")

# pg_dump writes a policy's roles in the order in which they happen to lie in the server's catalog.
_ROLE = rb'(?:"(?:[^"]|"")+"|[\w$\x80-\xff]+)'
_POLICY_ROLES = re.compile(rb" TO (" + _ROLE + rb"(?:, " + _ROLE + rb")+)(?= USING \(| WITH CHECK \(|;)")
_EACH_ROLE = re.compile(_ROLE)

# Servers of some releases number the forms of a table in an option of its columns; a pg_dump that does not know it writes it.
_ONLY_NUMBER = re.compile(rb"\n?ALTER [^\n;]* ALTER COLUMN [^\n;]* SET \(pg_attver='?\d+'?\);")
_NUMBER = re.compile(rb"(?<= SET \()pg_attver='?\d+'?, |, pg_attver='?\d+'?(?=[,)])")

_SIMPLE = re.compile(r"[a-z_][a-z0-9_]*")


def objects_from(started: Chain, renamed: tuple[str, str] | None = None) -> Mapping[str, str]:
    """The objects that a started pg_dump --schema-only writes, as ObjectReader.objects() gives them.

    Args:
        started: The pg_dump.
        renamed: A role's name, and the one that it has in the source.

    Raises:
        TitanError: it failed.
    """
    reader = ObjectReader()
    lines = (line.rstrip(b"\n") for line in started.output)
    reader.feed(with_name(line, *renamed) for line in lines) if renamed else reader.feed(lines)
    started.finish()
    return reader.objects()


def with_name(text: bytes, role: str, other: str) -> bytes:
    """The lines of a dump with another name for a role; its own name needs no quotes and occurs nowhere else."""
    old = role.encode()
    if old not in text:
        return text
    plain = other.encode()
    quoted = plain if _SIMPLE.fullmatch(other) else b'"' + plain.replace(b'"', b'""') + b'"'
    return b"\n".join(
        line.replace(old, plain if line.startswith(b"--") else quoted) if old in line else line
        for line in text.split(b"\n")
    )


class ObjectReader:
    """Collects the objects of a dump without rows from its lines."""

    def __init__(self) -> None:
        self._hashes = CompactMap[str](">Q", _as_number, _as_digits)
        self._several: dict[str, list[str]] = {}
        self._key, self._kind, self._rest = "", b"", b""
        self._lines: list[bytes] = []
        self._method = b""

    def feed(self, lines: Iterable[bytes]) -> None:
        """Take the next lines, without their ends."""
        for line in lines:
            found = _HEADER.match(line) if line.startswith(b"-- ") and self._lines[-1:] == [b"--"] else None
            if found:
                self._finish()
                self._kind, self._rest = found["kind"], found["rest"]
                self._key = _key(found["kind"], found["schema"], found["name"])
            else:
                self._lines.append(line)

    def objects(self) -> Mapping[str, str]:
        """The hash of each object by "KIND schema.name"; of several with one name (operators), that of all their hashes."""
        self._finish()
        for key, hashes in self._several.items():
            self._hashes.replace(key, _hash("".join(sorted(hashes)).encode()))
        return self._hashes

    def _note(self, key: str, found: str) -> None:
        """Hold the object; what one of several with its name is, objects() says."""
        if not self._hashes.add(key, found):
            self._several.setdefault(key, [self._hashes[key]]).append(found)

    def _finish(self) -> None:
        lines, self._lines = self._lines, []
        method = self._method
        self._method = _cut_end(lines) or method  # the next object's
        if not self._key:
            return  # what comes before the first object: the settings of the dump
        text = b"\n".join(lines).strip()
        if self._kind == b"TABLE" and any(line.startswith(b"INHERITS (") for line in lines):
            text = _in_any_order(text)  # a restore may order the columns otherwise
        if self._kind == b"POLICY":
            text = _POLICY_ROLES.sub(_sorted_roles, text, count=1)
        if (
            self._kind == b"TABLE" and b"\nPARTITION BY " in text
        ):  # has none itself; pg_dump leaves what the table before it had, if there was one
            method = _USUAL_METHOD
        head = self._rest + (method if self._kind in _STORED else b"")
        self._note(self._key, _hash(head + b"\n" + normal_text(text)))


def _cut_end(lines: list[bytes]) -> bytes:
    """Remove what stands between an object and the next one from the end of its lines; returns the access method set there."""
    method = b""
    while lines and (lines[-1] in (b"", b"--") or _BETWEEN.match(lines[-1])):
        line = lines.pop()
        if line.startswith(_METHOD):
            method = method or line
    return method


def _in_any_order(text: bytes) -> bytes:
    """The lines in order, each without the comma at its end; a line break within a literal or a name ends none."""
    whole = _QUOTED.sub(lambda found: found[0].replace(b"\n", _BREAK), text)
    return b"\n".join(sorted(line.rstrip(b",") for line in whole.split(b"\n")))


def _sorted_roles(found: re.Match[bytes]) -> bytes:
    return b" TO " + b", ".join(sorted(_EACH_ROLE.findall(found[1])))


def normal_text(text: bytes) -> bytes:
    """The text in the one of PostgreSQL's ways to write the same expression that it keeps to, and without its own numbers."""
    if b"pg_attver" in text:
        text = _NUMBER.sub(b"", _ONLY_NUMBER.sub(b"", text))
    if b"::character varying" not in text:
        return text
    return _INSIDE.sub(rb"\1", _AROUND.sub(rb"ARRAY[\1]", text))


def _key(kind: bytes, schema: bytes, name: bytes) -> str:
    text = kind + b" " + (b"" if schema == b"-" else schema + b".") + name
    return text.decode("utf-8", "backslashreplace")


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_LENGTH]


def _as_number(digits: str) -> tuple[int]:
    return (int(digits, 16),)


def _as_digits(number: int) -> str:
    return f"{number:0{_LENGTH}x}"


def object_differences(
    source: Mapping[str, str],
    restored: Mapping[str, str],
    definitions: bool = True,
    without: Collection[str] = (),
    undefined: Collection[str] = (),
) -> list[str]:
    """One sentence for each object that is not the same.

    Args:
        source, restored: From ObjectReader.objects().
        definitions: False to compare only which objects there are.
        without: Objects of the source that need not be in the restored database.
        undefined: Objects whose definitions are not compared.
    """
    found = []
    for key, definition in source.items():
        now = restored.get(key)
        if now is None and key not in without:
            found.append((key, f"{key} is missing after the restore"))
        elif now is not None and definitions and now != definition and key not in undefined:
            found.append((key, f"{key} is not defined as in the source"))
    found += [(key, f"{key} is in the restore but was not in the source") for key in restored if key not in source]
    return [message for _key, message in sorted(found)]
