# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes as the catalog has them, and their bloat as measured or estimated."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import DatabaseError, TitanError
from ..postgres.database import Database, sql
from ..postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from .bloat import Pages, estimated_pages, measured_pages, share
from .duplicates import IndexShape

# From this major on there is the privilege MAINTAIN and the role pg_maintain.
MAINTAIN_SINCE = 17
_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'"


@dataclass(frozen=True)
class Index:
    """A valid index that could be rebuilt.

    Attributes:
        owned: The connected role may rebuild it.
        fill: Fill factor in percent.
        concurrently: REINDEX CONCURRENTLY can do it (exclusion constraints cannot).
    """

    oid: int
    schema: str
    name: str
    table: str
    table_oid: int
    method: str
    bytes: int
    rows: float
    fill: int
    owned: bool
    concurrently: bool
    location: str

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Bloat:
    """share of the index that a rebuild gives back; source is pgstatindex or estimate."""

    share: float
    bytes: int
    source: str


def require_primary(database: Database) -> None:
    """Refuse to work on a standby.

    Raises:
        TitanError: this server is one.
    """
    if database.in_recovery():
        raise TitanError("This server is a standby: indexes are rebuilt on the primary. Connect there.")


def read_indexes(database: Database, smallest: int) -> list[Index]:
    """Valid indexes of users' tables of at least so many bytes, the largest first."""
    maintains = "OR has_table_privilege(t.oid, 'MAINTAIN')" if database.major >= MAINTAIN_SINCE else ""
    rows = database.rows(
        f"""
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
               format('%%s.%%s', tn.nspname, t.relname) AS "table", t.oid::bigint AS table_oid, m.amname::text AS method,
               pg_relation_size(c.oid) AS bytes, c.reltuples::float AS rows,
               coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '90')::int AS fill,
               pg_has_role(t.relowner, 'USAGE') OR pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()),
                   'USAGE') {maintains} AS owned,
               NOT i.indisexclusion AS concurrently, coalesce(pg_tablespace_location(c.reltablespace), '') AS location
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_namespace tn ON tn.oid = t.relnamespace
          JOIN pg_am m ON m.oid = c.relam
         WHERE c.relkind = 'i' AND i.indisvalid AND i.indislive AND {_OURS} AND pg_relation_size(c.oid) >= %s
         ORDER BY pg_relation_size(c.oid) DESC, n.nspname, c.relname
        """,  # noqa: S608 (a constant)
        (smallest,),
    )
    return [Index(**row) for row in rows]


def measure(database: Database, index: Index) -> Bloat | None:
    """The bloat of a btree index; None when neither pgstattuple nor statistics can say."""
    if index.method != "btree":
        return None
    block = int(database.value("SELECT current_setting('block_size')::int"))
    total = max(1, index.bytes // block)
    pages = _pgstatindex(database, index)
    if pages:
        after, source = measured_pages(pages, index.fill), "pgstatindex"
    else:
        width = _key_width(database, index)
        if width is None or index.rows < 0:
            return None
        after, source = estimated_pages(index.rows, width[0], width[1], index.fill, block), "estimate"
    return Bloat(share(total, after), max(0, total - after) * block, source)


def _pgstatindex(database: Database, index: Index) -> Pages | None:
    schema = database.extension_schema("pgstattuple")
    if not schema:
        return None
    query = sql.SQL(
        "SELECT internal_pages, leaf_pages, index_size / current_setting('block_size')::bigint AS total, "
        "coalesce(nullif(avg_leaf_density, 'NaN'), 0) AS density FROM {}({}::oid::regclass)"
    ).format(sql.Identifier(schema, "pgstatindex"), sql.Literal(index.oid))
    try:
        row = database.row(query)
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        return None
    return (
        Pages(int(row["total"]), int(row["internal_pages"]), int(row["leaf_pages"]), float(row["density"]))
        if row
        else None
    )


def _key_width(database: Database, index: Index) -> tuple[float, bool] | None:
    """Average bytes of all columns of an entry, and whether one is ever NULL; None if a statistic is missing."""
    rows = database.rows(
        """
        SELECT s.avg_width::float AS width, s.null_frac::float AS nulls
          FROM pg_attribute a JOIN pg_index i ON i.indexrelid = a.attrelid
          JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
          JOIN pg_class c ON c.oid = i.indexrelid
          LEFT JOIN pg_attribute ta ON ta.attrelid = i.indrelid AND ta.attnum = i.indkey[a.attnum - 1] AND ta.attnum > 0
          LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND NOT s.inherited
               AND s.tablename = CASE WHEN ta.attname IS NULL THEN c.relname ELSE t.relname END
               AND s.attname = coalesce(ta.attname, a.attname)
         WHERE a.attrelid = %s ORDER BY a.attnum
        """,
        (index.oid,),
    )
    if not rows or any(row["width"] is None for row in rows):
        return None
    return sum(row["width"] * (1 - row["nulls"]) for row in rows), any(row["nulls"] > 0 for row in rows)


def read_shapes(database: Database) -> list[IndexShape]:
    """All valid indexes of users' tables, as the search for superfluous ones compares them."""
    rows = database.rows(
        f"""
        SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
               format('%s.%s', n.nspname, t.relname) AS "table", m.amname::text AS method,
               ARRAY(SELECT concat_ws(E'\\x1f', pg_get_indexdef(c.oid, k, true), i.indclass[k - 1], i.indcollation[k - 1], i.indoption[k - 1])
                       FROM generate_series(1, i.indnkeyatts) k) AS keys,
               ARRAY(SELECT pg_get_indexdef(c.oid, k, true) FROM generate_series(i.indnkeyatts + 1, i.indnatts) k) AS include,
               coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate, i.indisunique OR i.indisexclusion AS "unique",
               i.indisreplident OR i.indisclustered OR EXISTS (SELECT FROM pg_constraint f WHERE f.conindid = c.oid)
                   OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid) AS bound,
               c.relkind = 'I' AS partitioned,
               CASE c.relkind WHEN 'I' THEN (SELECT coalesce(sum(pg_relation_size(relid)), 0)::bigint FROM pg_partition_tree(c.oid))
                              ELSE pg_relation_size(c.oid) END AS bytes,
               CASE c.relkind WHEN 'I' THEN (SELECT coalesce(sum(pg_stat_get_numscans(relid)), 0)::bigint FROM pg_partition_tree(c.oid))
                              ELSE coalesce(pg_stat_get_numscans(c.oid), 0) END AS scans
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
         WHERE c.relkind IN ('i', 'I') AND i.indisvalid AND {_OURS}
         ORDER BY 4, 1
        """  # noqa: S608 (a constant)
    )
    return [IndexShape(**{**row, "keys": tuple(row["keys"]), "include": tuple(row["include"])}) for row in rows]


_SINCE = """
SELECT to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
       coalesce(since <= clock_timestamp() - make_interval(days => %s), false) AS old
  FROM (SELECT coalesce(stats_reset, pg_stat_get_bgwriter_stat_reset_time()) FROM pg_stat_database WHERE datname = current_database()) s(since)
"""


def statistics_since(database: Database, days: int) -> tuple[str | None, bool]:
    """When the usage statistics of this database were last reset, as far as the server knows, and whether that is so many days ago.

    Where nobody has reset them, those of the server tell when it last began anew, as after a crash.
    """
    row = database.row(_SINCE, (days,))
    return (row["since"], bool(row["old"])) if row else (None, False)
