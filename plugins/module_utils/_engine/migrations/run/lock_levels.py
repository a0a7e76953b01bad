# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that statements take, and the tables they take them on."""

from __future__ import annotations

from collections.abc import Sequence

from ...outcome import Data
from ...postgres.database import Database
from ..files.script import Script, shortened
from ..lint.view import Action, View
from ..sql.lexer import Statement
from ..sql.statements import dropped, qualified, written
from ..sql.targets import has_option, listed, maintained, reindexed

ROW_SHARE, ROW, SHARE_UPDATE, SHARE, SHARE_ROW, EXCLUSIVE, ACCESS_EXCLUSIVE = ORDER = (
    "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip
Lock = tuple[str, str]
_MOVES = (("rename", "to"), ("owner", "to"), ("set", "schema"))
_ON_A_TABLE = ("trigger", "policy", "rule")  # dropped by their own name, under a lock on their table


def lock_of(statement: Statement) -> Lock:
    """(lock level, table as written) of a statement; empty strings if it takes none worth a word. Pure."""
    return next(iter(locks_of(statement)), ("", ""))


def locks_of(statement: Statement) -> list[Lock]:
    """(lock level, table as written) of each table that the statement's text names; what it is about comes first. Pure."""
    words = statement.key()
    first = words[0]
    if first == "create":
        return _of_create(statement, words)
    if first == "alter":
        return _of_alter(View(statement, True)) if words[1:2] == ("table",) else _of_other_alter(statement, words)
    if first == "drop":
        return _of_drop(statement, words)
    if first in ("update", "insert", "delete", "merge"):
        return [(ROW, _name(statement, 2 if words[1:2] in (("into",), ("from",)) else 1))]
    if first == "copy":
        return [(ROW, _name(statement, 1))] if "from" in words and words[1:2] != ("(",) else []
    if first == "refresh":
        concurrently = "concurrently" in words
        return [(EXCLUSIVE if concurrently else ACCESS_EXCLUSIVE, _name(statement, 3))]
    return (
        [(_of_maintenance(statement, first), name) for name in maintained(statement)] if first in _MAINTENANCE else []
    )


_MAINTENANCE = ("truncate", "cluster", "vacuum", "reindex", "lock")


def _of_maintenance(statement: Statement, first: str) -> str:
    if first == "vacuum":
        return ACCESS_EXCLUSIVE if has_option(statement, "full") else SHARE_UPDATE
    if first == "reindex":
        if "concurrently" in statement.key()[:6] and has_option(statement, "concurrently"):
            return SHARE_UPDATE
        return ACCESS_EXCLUSIVE if reindexed(statement) == "index" else SHARE
    if first == "lock":
        words = statement.key()
        mode = (
            " ".join(words[words.index("in") + 1 : words.index("mode")]).upper() if {"in", "mode"} <= set(words) else ""
        )
        return mode or ACCESS_EXCLUSIVE
    return ACCESS_EXCLUSIVE


def _of_create(statement: Statement, words: Sequence[str]) -> list[Lock]:
    if "index" in words[1:3]:
        level = SHARE_UPDATE if "concurrently" in words[2:5] else SHARE
        return [(level, _name(statement, words.index("on") + 1))] if "on" in words else []
    if "trigger" in words[1:5] and "event" not in words[1:3]:
        return [(SHARE_ROW, _name(statement, words.index("on") + 1))] if "on" in words else []
    if words[1:2] == ("policy",) and "on" in words:
        return [(ACCESS_EXCLUSIVE, _name(statement, words.index("on") + 1))]
    if "rule" in words[1:4] and "to" in words:
        return [(ACCESS_EXCLUSIVE, _name(statement, words.index("to") + 1))]
    if words[1:2] == ("statistics",) and "from" in words:
        return [(SHARE_UPDATE, _name(statement, words.index("from") + 1))]
    if "table" not in words[1:4]:
        return []
    whole = Action(statement.tokens)
    parents = [(ACCESS_EXCLUSIVE, name) for name in _after(whole, ("partition", "of"))]
    return parents + [(SHARE_ROW, name) for name in _after(whole, ("references",))]


def _of_drop(statement: Statement, words: Sequence[str]) -> list[Lock]:
    if words[1:2] and words[1] in _ON_A_TABLE and "on" in words:
        return [(ACCESS_EXCLUSIVE, _name(statement, words.index("on") + 1))]
    named = dropped(statement)
    if words[1:2] == ("index",):
        level = SHARE_UPDATE if words[2:3] == ("concurrently",) else ACCESS_EXCLUSIVE
        return [(level, item.name) for item in named]
    return [(ACCESS_EXCLUSIVE, item.name) for item in named if item.kind == "relation"]


def _of_other_alter(statement: Statement, words: Sequence[str]) -> list[Lock]:
    if words[1:2] in (("policy",), ("trigger",)) and "on" in words:
        return [(ACCESS_EXCLUSIVE, _name(statement, words.index("on") + 1))]
    if words[1:2] == ("sequence",):
        moved = any(words[at : at + 2] in _MOVES for at in range(len(words)))
        return [(ACCESS_EXCLUSIVE if moved else SHARE_ROW, _name(statement, 2))]
    return []


def _of_alter(view: View) -> list[Lock]:
    actions = view.actions()
    level = max((_of_action(action) for action in actions), key=ORDER.index, default=ACCESS_EXCLUSIVE)
    others: list[Lock] = []
    for action in actions:
        if action.starts("add"):
            others += [(SHARE_ROW, name) for name in _after(action, ("references",))]
        elif action.starts("attach", "partition") or (
            action.starts("detach", "partition") and not action.has("finalize")
        ):
            others += [(ACCESS_EXCLUSIVE, name) for name in listed(action.tokens, 2)[:1]]
        elif action.starts("inherit"):
            others += [(SHARE_UPDATE, name) for name in listed(action.tokens, 1)]
    return [(level, view.name_at(2)), *others]


def _of_action(action: Action) -> str:
    words = action.words
    if words[1:2] == ("(",) and "user_catalog_table" in words:
        return ACCESS_EXCLUSIVE
    column = 1 + (words[1:2] == ("column",))
    if (
        action.starts("validate") or action.starts("cluster", "on") or action.starts("set", "without", "cluster")
        or action.starts("attach", "partition") or action.starts("set", "(") or action.starts("reset", "(")
        or (action.starts("detach") and words[-1] in ("concurrently", "finalize"))
        or (action.starts("alter") and words[column + 1 : column + 3] in (("set", "statistics"), ("set", "("), ("reset", "(")))
    ):  # fmt: skip
        return SHARE_UPDATE
    if words[:1] in (("enable",), ("disable",)) and "trigger" in words[1:3]:
        return SHARE_ROW
    if action.starts("add", "foreign", "key") or (
        action.starts("add", "constraint") and words[3:5] == ("foreign", "key")
    ):
        return SHARE_ROW
    return ACCESS_EXCLUSIVE


def _after(action: Action, wanted: tuple[str, ...]) -> list[str]:
    """The names behind each such group of words."""
    count = len(wanted)
    places = [at + count for at in range(len(action.words)) if action.words[at : at + count] == wanted]
    return [name for at in places if (name := written(action.tokens[at : qualified(action.tokens, at)]))]


def _name(statement: Statement, at: int) -> str:
    return next(iter(listed(statement.tokens, at)), "")


def locks(database: Database, script: Script) -> list[Data]:
    """Each statement with its lock and the size of its table: {line, statement, lock, table, rows, bytes}; one for each table."""
    said = []
    sizes: dict[str, Data] = {}  # a file may hold thousands of INSERTs into one table
    for statement in script.statements:
        said_there = shortened(script.text[statement.start : statement.end])
        taken = dict.fromkeys(_with_others(database, statement, locks_of(statement)))
        if not taken:
            said.append({"line": statement.line, "statement": said_there})
        for level, table in taken:
            if table not in sizes:
                sizes[table] = _size(database, table)
            said.append(
                {"line": statement.line, "statement": said_there, "lock": level, "table": table, **sizes[table]}
            )
    return said


def _with_others(database: Database, statement: Statement, taken: list[Lock]) -> list[Lock]:
    """Also the tables that the text does not name, but the catalog: whoever uses these waits, too.

    DROP INDEX and REINDEX INDEX lock the index's table; a partition that goes its parent; a foreign key that goes the other table.
    """
    words = statement.key()
    if words[:2] == ("drop", "index") or (words[0] == "reindex" and reindexed(statement) == "index"):
        return taken + _asked(
            database,
            _TABLE_OF_INDEX,
            [(SHARE if words[0] == "reindex" and level == ACCESS_EXCLUSIVE else level, name) for level, name in taken],
        )
    if words[:2] == ("drop", "table"):
        return taken + _asked(database, _BESIDE_TABLE, taken)
    if words[:2] == ("alter", "table") and "drop" in words and taken:
        gone = [name for action in View(statement, True).actions() if (name := _dropped_by(action))]
        found = database.rows(_OTHER_OF_KEY, (gone, gone, taken[0][1])) if gone else []
        return taken + [(ACCESS_EXCLUSIVE, row["other"]) for row in found]
    return taken


def _asked(database: Database, query: str, taken: Sequence[Lock]) -> list[Lock]:
    return [(level, row["other"]) for level, name in taken for row in database.rows(query, {"name": name})]


def _dropped_by(action: Action) -> str:
    """The column or constraint that goes; empty for another action."""
    if not action.starts("drop") or action.words[1:2] in (("not",), ("default",)):
        return ""
    at = 1 + (action.words[1:2] in (("column",), ("constraint",)))
    at += 2 * (action.words[at : at + 2] == ("if", "exists"))
    return action.tokens[at].name if action.tokens[at : at + 1] else ""


_TABLE_OF_INDEX = (
    "SELECT indrelid::pg_catalog.regclass::text AS other FROM pg_catalog.pg_index "
    "WHERE indexrelid = pg_catalog.to_regclass(%(name)s)"
)
_BESIDE_TABLE = """
SELECT DISTINCT other::pg_catalog.regclass::text AS other FROM (
    SELECT inhparent AS other FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class c ON c.oid = inhrelid
     WHERE inhrelid = pg_catalog.to_regclass(%(name)s) AND relispartition
    UNION SELECT confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conrelid = pg_catalog.to_regclass(%(name)s)
    UNION SELECT conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = pg_catalog.to_regclass(%(name)s)
) found WHERE other <> pg_catalog.to_regclass(%(name)s) ORDER BY 1
"""
_OTHER_OF_KEY = """
SELECT DISTINCT confrelid::pg_catalog.regclass::text AS other FROM pg_catalog.pg_constraint f
 WHERE contype = 'f' AND (conname = ANY (%s) OR EXISTS (SELECT FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND a.attname = ANY (%s)))
   AND conrelid = pg_catalog.to_regclass(%s) AND confrelid <> conrelid ORDER BY 1
"""


def _size(database: Database, table: str) -> Data:
    row = table and database.row(
        "SELECT greatest(reltuples, 0)::bigint AS rows, pg_catalog.pg_table_size(oid) AS bytes FROM pg_catalog.pg_class "
        "WHERE oid = pg_catalog.to_regclass(%s)",
        (table,),
    )
    return dict(row) if row else {"rows": 0, "bytes": 0}
