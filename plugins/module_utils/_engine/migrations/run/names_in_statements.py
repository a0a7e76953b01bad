# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the words of a statement, and what a statement does beside what it names."""

from __future__ import annotations

from ..sql.lexer import Statement
from ..sql.statements import Named

_DROP_WORDS = (
    "if",
    "exists",
    "on",
    "for",
    "as",
    "using",
    "cascade",
    "restrict",
    "search",
    "method",
    "data",
    "wrapper",
    "trigger",
    "server",
)


def end_of_query(words: tuple[str, ...]) -> int:
    """Where the query of a CREATE ... AS ends: what may stand behind it is no part of a query."""
    for behind in (("with", "no", "data"), ("with", "data"), ("with", "check", "option"), ("with", "local", "check", "option"),
                   ("with", "cascaded", "check", "option")):  # fmt: skip
        if words[-len(behind) :] == behind:
            return len(words) - len(behind)
    return len(words)


def made_by_a_query(words: tuple[str, ...]) -> bool:
    """CREATE TABLE ... AS with a query that EXPLAIN takes: no EXECUTE, and nothing behind it."""
    at = words.index("as") + 1 if "as" in words else len(words)
    return words[at : at + 1] in (("select",), ("with",), ("values",)) and words[-1] != "data" and "(" not in words[:at]


def names_of_drop(statement: Statement) -> set[str]:
    """The names in a DROP of a rarer kind, among other words."""
    return {token.name.lower() for token in statement.tokens[2:] if token.name and token.name not in _DROP_WORDS}


def drops_more(words: tuple[str, ...]) -> bool:
    """Whether the statement may drop what it does not name: with CASCADE, of a schema, an extension, an owner or a column."""
    if words[0] == "alter":
        return "drop" in words
    return words[0] == "drop" and ("cascade" in words or words[1] in ("schema", "extension", "owned"))


def stored_name(name: str) -> str:
    """The last part of a name as the server stores it; empty where that is not plain."""
    last = name[len(name.rpartition(".")[0]) :].lstrip(".")
    if last.startswith('"'):
        return last[1:-1].replace('""', '"') if last.endswith('"') and len(last) > 2 else ""
    return "" if '"' in name and "." in name.split('"')[1] else last.lower()


def last_part(name: str) -> str:
    return name.split("(")[0].rsplit(".", 1)[-1].strip().strip('"').lower()


def is_relation(named: Named) -> bool:
    return named.kind == "relation" and not named.tolerant
