# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a dump are loaded when only some of its tables are wanted. Pure.

All definitions are loaded, because what a table needs (types, functions, extensions, parents) is known only when it is there;
restore.prune removes the others. Left out are the rows of other tables, foreign keys to and from those, and what belongs to no
table: large objects, publications, subscriptions, event triggers and default privileges.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import OptionError
from .contents import ArchiveEntry
from .kinds import new_owner
from .list_lines import number_of
from .script import Rows, Statement, cut
from .texts import Lines, lines_of

Name = tuple[str, str]


class LeftKey(NamedTuple):
    """A foreign key that was left out: its name, its table and the one that it refers to."""

    name: str
    table: str
    other: str


_IDENTIFIER = rb'(?:"(?:[^"]|"")*"|[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)'
_TABLE = rb"(" + _IDENTIFIER + rb")\.(" + _IDENTIFIER + rb")"
_COLUMNS = rb'\((?:"(?:[^"]|"")*"|[^")])*\)'
_ATTACH = re.compile(rb"ALTER TABLE (?:ONLY )?" + _TABLE + rb" ATTACH PARTITION " + _TABLE)
_ROWS_OF = re.compile(rb"(?:COPY|INSERT INTO) " + _TABLE)
_FOREIGN_KEY = re.compile(
    rb"ALTER TABLE (?:ONLY )?" + _TABLE + rb"\s+ADD CONSTRAINT (" + _IDENTIFIER + rb") FOREIGN KEY " + _COLUMNS
    + rb" REFERENCES " + _TABLE, re.DOTALL,
)  # fmt: skip
_ENCODING = re.compile(rb"SET client_encoding = '([A-Za-z0-9_]+)'")
_OF_NO_TABLE = re.compile(
    rb"SELECT pg_catalog\.lo(?:_|write)|(?:BEGIN|COMMIT);|(?:CREATE|ALTER) (?:PUBLICATION|SUBSCRIPTION|EVENT TRIGGER|LARGE OBJECT) "
    rb"|COMMENT ON (?:PUBLICATION|SUBSCRIPTION|EVENT TRIGGER|LARGE OBJECT) |(?:GRANT|REVOKE) [^;\"]* ON LARGE OBJECT "
    rb"|ALTER DEFAULT PRIVILEGES |SECURITY LABEL |REFRESH MATERIALIZED VIEW "
)
_KINDS_OF_NO_TABLE = re.compile(
    r"BLOBS?|BLOB METADATA|BLOB COMMENTS|LARGE OBJECT|EVENT TRIGGER|PUBLICATION(?: TABLES?.*)?|SUBSCRIPTION(?: TABLE)?|DEFAULT ACL"
    r"|SECURITY LABEL|MATERIALIZED VIEW DATA"
)
_NAMES_OF_NO_TABLE = (b"PUBLICATION ", b"SUBSCRIPTION ", b"EVENT TRIGGER ", b"LARGE OBJECT ", b"LARGE OBJECTS ")
_PRIVILEGES = (b"GRANT ", b"REVOKE ")


