# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule volatile_default."""

from __future__ import annotations

from collections.abc import Iterator

from .rule import BLOCKING, Match, Rule
from .view import View

_SAFE = {"now", "current_timestamp", "current_date", "current_time", "localtimestamp", "localtime", "statement_timestamp",
         "transaction_timestamp", "current_user", "session_user", "lower", "upper", "to_jsonb", "jsonb_build_object", "array", "row",
         "varchar", "char", "numeric", "decimal", "timestamp", "timestamptz", "bit", "interval", "time",
         "cast", "coalesce", "nullif", "greatest", "least", "concat", "md5", "length", "trim", "substring", "replace", "left", "right",
         "abs", "floor", "ceil", "round", "mod", "date_trunc", "date_part", "extract", "make_date", "make_time", "make_interval",
         "make_timestamp", "make_timestamptz", "to_char", "to_date", "to_timestamp", "to_number", "to_json", "json_build_object",
         "json_build_array", "jsonb_build_array", "string_to_array", "array_fill", "int4range", "int8range", "numrange", "tsrange",
         "tstzrange", "daterange", "point", "float"}  # fmt: skip


def _calls(words: tuple[str, ...]) -> bool:
    """Whether the expression calls a function that may give each row another value."""
    return any(
        after == "(" and (word[:1].isalpha() or word[:1] in '_"') and word not in _SAFE
        for word, after in zip(words, words[1:])
    )


def _find(view: View) -> Iterator[Match]:
    for action in view.actions():
        if action.adds_column and _calls(action.default()):
            yield Match(view.name_at(2))


RULE = Rule(
    "volatile_default",
    BLOCKING,
    (("alter", "table"),),
    "A column whose default differs from row to row rewrites the table under an ACCESS EXCLUSIVE lock.",
    "Add the column without a default, set the default in a statement of its own, and fill the rows in batches.",
    _find,
)
