# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that refer to a policy's rows, and so keep these: as conditions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...postgres.database import sql


@dataclass(frozen=True)
class Reference:
    """A foreign key that stops deleting a row.

    Attributes:
        target: The table (oid) that it refers to; 0 when that is partitioned: then all partitions.
        schema, name: Of the table that refers.
        columns, keys, operators: Of the referring table, of the referenced one, and what compares key and column.
        own: The table that refers is the policy's own; its row stops also where it would be deleted along (ON DELETE CASCADE),
            because it may not be due.
        level: A table whose rows would be deleted along refers to itself.
        readable: The role may read the referring table; if not, nothing can be predicted.
        through: References to the referring table, whose rows would be deleted too (ON DELETE CASCADE); empty: it stops by itself.
        stops: Which of the referring rows stop it, as SQL over the referring table's columns, called c; None: each.
        always: Nothing that it refers to can be deleted, whether a row refers or not.
        kept: Which of the referenced rows stay in any case, as SQL over their columns; None: none.
    """

    target: int
    schema: str
    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    operators: tuple[str, ...]
    own: bool
    level: bool
    readable: bool
    through: tuple[Reference, ...] = ()
    stops: Any = None
    kept: Any = None
    always: bool = False

    @property
    def shown(self) -> str:
        """The tables and columns on the way, for people."""
        here = f"{self.schema}.{self.name} ({', '.join(self.columns)})"
        return here if not self.through else f"{' and '.join(one.shown for one in self.through)} through {here}"

    @property
    def all_readable(self) -> bool:
        return self.readable and all(one.all_readable for one in self.through)

    def condition(self, depth: int = 0, above: Sequence[str] = ()) -> Any:
        """That a row refers, as SQL over the referenced table's columns without its name.

        The inner columns have names of their own, so that the outer ones need no qualification.

        Args:
            depth: Of the reference, 0 for one to the policy's table.
            above: The columns of the reference through which this one is reached.
        """
        if self.always:
            return sql.SQL("true")
        inner = [sql.Identifier(f" f{depth}_{number}") for number in range(len(self.columns))]
        keys = [sql.Identifier(key) if depth == 0 else sql.Identifier(f" k{depth}_{key}") for key in self.keys]
        outside = sorted({key for one in self.through for key in one.keys})
        selected: list[Any] = [
            *(sql.SQL("c.{} AS {}").format(sql.Identifier(self.columns[n]), name) for n, name in enumerate(inner)),
            *(
                sql.SQL("c.{} AS {}").format(sql.Identifier(key), sql.Identifier(f" k{depth + 1}_{key}"))
                for key in outside
            ),
        ]
        parts: list[Any] = [
            sql.SQL("{} {} {}").format(key, sql.SQL(operator), name)
            for key, operator, name in zip(keys, self.operators, inner)
        ]
        if self.own:  # a row that refers to itself does not stop itself
            selected += [sql.SQL('c.ctid AS " at"'), sql.SQL('c.tableoid AS " in"')]
            parts.append(sql.SQL('NOT (" at" = ctid AND " in" = tableoid)'))
        if self.level and above:  # rows that are deleted along with the same row do not stop each other
            names = [sql.Identifier(f" p{depth}_{number}") for number in range(len(above))]
            selected += [sql.SQL("c.{} AS {}").format(sql.Identifier(col), name) for col, name in zip(above, names)]
            apart = [
                sql.SQL("{} IS DISTINCT FROM {}").format(name, sql.Identifier(f" f{depth - 1}_{number}"))
                for number, name in enumerate(names)
            ]
            parts.append(sql.SQL("({})").format(sql.SQL(" OR ").join(apart)))
        if self.target and depth == 0:
            parts.append(sql.SQL("tableoid = {}").format(sql.Literal(self.target)))
        if self.through:
            nested = [one.condition(depth + 1, self.columns) for one in self.through]
            parts.append(sql.SQL("({})").format(sql.SQL(" OR ").join(nested)))
        if self.stops is not None:
            selected.append(sql.SQL("({}) AS {}").format(self.stops, sql.Identifier(f" s{depth}")))
            parts.append(sql.Identifier(f" s{depth}"))
        refers = sql.SQL("EXISTS (SELECT FROM (SELECT {} FROM {} c) r WHERE {})").format(
            sql.SQL(", ").join(selected), sql.Identifier(self.schema, self.name), sql.SQL(" AND ").join(parts)
        )
        return refers if self.kept is None or depth else sql.SQL("({} OR {})").format(refers, self.kept)

    def without_own(self, depth: int = 0) -> Reference | None:
        """The reference without rows that may go first, see own_paths; None if nothing is left that stops."""
        if self.own or (self.level and depth):
            return None
        through = tuple(one for one in (each.without_own(depth + 1) for each in self.through) if one)
        return replace(self, through=through) if through or not self.through else None


def own_paths(references: Sequence[Reference], depth: int = 0) -> list[tuple[Reference, ...]]:
    """The ways to rows that stop a row only until another row of the policy's own table is gone.

    A way ends in the own table, directly or through other tables, or in a table whose rows go along with a row of the own one
    and refer to each other.
    """
    found: list[tuple[Reference, ...]] = []
    for one in references:
        if one.own or (one.level and depth):
            found.append((one,))
        else:
            found += [(one, *path) for path in own_paths(one.through, depth + 1)]
    return found