@dataclass
class Selection:
    """What is wanted of a dump, and what was seen of it while it was read.

    Attributes:
        tables: As "schema.table", or "table" of the schema public.
        schemas: Schemas whose tables and other objects are wanted.
        owners, privileges: Whether objects get their owners and privileges.
        left_keys: Foreign keys of wanted tables to others.
    """

    tables: tuple[str, ...]
    schemas: tuple[str, ...]
    owners: bool = True
    privileges: bool = True
    left_keys: list[LeftKey] = field(default_factory=list)
    _parents: dict[Name, Name] = field(default_factory=dict)
    _codec: str = "utf-8"

    def names(self, schema: str, name: str) -> bool:
        """Whether the table itself is named, or its schema."""
        return (
            schema in self.schemas or f"{schema}.{name}" in self.tables or (schema == "public" and name in self.tables)
        )

    def takes(self, schema: str, name: str) -> bool:
        """Whether the table is wanted: it is named, or it is a partition of one that is."""
        at: Name | None = (schema, name)
        for _level in range(len(self._parents) + 1):
            if at is None or self.names(*at):
                return at is not None
            at = self._parents.get(at)
        return False

    def text(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The text of a plain dump without what is not loaded."""
        wanted = True
        for item in cut(pieces):
            if isinstance(item, Rows):
                if wanted:
                    yield item.text
                continue
            wanted = self._wants(item)
            if wanted:
                yield item.text

    def _wants(self, statement: Statement) -> bool:
        bare = statement.bare
        if not bare.endswith(b";"):
            return True
        encoding = _ENCODING.match(bare)
        if encoding:
            self._set_encoding(encoding[1])
        if _OF_NO_TABLE.match(bare) or (not self.privileges and bare.startswith(_PRIVILEGES)):
            return False
        if not self.owners and new_owner(bare):
            return False
        rows = _ROWS_OF.match(bare)
        if rows:
            return self.takes(*self._name(rows))
        self._note_partition(bare)
        return self._wants_key(bare)

    def listing(self, lines: Iterable[str], entries: Sequence[ArchiveEntry]) -> Lines:
        """The lines of an archive's list that are loaded, by the archive's entries."""
        for entry in entries:
            found = _ENCODING.match(entry.definition) if entry.kind == "ENCODING" else None
            if found:
                self._set_encoding(found[1])
        for entry in entries:
            self._note_partition(entry.definition.lstrip())
        unwanted = {entry.number for entry in entries if not self._wants_entry(entry)}
        return lines_of(lines, lambda line: number_of(line) not in unwanted)

    def _wants_entry(self, entry: ArchiveEntry) -> bool:
        if _KINDS_OF_NO_TABLE.fullmatch(entry.kind) or (entry.kind == "ACL" and not self.privileges):
            return False
        if entry.kind in ("COMMENT", "ACL") and not entry.schema and entry.name.startswith(_NAMES_OF_NO_TABLE):
            return False
        if entry.kind == "TABLE DATA":
            return self.takes(self._decode(entry.schema), self._decode(entry.name))
        return entry.kind != "FK CONSTRAINT" or self._wants_key(entry.definition.lstrip())

    def _note_partition(self, statement: bytes) -> None:
        attached = _ATTACH.match(statement)
        if attached:
            self._parents[self._name(attached, 3)] = self._name(attached)

    def _wants_key(self, statement: bytes) -> bool:
        found = _FOREIGN_KEY.match(statement)
        if not found:
            return True
        table, other = self._name(found), self._name(found, 4)
        if not self.takes(*table):
            return False
        if self.takes(*other):
            return True
        left = LeftKey(self._unquoted(found[3]), ".".join(table), ".".join(other))
        self.left_keys += [] if left in self.left_keys else [left]  # a load may be tried again
        return False

    def _set_encoding(self, name: bytes) -> None:
        known = name.decode("ascii").lower()
        try:
            self._codec = codecs.lookup(f"cp{known[3:]}" if known.startswith("win") else known).name
        except LookupError:  # SQL_ASCII, for one
            self._codec = "utf-8"

    def _name(self, found: re.Match[bytes], group: int = 1) -> Name:
        return self._unquoted(found[group]), self._unquoted(found[group + 1])

    def _unquoted(self, text: bytes) -> str:
        name = self._decode(text)
        return name[1:-1].replace('""', '"') if name.startswith('"') else name

    def _decode(self, text: bytes) -> str:
        return text.decode(self._codec, "surrogateescape")


def require_known(selection: Selection, tables: Collection[str], schemas: Collection[str]) -> None:
    """Refuse a selection of what the backup does not hold.

    Args:
        selection: What is wanted.
        tables: The tables that there are, as "schema.table".
        schemas: The schemas that there are.

    Raises:
        OptionError: names the first table or schema that is not there, and those that have nearly the name.
    """
    for name in selection.tables:
        if name not in tables and f"public.{name}" not in tables:
            near = sorted(label for label in tables if label.split(".", 1)[-1] == name.rsplit(".", 1)[-1])
            hint = f"Did you mean {first_of(near)}?" if near else "Write SCHEMA.TABLE, without quotes."
            raise OptionError("tables", name, f"The backup has no such table. {hint}")
    for name in selection.schemas:
        if name not in schemas or name.startswith("pg_") or name == "information_schema":
            raise OptionError("schemas", name, "The backup has no such schema.")


def first_of(names: Sequence[str], count: int = 5) -> str:
    """The first names, and how many more there are."""
    more = [f"{len(names) - count} more"] if len(names) > count else []
    return ", ".join([*names[:count], *more])
