# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables whose rows a dump holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...postgres.database import Database, sql
from .row_hash import BY_NAME, COPIED, NEWEST


@dataclass(frozen=True)
class Table:
    """A table that holds rows of its own.

    Attributes:
        readable: Whether the role may read it.
        row_security: Whether row security would hide rows from the role.
        absent: Whether the server does not have its rows: it is a standby, and they are unlogged.
        whole: Whether it is partitioned, and its partitions' rows are meant.
        condition: "WHERE ..." as an extension gives it for its configuration; empty for all rows.
        inherits: Whether a restore may order its columns otherwise.
    """

    oid: int
    schema: str
    name: str
    readable: bool
    row_security: bool
    pages: int
    absent: bool
    whole: bool = False
    condition: str = ""
    inherits: bool = False

    @property
    def must_be_hashed(self) -> bool:
        """Whether two dumps of it may read otherwise although its rows are the same."""
        return self.whole or self.inherits or bool(self.condition)

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    def identifier(self) -> Any:
        return sql.Identifier(self.schema, self.name)

    def relation(self) -> Any:
        """What stands behind FROM and LOCK TABLE."""
        return sql.SQL("{}" if self.whole else "ONLY {}").format(self.identifier())

    def its_rows(self) -> Any:
        """What stands behind FROM, and wants a name, for those of its rows that are dumped."""
        if not self.condition:
            return self.relation()
        return sql.SQL("(SELECT * FROM {} {})").format(self.relation(), sql.SQL(self.condition))


def read_tables(database: Database, hash_method: str = NEWEST) -> list[Table]:
    """The tables whose rows pg_dump dumps.

    Args:
        database: Connected.
        hash_method: Fingerprints by older methods know neither an extension's configuration nor tables in its schema, and
            list each partition by itself.
    """
    query = _TABLES if hash_method in (BY_NAME, COPIED) else _TABLES_OF_BEFORE
    return [Table(**row) for row in database.rows(query)]


_MEMBER = """EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {1}.oid
                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')"""
# What an extension owns is dumped where the extension has marked it as its configuration, and with the condition it gave.
# pg_dump loads the partitions of a table that is partitioned by the hash of an enum through that table, because the values'
# numbers change and with them their partitions: such a table is read as a whole (column "root").
_TABLES = f"""
WITH moving AS MATERIALIZED (
    SELECT p.partrelid AS oid FROM pg_partitioned_table p
     WHERE p.partstrat = 'h' AND EXISTS (
           SELECT FROM unnest(p.partclass::oid[]) AS k(oid) JOIN pg_opclass o ON o.oid = k.oid WHERE o.opcintype = 'anyenum'::regtype)),
found AS (
    SELECT c.oid, c.relnamespace, c.relname, c.relpages, c.relpersistence, coalesce(config.condition, '') AS condition,
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) AND NOT c.relispartition AS inherits,
           CASE WHEN c.relispartition AND EXISTS (SELECT FROM moving) THEN (
               SELECT a.relid::oid FROM pg_partition_ancestors(c.oid) WITH ORDINALITY a(relid, number)
                WHERE a.relid IN (SELECT oid FROM moving) ORDER BY a.number DESC LIMIT 1) END AS root
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN (SELECT u.oid, u.condition FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS u(oid, condition)) config
           ON config.oid = c.oid
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND (config.oid IS NOT NULL
            OR n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND NOT {_MEMBER.format("pg_class", "c")})),
each AS (
    SELECT oid, relnamespace, relname, relpages, relpersistence, condition, inherits, false AS whole,
           has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT') AS readable,
           row_security_active(oid) AS row_security
      FROM found WHERE root IS NULL
     UNION ALL
    SELECT r.oid, r.relnamespace, r.relname, parts.pages, 'p', '', false, true,
           has_schema_privilege(r.relnamespace, 'USAGE') AND has_table_privilege(r.oid, 'SELECT') AND parts.readable,
           row_security_active(r.oid) OR parts.row_security
      FROM pg_class r JOIN (
           SELECT root, sum(relpages)::int AS pages, bool_or(row_security_active(oid)) AS row_security,
                  bool_and(has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT')) AS readable
             FROM found WHERE root IS NOT NULL GROUP BY root) parts ON parts.root = r.oid)
SELECT e.oid::bigint AS oid, n.nspname::text AS schema, e.relname::text AS name, e.readable, e.row_security,
       e.relpages AS pages, e.relpersistence = 'u' AND pg_is_in_recovery() AS absent, e.whole, e.condition, e.inherits
  FROM each e JOIN pg_namespace n ON n.oid = e.relnamespace ORDER BY 2, 3
"""  # noqa: S608  constants
_TABLES_OF_BEFORE = f"""
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       row_security_active(c.oid) AS row_security, c.relpages AS pages,
       c.relpersistence = 'u' AND pg_is_in_recovery() AS absent
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   AND NOT {_MEMBER.format("pg_class", "c")} AND NOT {_MEMBER.format("pg_namespace", "n")}
 ORDER BY 2, 3
"""  # noqa: S608  constants
