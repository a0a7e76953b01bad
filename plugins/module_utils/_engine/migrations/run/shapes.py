# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the same name and another shape that are there before a file: OR REPLACE cannot replace them, IF NOT EXISTS leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from ...errors import DatabaseError
from ...postgres.database import Database
from ...text.quoted import quoted_name
from ..files.script import Script
from ..sql.lexer import Statement
from ..sql.statements import Named, created, dropped, names_in
from ..sql.tokens import QUOTED, WORD
from .existing_objects import objects_named
from .kept_options import other_collation, other_schema, other_sequence
from .routines import other_routine, type_name
from .view_columns import finer_difference

_NO_COLUMN = frozenset(("constraint", "primary", "unique", "check", "foreign", "exclude", "like", "period"))
_LOGGED = "SELECT relpersistence = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%s)"
_KIND = "SELECT c.relkind::text FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(%s)"
_CALLED = {
    "r": "table", "p": "partitioned table", "m": "materialized view", "S": "sequence", "f": "foreign table", "c": "type", "v": "view",
}  # fmt: skip
# the kinds that a tolerant CREATE of these words may find
_STAYS = {"materialized": ("m",), "sequence": ("S",), "index": ("i", "I")}
_COLUMNS = """
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def other_shapes(database: Database, script: Script, touched: AbstractSet[str] = frozenset()) -> list[str]:
    """A sentence for each such object that the file does not drop first; what cannot be seen without running the file is left out.

    Args:
        touched: Names in the files before it, in lower case.
    """
    sentences: list[str] = []
    gone = set(touched)
    for statement in script.statements:
        gone |= {_last_name(named.name) for named in dropped(statement)}
        if statement.key()[0] == "do" and "drop" in {name.lower() for name in names_in(statement)}:
            gone |= {name.lower() for name in names_in(statement)}  # it looks itself at what is there
        named = created(statement)
        collation = other_collation(database, statement, gone)
        if collation:
            sentences.append(f"{script.file}, line {statement.line}: {collation}")
        if named is None or not (named.tolerant or named.kind == "routine") or _last_name(named.name) in gone:
            continue
        difference = _difference(database, script, statement, named)
        if named.tolerant:
            gone.add(_last_name(named.name))  # a second one of this name meets the first
        if difference:
            sentences.append(f"{script.file}, line {statement.line}: {difference}")
    return sentences


def _last_name(name: str) -> str:
    return name.split("(")[0].split(".")[-1].strip().strip('"').lower()


def _difference(database: Database, script: Script, statement: Statement, named: Named) -> str:
    words = statement.key()
    if named.kind == "routine":
        return other_routine(database, script, statement, named)
    if named.kind == "extension":
        return other_schema(database, statement, named)
    if named.kind != "relation" or not objects_named(database, named):
        return ""
    kind = str(database.value(_KIND, (named.name,)))
    if "view" in words[:5] and "materialized" not in words[:5]:
        other = (
            f"the {_CALLED.get(kind, 'relation')} {named.name} already exists, and CREATE OR REPLACE cannot replace it by a view. "
            "Drop it first, or give the view another name."
        )
        return _view(database, script, statement, named) if kind == "v" else other
    if "table" in words[:4]:
        other = f"a {_CALLED.get(kind, 'relation')} of the name {named.name} already exists, and IF NOT EXISTS creates no table beside it."
        return _table(database, statement, named) if kind in ("r", "p", "f") else other
    found = next((name for name in _STAYS if name in words[:5]), "")
    if found and kind not in _STAYS[found]:
        return f"a {_CALLED.get(kind, 'relation')} of the name {named.name} already exists, and IF NOT EXISTS creates no {found} beside it."
    if found == "materialized":
        return _view(database, script, statement, named)
    return other_sequence(database, statement, named) if found == "sequence" else ""


def _view(database: Database, script: Script, statement: Statement, named: Named) -> str:
    """Ask the server for the columns of the view's query, without running it."""
    words = statement.key()
    if "as" not in words:
        return ""
    query = script.text[statement.tokens[words.index("as")].end : statement.end]
    try:
        with database.transaction("BEGIN READ ONLY"):  # ON false: it is planned and never run
            row = database.row(f"SELECT one.*, q.* FROM (SELECT 1 AS one) AS one LEFT JOIN ({query}\n) AS q ON false")  # noqa: S608
    except DatabaseError:
        return ""  # it needs what this file makes
    given = _listed_columns(statement)
    found = list(row or {})[1:]
    wanted = [*given, *found[len(given) :]]
    here = database.rows(_COLUMNS, (named.name,))
    names = [item["name"] for item in here]
    if "materialized" in words[:5]:
        return "" if wanted == names else (
            f"the materialized view {named.name} already exists with the columns {', '.join(names)}, and IF NOT EXISTS leaves it as it is."
        )  # fmt: skip
    if wanted[: len(names)] != names:
        return (
            f"the view {named.name} already exists with the columns {', '.join(names)}; CREATE OR REPLACE cannot give it {', '.join(wanted)}. "
            "Drop it first, in this file or by hand."
        )
    types = _types_of(database, query, found) if len(set(found)) == len(found) else []
    for item, wanted_type in zip(here, types):
        if type_name(database, item["type"]) != type_name(database, wanted_type):
            return (
                f"the view {named.name} already exists, its column {item['name']} has the type {item['type']}; CREATE OR REPLACE cannot make it "
                f"{wanted_type}. Drop it first, in this file or by hand."
            )
    return finer_difference(database, named.name, query, [quoted_name(name) for name in found], names) if types else ""


