# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that a statement makes once more, columns and constraints that it names in vain, and drops that name another kind: what
PostgreSQL will refuse for certain, if nothing that runs before has to do with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...errors import DatabaseError
from ...postgres.database import Database
from ..sql.lexer import Statement
from ..sql.statements import dropped, qualified, written
from ..sql.tokens import QUOTED, WORD, Token
from .existing_objects import signature

# By the words after CREATE: the catalog and the prefix of its columns. Names without a schema, then those with one.
_PLAIN = {
    ("publication",): ("publication", "pub"),
    ("subscription",): ("subscription", "sub"),
    ("server",): ("foreign_server", "srv"),
    ("foreign", "data", "wrapper"): ("foreign_data_wrapper", "fdw"),
    ("event", "trigger"): ("event_trigger", "evt"),
    ("access", "method"): ("am", "am"),
    ("role",): ("roles", "rol"),
    ("user",): ("roles", "rol"),
    ("group",): ("roles", "rol"),
}  # fmt: skip
_IN_SCHEMA = {
    ("collation",): ("collation", "coll"),
    ("conversion",): ("conversion", "con"),
    ("statistics",): ("statistic_ext", "stx"),
    ("text", "search", "configuration"): ("ts_config", "cfg"),
    ("text", "search", "dictionary"): ("ts_dict", "dict"),
    ("text", "search", "parser"): ("ts_parser", "prs"),
    ("text", "search", "template"): ("ts_template", "tmpl"),
}
_NAMESPACE = "coalesce(pg_catalog.to_regnamespace(%s), pg_catalog.to_regnamespace(pg_catalog.quote_ident(pg_catalog.current_schema())))::oid"
_POLICY = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polname = %s AND polrelid = pg_catalog.to_regclass(%s))"
)
_RULE = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE rulename = %s AND ev_class = pg_catalog.to_regclass(%s))"
)
_TRIGGER = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgname = %s AND tgrelid = pg_catalog.to_regclass(%s) AND NOT tgisinternal)
"""
_CONSTRAINT = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conname = %s AND conrelid = pg_catalog.to_regclass(%s))"
)
_INDEX = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class t ON t.relnamespace = c.relnamespace
                WHERE c.relname = %s AND t.oid = pg_catalog.to_regclass(%s))
"""
_KEY = "SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indisprimary AND indrelid = pg_catalog.to_regclass(%s))"
_COLUMN = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped)
"""
_VIEW_OF = """
SELECT DISTINCT CASE WHEN v.relkind IN ('v', 'm') THEN 'the view ' ELSE 'a rule of ' END || v.oid::pg_catalog.regclass AS name,
       pg_catalog.lower(v.relname) AS stored
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid = pg_catalog.to_regclass(%s) AND a.attname = %s ORDER BY 1
"""
_CAST = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_cast WHERE castsource = pg_catalog.to_regtype(%s)::oid AND casttarget = pg_catalog.to_regtype(%s)::oid)
"""
_OPERATOR = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oprleft = pg_catalog.to_regtype(%s)::oid AND oprright = pg_catalog.to_regtype(%s)::oid
                  AND oprname = %s AND oprcode <> 0
                  AND oprnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(pg_catalog.current_schema()))::oid)
"""
_ROUTINE = """
SELECT CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind
  FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regprocedure(%s)
"""
_OF_CONSTRAINT = "SELECT conname::text FROM pg_catalog.pg_constraint WHERE conindid = pg_catalog.to_regclass(%s) AND contype IN ('p', 'u', 'x')"
_OF_TABLE = """
SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
 WHERE t.oid = pg_catalog.to_regtype(%s) AND c.relkind <> 'c'
