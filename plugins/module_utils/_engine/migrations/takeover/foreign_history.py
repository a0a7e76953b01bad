# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what another tool says it has applied, and match it with the files. That tool's table is only read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import DatabaseError, OptionError, TitanError
from ...postgres.database import Database, sql
from ..files.migration import Migration, version_order
from ..files.naming import SQITCH
from ..files.planned import change_sets, logical_path
from .other_tables import advice, other_histories
from .tools import APPLIED, BASELINE, FAILED, TOOLS, UNDONE, Tool

_ENDING = re.compile(r"(?:\.up)?\.sql\Z", re.IGNORECASE)


class Row(NamedTuple):
    """One row of the other tool's table; see Tool.query."""

    version: str | None
    name: str | None
    at: str | None
    state: str
    checksum: str | None


@dataclass(frozen=True)
class Statement:
    """What the other tool says of one file.

    Attributes:
        at: When it ran, as the tool's table has it; empty if it does not say.
        same_file: Whether the file is the one that ran; None where that cannot be computed.
    """

    migration: Migration
    at: str
    same_file: bool | None


def read_foreign(
    database: Database, tool_name: str, migrations: Sequence[Migration], project: str = ""
) -> tuple[list[Statement], list[str]]:
    """What the tool has applied of these files, and which of its rows no file belongs to.

    Args:
        project: Whose rows count, where the tool keeps several projects in one table; empty if the files do not say.

    Raises:
        OptionError: its table is not there, or in several schemas.
        TitanError: it notes a migration that failed or has not ended.
    """
    tool = TOOLS[tool_name]
    table = _table(database, tool_name, tool)
    literal = database.as_text(sql.Literal(_project(database, tool_name, table, project) if tool.projects else ""))
    rows = _read(database, tool_name, tool, table, literal)
    failed = sorted({row.version or row.name or "" for row in _last_words(rows) if row.state == FAILED})
    failed += _unfinished(database, tool, table, literal)
    if failed:
        raise TitanError(
            f"{tool.title} notes that these migrations failed or have not ended: {', '.join(failed)}. Nothing was recorded. Correct the "
            f"database and let {tool.title} record that (its repair, resolve or force command), then run this again."
        )
    if tool_name == "liquibase":
        return _liquibase(rows, migrations)
    return _matched(tool, _last_words(rows), migrations)


def _read(database: Database, tool_name: str, tool: Tool, table: str, project: str) -> list[Row]:
    if tool.foreign_column and _has_column(database, table, tool.foreign_column):
        raise OptionError(
            "from",
            tool_name,
            f"The table {table} is not one of {tool.title}'s: it has a column {tool.foreign_column}. Name the tool that made it.",
        )
    try:
        found = database.rows(_filled(tool.query, table, project))
    except DatabaseError as error:
        raise OptionError(
            "from",
            tool_name,
            f"The table {table} is not one of {tool.title}'s ({error.message}). Name the tool that made it.",
        ) from error
    return [Row(row["version"], row["name"], row["at"], row["state"], row["checksum"]) for row in found]


def _filled(query: str, table: str, project: str) -> str:
    return query.replace("{table}", table).replace("{project}", project)


def _project(database: Database, tool_name: str, table: str, named: str) -> str:
    """The project of the files: the one that they name, else the only one.

    Raises:
        OptionError: the table holds several, and the files name none.
    """
    if named or not _has_column(database, table, "project"):
        return named
    found = [str(row["project"]) for row in database.rows(f"SELECT DISTINCT project FROM {table} ORDER BY 1")]  # noqa: S608
    if len(found) > 1:
        raise OptionError(
            "from",
            tool_name,
            f"The table {table} holds several projects ({', '.join(found)}), and no sqitch.plan among the files says which is meant.",
        )
    return found[0] if found else ""


def _has_column(database: Database, table: str, column: str) -> bool:
    query = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = %s::pg_catalog.regclass AND attname = %s "
        "AND NOT attisdropped)"
    )
    return database.value(query, (table, column)) is True


def _unfinished(database: Database, tool: Tool, table: str, project: str) -> list[str]:
    """What the tool says beside its table of failed and unfinished work."""
    if tool.unfinished is None:
        return []
    beside = database.value(
        "SELECT pg_catalog.format('%%I.%%I', n.nspname, b.relname) FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_class b USING (relnamespace) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = %s::pg_catalog.regclass AND b.relname = %s",
        (table, tool.unfinished.table),
    )
    if beside is None:
        return []
    return sorted(str(row["what"]) for row in database.rows(_filled(tool.unfinished.query, str(beside), project)))


