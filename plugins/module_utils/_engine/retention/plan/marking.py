# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the server takes the mark of a policy in the rows that are due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...postgres.database import Database, Row, sql
from ..policies.foreign_keys import COMPARED
from ..policies.predicate import due, mark_value
from ..policies.tables import Leaf, Table
from .count import Dated

# What a leaf's rows have to fulfil: its CHECK constraints, and the bounds of its partition.
_CHECKS = """
SELECT k.conname::text AS name, pg_get_expr(k.conbin, k.conrelid) AS condition
  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
 WHERE k.contype = 'c' AND k.conrelid = %(oid)s AND a.attname = %(column)s
UNION ALL
SELECT '', pg_get_partition_constraintdef(%(oid)s) WHERE pg_get_partition_constraintdef(%(oid)s) IS NOT NULL
 ORDER BY 1
"""
_KEYS = """
SELECT f.conname::text AS name, n.nspname::text AS schema, p.relname::text AS target,
__COMPARED__
  FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace n ON n.oid = p.relnamespace
  JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND a.attname = %(column)s
 WHERE f.contype = 'f' AND f.conrelid = %(oid)s AND to_jsonb(f) ->> 'conenforced' IS DISTINCT FROM 'false'
   AND p.relkind IN ('r', 'p') AND (f.conparentid = 0 OR NOT p.relispartition) AND has_table_privilege(p.oid, 'SELECT')
 ORDER BY f.conname
""".replace("__COMPARED__", COMPARED)
_UNIQUE = """
SELECT c.relname::text AS name, ARRAY(SELECT o.attname::text FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k(num)
                                 JOIN pg_attribute o ON o.attrelid = i.indrelid AND o.attnum = k.num WHERE o.attname <> %(column)s) AS others
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = %(oid)s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
   AND EXISTS (SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k(num)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE a.attname = %(column)s)
 ORDER BY c.relname
"""


def unmarkable(database: Database, table: Table, dated: Dated, leaves: Sequence[Leaf]) -> str:
    """Why the server would refuse to mark rows that are due in these leaves; empty if it would not."""
    mark = dated.policy.mark
    if mark is None:
        return ""
    value = mark_value(mark, table, dated.clock)
    with database.transaction("BEGIN READ ONLY"):  # conditions may be functions of others
        for leaf in leaves:
            wanted = {"oid": leaf.oid, "column": mark.column}
            for check in database.rows(_CHECKS, wanted):
                if _any_due(database, table, dated, leaf, _breaks(table, mark.column, value, check["condition"])):
                    name = f"the CHECK constraint {check['name']}" if check["name"] else "the bounds of that partition"
                    return _refusal(leaf, mark.column, f"{name} would not allow it")
            for key in database.rows(_KEYS, wanted):
                if _any_due(database, table, dated, leaf, _dangles(mark.column, value, key)):
                    return _refusal(
                        leaf, mark.column, f"the foreign key {key['name']} finds no such row in {key['schema']}.{key['target']}"
                    )  # fmt: skip
        for index in database.rows(_UNIQUE, {"oid": table.oid, "column": mark.column}):
            if database.value(_doubled(table, dated, mark.column, value, index["others"])):
                return (
                    f"{table.full_name} cannot be marked: several rows would have the same {mark.column}, "
                    f"which the unique index {index['name']} forbids. Choose another column."
                )
    return ""


def _refusal(leaf: Leaf, column: str, why: str) -> str:
    return f"Rows of {leaf.schema}.{leaf.name} cannot be marked in {column}: {why}. Choose another value or column."


def _any_due(database: Database, table: Table, dated: Dated, leaf: Leaf, condition: Any) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM ONLY {} c WHERE {} AND {})").format(
        sql.Identifier(leaf.schema, leaf.name), due(dated.policy, table, dated.cut, dated.clock), condition
    )
    return bool(database.value(query))


def _breaks(table: Table, column: str, value: Any, condition: str) -> Any:
    """That the row (c) with the mark does not fulfil the condition."""
    columns = [
        sql.SQL("{} AS {}").format(value if name == column else sql.SQL("c.{}").format(sql.Identifier(name)), sql.Identifier(name))
        for name in table.columns
    ]  # fmt: skip
    return sql.SQL("(SELECT ({}) IS FALSE FROM (SELECT {}) x)").format(sql.SQL(condition), sql.SQL(", ").join(columns))


def _dangles(column: str, value: Any, key: Row) -> Any:
    """That the row (c) with the mark refers to no row."""
    new = [value if name == column else sql.SQL("c.{}").format(sql.Identifier(name)) for name in key["columns"]]
    matches = [
        sql.SQL("q.{} {} {}").format(sql.Identifier(target), sql.SQL(operator), one)
        for target, operator, one in zip(key["keys"], key["operators"], new)
    ]
    return sql.SQL("({} AND NOT EXISTS (SELECT FROM {} q WHERE {}))").format(
        sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(one) for one in new),
        sql.Identifier(key["schema"], key["target"]),
        sql.SQL(" AND ").join(matches),
    )


def _doubled(table: Table, dated: Dated, column: str, value: Any, others: Sequence[str]) -> Any:
    """Whether several rows have the mark and the same other columns of a unique index after the run."""
    return sql.SQL(
        "SELECT EXISTS (SELECT FROM {source} WHERE (({due}) OR {column} = {value}){filled} GROUP BY {others} HAVING count(*) > 1)"
    ).format(
        source=sql.Identifier(table.schema, table.name), due=due(dated.policy, table, dated.cut, dated.clock),
        column=sql.Identifier(column), value=value,
        filled=sql.SQL("").join(sql.SQL(" AND {} IS NOT NULL").format(sql.Identifier(name)) for name in others),
        others=sql.SQL(", ").join(map(sql.Identifier, others)) if others else sql.SQL("()"),
    )  # fmt: skip