"""
_ENDS = ("check", "unique", "primary", "foreign", "exclude", "not")


def made_again(database: Database, statement: Statement) -> str:
    """What a CREATE of a rarer kind finds there already; empty if nothing, or if the statement copes with it."""
    words = statement.key()
    if "exists" in words[:7] or "replace" in words[:3]:
        return ""
    for kinds, (catalog, prefix) in {**_PLAIN, **_IN_SCHEMA}.items():
        if words[1 : 1 + len(kinds)] != kinds:
            continue
        at = 1 + len(kinds)
        name = _stored(statement.tokens, at)
        query = f"SELECT EXISTS (SELECT FROM pg_catalog.pg_{catalog} WHERE {prefix}name = %s"  # noqa: S608 - our own names
        values: tuple[str | None, ...] = (name,)
        if kinds in _IN_SCHEMA:
            query += f" AND {prefix}namespace = {_NAMESPACE}"
            end = qualified(statement.tokens, at)
            values = (name, written(statement.tokens[at : end - 2]) or None)
        there = name and database.value(f"{query})", values)
        return f"the {' '.join(kinds)} {name} already exists" if there else ""
    return _between_types(database, statement, words) or _on_table(database, statement, words)


def _between_types(database: Database, statement: Statement, words: tuple[str, ...]) -> str:
    """The cast of two types, or the operator for them."""
    text = [token.text for token in statement.tokens]
    if words[1] == "cast" and words[2:3] == ("(",) and "as" in words and ")" in words:
        types = " ".join(text[3 : words.index("as")]), " ".join(text[words.index("as") + 1 : words.index(")")])
        return f"the cast from {types[0]} to {types[1]} already exists" if _both(database, _CAST, types) else ""
    if (
        words[1] == "operator"
        and words[2:3] not in (("class",), ("family",))
        and "leftarg" in words
        and "rightarg" in words
    ):
        name = "".join(text[2 : words.index("(")]) if "(" in words else ""
        types = _argument(text, words, "leftarg"), _argument(text, words, "rightarg")
        there = "." not in name and _both(database, _OPERATOR, (*types, name))
        return f"the operator {name} ({', '.join(types)}) already exists" if there else ""
    return ""


def _argument(text: Sequence[str], words: tuple[str, ...], option: str) -> str:
    at = words.index(option) + 2
    end = next((i for i in range(at, len(words)) if words[i] in (",", ")")), at)
    return " ".join(text[at:end])


def _both(database: Database, query: str, values: Sequence[str]) -> bool:
    try:
        return database.value(query, tuple(values)) is True
    except DatabaseError as error:  # no type of this name
        if error.lost:
            raise
        return False


def _on_table(database: Database, statement: Statement, words: tuple[str, ...]) -> str:
    at = 1 + (words[1] == "constraint")
    for kind, query in (("policy", _POLICY), ("rule", _RULE), ("trigger", _TRIGGER)):
        after = {"policy": "on", "rule": "to", "trigger": "on"}[kind]
        if words[at : at + 1] == (kind,) and after in words[at:]:
            place = words.index(after, at + 2) + 1
            table = written(statement.tokens[place : qualified(statement.tokens, place)])
            name = _stored(statement.tokens, at + 1)
            there = name and table and database.value(query, (name, table))
            return f"the {kind} {name} of {table} already exists" if there else ""
    return ""


def altered_in_vain(database: Database, statement: Statement, table: str, touched: Collection[str] = ()) -> str:
    """The constraint that ALTER TABLE adds once more, the column that is not there or that a view keeps as it is.

    Args:
        touched: Names of what is dropped or changed before, in lower case: a view of these is no obstacle for certain.
    """
    words, tokens = statement.key(), statement.tokens
    if words[:2] != ("alter", "table") or "drop" in words or "rename" in words:
        return ""
    added = {tokens[at + 1 + (words[at + 1] == "column")].name for at, word in enumerate(words[:-2]) if word == "add"}
    for at, word in enumerate(words[:-3]):
        if word == "add" and words[at + 1] == "constraint":
            problem = _constraint(database, statement, table, at + 2)
        elif word == "add" and words[at + 1 : at + 3] == ("primary", "key"):
            problem = f"{table} has a primary key already" if database.value(_KEY, (table,)) else ""
        elif word == "alter" and at > 2 and words[at + 1] not in ("constraint", "index"):
            problem = _column(database, statement, table, at + 1 + (words[at + 1] == "column"), added, touched)
        else:
            continue
        if problem:
            return problem
    return ""


def _constraint(database: Database, statement: Statement, table: str, at: int) -> str:
    name, words = statement.tokens[at].name, statement.key()
    if name and words[at + 1] in _ENDS and database.value(_CONSTRAINT, (name, table)):
        return f"the constraint {name} of {table} already exists"
    if name and words[at + 1] in ("unique", "primary", "exclude") and "using" not in words[at + 1 : at + 4]:
        return f"a relation {name} already exists, so the constraint's index cannot have this name" if (
            database.value(_INDEX, (name, table))
        ) else ""  # fmt: skip
    return ""


def _column(
    database: Database, statement: Statement, table: str, at: int, added: set[str], touched: Collection[str]
) -> str:
    words = statement.key()
    name = statement.tokens[at].name if at < len(words) else ""
    if not name or name in added:
        return ""
    if not database.value(_COLUMN, (table, name)):
        return (
            f"{table} has no column {name}"
            if database.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (table,))
            else ""
        )
    if words[at + 1 : at + 2] == ("type",) or words[at + 1 : at + 4] == ("set", "data", "type"):
        views = [str(row["name"]) for row in database.rows(_VIEW_OF, (table, name)) if row["stored"] not in touched]
        return f"{views[0]} uses the column {name} of {table}, whose type cannot be changed then" if views else ""
    return ""


def dropped_in_vain(database: Database, statement: Statement) -> str:
    """What a DROP names and is of another kind, not there, or a part of something else."""
    words = statement.key()
    cascade = "cascade" in words
    for item in dropped(statement):
        if item.kind == "routine" and "(" in item.name and words[1] in ("function", "procedure", "aggregate"):
            problem = _routine(database, item.name, words[1], item.tolerant)
        elif words[1] == "index":
            name = database.value(_OF_CONSTRAINT, (item.name,))
            problem = f"{item.name} is the index of the constraint {name}: drop the constraint" if name else ""
        elif item.kind == "type" and words[1] == "type" and not cascade:
            name = _quiet(database, _OF_TABLE, item.name)
            problem = (
                f"{item.name} is the type of the table or view {name}, which DROP TYPE cannot drop" if name else ""
            )
        else:
            continue
        if problem:
            return problem
    return ""


def _routine(database: Database, name: str, wanted: str, tolerant: bool) -> str:
    if "*" in name or "order by" in name.lower():
        return ""
    name = signature(database, name).replace(" (", "(")
    try:
        row = database.row(_ROUTINE, (name,))
    except DatabaseError:  # a type that is not there
        return ""
    if row is None:
        return "" if tolerant else f"there is no {wanted} {name}"
    return f"{name} is a {row['kind']}, and no {wanted}" if row["kind"] != wanted else ""


def _quiet(database: Database, query: str, name: str) -> str:
    try:
        return str(database.value(query, (name,)) or "")
    except DatabaseError as error:
        if error.lost:
            raise
        return ""


def _stored(tokens: Sequence[Token], at: int) -> str:
    """The last part of the name that begins at tokens[at], as the server stores it; empty where there is none."""
    end = qualified(tuple(tokens), at)
    return tokens[end - 1].name if end > at and tokens[end - 1].kind in (WORD, QUOTED) else ""