def _listed_columns(statement: Statement) -> list[str]:
    """The names in parentheses between the view's name and AS."""
    words = statement.key()
    head = words[: words.index("as")]
    if "(" not in head or ("with" in head and head.index("with") < head.index("(")):
        return []
    inside = statement.tokens[head.index("(") + 1 : head.index(")")]
    return [token.name for token in inside if token.text != ","]


def _types_of(database: Database, query: str, names: Sequence[str]) -> list[str]:
    """The types of the query's columns, without running it."""
    columns = ", ".join(
        f"pg_catalog.pg_typeof(q.{quoted_name(name)})::pg_catalog.text AS c{at}" for at, name in enumerate(names)
    )
    try:
        with database.transaction("BEGIN READ ONLY"):
            row = database.row(f"SELECT {columns} FROM (SELECT 1 AS one) AS one LEFT JOIN ({query}\n) AS q ON false")  # noqa: S608
    except DatabaseError:
        return []
    return [str(row[f"c{at}"]) for at in range(len(names))] if row else []


def _table(database: Database, statement: Statement, named: Named) -> str:
    """The columns that IF NOT EXISTS will not add."""
    if "unlogged" in statement.key()[:3] and database.value(_LOGGED, (named.name,)):
        return f"the table {named.name} already exists and is logged, and IF NOT EXISTS leaves it so."
    here = {row["name"] for row in database.rows(_COLUMNS, (named.name,))}
    missing = [name for name in _declared_columns(statement) if name not in here]
    if not missing:
        return ""
    return (
        f"the table {named.name} already exists without the columns {', '.join(missing)}, and IF NOT EXISTS leaves it as it is. "
        "Add them with ALTER TABLE, or drop the existing table first."
    )


def _declared_columns(statement: Statement) -> Sequence[str]:
    names: list[str] = []
    depth, at_start = 0, False
    for token in statement.tokens:
        if token.text == "(":
            depth += 1
            at_start = depth == 1 and not names
            continue
        if token.text == ")":
            depth -= 1
            if not depth:
                break
        elif token.text == "," and depth == 1:
            at_start = True
            continue
        elif at_start and depth == 1 and token.kind in (WORD, QUOTED) and token.word not in _NO_COLUMN:
            names.append(token.name)
        at_start = False
    return names
