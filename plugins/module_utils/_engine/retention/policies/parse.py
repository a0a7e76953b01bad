# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as people write them: what can be seen to be wrong without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import OptionError
from ...text.durations import parse_duration
from .filters import Filter, Mark
from .policy import Policy


def parse_policy(given: Mapping[str, Any], option: str) -> Policy:
    """The policy that one element of the option ``policies`` says; option is its place, as "policies[0]".

    Raises:
        OptionError: what can be seen without a database is wrong.
    """
    schema, table = split_table(f"{option}.table", given["table"])
    if not given["column"]:
        raise OptionError(f"{option}.column", given["column"], "Name the time column.")
    fraction = given.get("max_fraction")
    if fraction is not None and not 0 < fraction <= 1:
        raise OptionError(f"{option}.max_fraction", fraction, "Allowed is a number above 0 and up to 1.")
    archive = given.get("archive") or ""
    if archive and not archive.startswith("/"):
        raise OptionError(f"{option}.archive", archive, "Name a directory by its absolute path.")
    if archive and given.get("mode") == "mark":
        raise OptionError(
            f"{option}.archive", archive, "Rows that are only marked stay: archive them when they are deleted."
        )
    return Policy(
        name=given.get("name") or "",
        schema=schema,
        table=table,
        column=given["column"],
        keep=parse_duration(f"{option}.keep", given["keep"], calendar=True),
        where=_parse_filter(given.get("where"), f"{option}.where", bool(given.get("allow_sql_condition"))),
        mark=_parse_mark(given, option),
        time_zone=given.get("time_zone") or "",
        time_format=given.get("time_format") or "",
        never_values=given.get("never_values") or "keep",
        max_fraction=fraction,
        contended=bool(given.get("contended")),
        archive=archive,
        source=option,
    )


def _parse_filter(where: Mapping[str, Any] | None, option: str, condition_allowed: bool) -> Filter | None:
    if where is None:
        return None
    condition = _parse_condition(where.get("sql_condition"), f"{option}.sql_condition", condition_allowed)
    if where.get("column"):
        return replace(_parse_column(where, option), sql_condition=condition)
    extra = [word for word in ("in", "equals", "is_null") if where.get(word) is not None]
    if extra or not condition:
        raise OptionError(option, dict(where), "Name the column that is compared.")
    return Filter(sql_condition=condition)


def _parse_condition(condition: str | None, option: str, allowed: bool) -> str:
    """The SQL condition without the space around it; empty when there is none."""
    if condition is None:
        return ""
    if not allowed:
        raise OptionError(
            option,
            condition,
            "It is SQL that decides what is deleted. Use column and values instead, or add allow_sql_condition: true to "
            "this policy.",
        )
    if not condition.strip() or "\0" in condition:
        raise OptionError(
            option, condition, 'Write a condition over the table\'s columns, as in "length(message) > 1000".'
        )
    return condition.strip()


def _parse_column(where: Mapping[str, Any], option: str) -> Filter:
    given = [word for word in ("in", "equals", "is_null") if where.get(word) is not None]
    if len(given) != 1:
        raise OptionError(option, dict(where), "Give exactly one of in, equals and is_null beside column.")
    fold = bool(where.get("ignore_case"))
    if given == ["is_null"]:
        return Filter(where["column"], "is_null" if where["is_null"] else "is_not_null")
    values = where["in"] if given == ["in"] else [where["equals"]]
    if not values:
        raise OptionError(f"{option}.in", [], "Name at least one value.")
    if any(value is None or isinstance(value, (list, dict)) for value in values):
        raise OptionError(
            f"{option}.{given[0]}", values, "Each value is a text, a number or a boolean; for NULL use is_null."
        )
    texts = dict.fromkeys(_text(value).lower() if fold else _text(value) for value in values)
    return Filter(where["column"], "in", tuple(texts), fold)


def _parse_mark(given: Mapping[str, Any], option: str) -> Mark | None:
    mark = given.get("mark")
    if given.get("mode", "delete") == "delete":
        if mark is not None:
            raise OptionError(f"{option}.mark", dict(mark), "It has a meaning only with mode: mark.")
        return None
    if mark is None:
        raise OptionError(f"{option}.mode", "mark", "Specify what is written: mark: {column: is_active, value: false}.")
    value = mark.get("value")
    return Mark(mark["column"], None if value is None else _text(value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_table(option: str, text: str) -> tuple[str, str]:
    """Schema (or an empty string) and table of a name as SQL would write it, quotes and all.

    Names are taken literally, never folded to lower case. A name that holds a dot or starts with a double quote has to
    be written in double quotes.
    """
    parts: list[str] = []
    rest = text
    while True:
        if rest.startswith('"'):
            end = _closing_quote(rest)
            name, rest = rest[1:end].replace('""', '"'), rest[end + 1 :] if end < len(rest) else "unclosed"
        else:
            name = rest.split(".", 1)[0]
            rest = rest[len(name) :]
        parts.append(name)
        if not rest:
            break
        if not rest.startswith("."):
            parts = []
            break
        rest = rest[1:]
    if len(parts) not in (1, 2) or not all(parts):
        raise OptionError(
            option, text, 'Write table or schema.table; a name that holds a dot goes in double quotes, as "odd.name".'
        )
    return (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])


def _closing_quote(text: str) -> int:
    position = 1
    while position < len(text):
        if text[position] == '"':
            if text[position + 1 : position + 2] != '"':
                return position
            position += 1
        position += 1
    return len(text)


def selected(policies: Sequence[Policy], tables: Sequence[str] | None) -> list[Policy]:
    """The policies of the named tables; all without names.

    Raises:
        OptionError: a name has no policy.
    """
    if not tables:
        return list(policies)
    chosen: list[Policy] = []
    for text in tables:
        schema, name = split_table("tables", text)
        matching = [policy for policy in policies if policy.table == name and schema in ("", policy.schema)]
        if not matching:
            known = ", ".join(sorted({policy.full_table for policy in policies})) or "none"
            raise OptionError("tables", text, f"No policy is stored for it; tables with policies: {known}.")
        chosen += [policy for policy in matching if policy not in chosen]
    return chosen