def _table(database: Database, tool_name: str, tool: Tool) -> str:
    for name in tool.tables:
        schema, _dot, relation = name.rpartition(".")
        found = [
            row["identity"]
            for row in database.rows(
                "SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS identity FROM pg_catalog.pg_class c "
                "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.relname = %s "
                "AND (%s = '' OR n.nspname = %s) ORDER BY pg_catalog.pg_table_is_visible(c.oid) DESC, 1",
                (relation, schema, schema),
            )
        ]
        visible = database.value("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", (relation,)) is True and not schema
        if len(found) > 1 and not visible:
            raise OptionError(
                "from",
                tool_name,
                f"Its table is in several schemas: {', '.join(found)}. Put the right one into the role's search_path.",
            )
        if found:
            return str(found[0])
    others = "".join(f" {advice(noted)}" for noted in other_histories(database))
    raise OptionError(
        "from", tool_name, f"The database has no table {' or '.join(tool.tables)} of {tool.title}.{others}"
    )


def _last_words(rows: Sequence[Row]) -> list[Row]:
    """Of each version or name what was said last; in the order of the first word on it."""
    last: dict[tuple[str | None, str | None], Row] = {}
    for row in rows:
        last[(row.version, None if row.version else row.name)] = row
    return list(last.values())


def _stem(file: str) -> str:
    return _ENDING.sub("", os.path.basename(file))


def _matched(tool: Tool, rows: Sequence[Row], migrations: Sequence[Migration]) -> tuple[list[Statement], list[str]]:
    applied = [row for row in rows if row.state in (APPLIED, BASELINE)]
    by_order = {version_order(row.version): row for row in applied if row.version}
    by_name = {_stem(row.name): row for row in applied if row.name and not row.version}
    by_folder = {row.version: row for row in applied}
    changes = {row.name: row for row in applied}
    floor = max((version_order(row.version) for row in applied if row.version and _covers(tool, row)), default=None)
    if tool.only_last and len(applied) > 1:
        at = ", ".join(sorted(row.version or "" for row in applied))
        raise TitanError(
            f"{tool.title}'s table has several versions ({at}), heads of branches that were not merged: which files have run cannot be "
            "determined. Nothing was recorded. Merge the branches first, or use state=baselined."
        )
    if tool.only_last and floor is not None and not any(item.order == floor for item in migrations):
        raise TitanError(
            f"{tool.title} is at version {applied[-1].version}, and no file has this version: which of them have run cannot be determined. Nothing "
            "was recorded. Give the files that tool's versions, or use state=baselined, which finds by replay which of them have run."
        )
    undone = {version_order(row.version) for row in rows if row.version and row.state == UNDONE}
    statements, used = [], set()
    for item in migrations:
        row = by_order.get(item.order) if item.version else None
        if tool.by_folder:
            row = by_folder.get(item.file.split("_")[0].split("/")[0].replace("-", ""))
        elif item.naming == SQITCH:  # the whole name counts, folders and all
            row = changes.get(item.name)
        elif item.baseline:
            row = _stood_for(item, by_order)
        else:
            row = row or by_name.get(_stem(item.file)) or (by_name.get(item.name) if tool.by_name else None)
        if row is None and item.version and floor is not None and item.order <= floor and item.order not in undone:
            row = Row(item.version, None, None, APPLIED, None)
        if row is not None:
            used.add(row)
            statements.append(Statement(item, row.at or "", _same_file(tool, row, item)))
    stood_for = max((item.migration.order for item in statements if item.migration.baseline), default=())
    left = [row for row in applied if row not in used and row.state == APPLIED]
    left = [row for row in left if not row.version or version_order(row.version) > stood_for]
    return statements, [row.version or row.name or "" for row in left]


def _stood_for(item: Migration, by_order: Mapping[tuple[int, ...], Row]) -> Row | None:
    """What the tool says of a baseline file: that it ran, or that the versions ran which it stands for."""
    version = item.order[:-1]
    row = by_order.get(version)
    if row is None and max(by_order, default=()) > version:
        return Row(item.version, None, None, BASELINE, None)
    return row if row is None or _stem(row.name or "") == _stem(item.file) else row._replace(checksum=None)


def _covers(tool: Tool, row: Row) -> bool:
    """Whether the row speaks for all earlier versions, too."""
    return tool.only_last or row.state == BASELINE


def _same_file(tool: Tool, row: Row, item: Migration) -> bool | None:
    computed = tool.checksum(item) if tool.checksum and row.checksum else None
    return None if computed is None else computed == row.checksum


def _liquibase(rows: Sequence[Row], migrations: Sequence[Migration]) -> tuple[list[Statement], list[str]]:
    """A file of formatted SQL has run when all its change sets have."""
    known = {(os.path.basename(row.name or ""), (row.version or "").split("::", 1)[1]): row for row in rows}
    used: set[Row] = set()
    statements = []
    for item in migrations:
        wanted = [
            (os.path.basename(logical_path(item.text, begin) or item.file), name)
            for name, begin in change_sets(item.text)
        ]
        found = [known[key] for key in wanted if key in known]
        if found and len(found) < len(wanted):
            missing = ", ".join(name for key in wanted if key not in known for name in key[1:])
            raise TitanError(
                f"{item.file}: Liquibase has run some of its change sets and not {missing}. Nothing was recorded."
            )
        if found:
            used.update(found)
            statements.append(Statement(item, found[-1].at or "", None))
    return statements, [row.version or "" for row in rows if row not in used]
