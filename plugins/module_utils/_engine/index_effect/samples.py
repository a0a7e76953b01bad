# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries made ready on the copy: prepared, with values for their parameters from the data. The values are printed nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import DatabaseError, TitanError
from ..postgres.database import Database, Row, sql
from .parameters import LIMIT, OFFSET, Column, Relation, parameters_of, relations_of
from .queries import Query, Skipped

_LIMIT = "100"  # what a page of results has
_BLOCKS = 3000.0  # rows that the sample is taken from, in whole pages


class Prepared(NamedTuple):
    """A query that can be executed.

    Attributes:
        statements: EXECUTE with each sample of values; one without parameters.
    """

    query: Query
    statements: tuple[Any, ...]


class _Place(NamedTuple):
    relation: str
    column: str


def prepare_queries(
    database: Database, queries: Sequence[Query], samples: int, seed: int
) -> tuple[list[Prepared], list[Skipped]]:
    """Prepare each query in this session.

    Args:
        database: The copy, in the session that will execute them.
        queries: Which.
        samples: How many samples of values for a query with parameters.
        seed: Of the samples.

    Returns:
        Those that can be measured, and those that cannot.
    """
    ready, skipped = [], []
    database.execute("SET plan_cache_mode = force_custom_plan")
    for number, query in enumerate(queries):
        name = sql.Identifier(f"titan_query_{number}")
        try:
            types = sql.SQL(f" ({query.types})" if query.types else "")
            database.execute(sql.SQL("PREPARE {}{} AS {}").format(name, types, sql.SQL(query.text)))
            values = _values(database, query, number, samples, seed)
        except DatabaseError as error:
            if error.lost:
                raise
            skipped.append(Skipped(query.name, error.message))
            continue
        except _NoValuesError as error:
            skipped.append(Skipped(query.name, error.message))
            continue
        ready.append(Prepared(query, tuple(_execute(name, each) for each in values)))
    return ready, skipped


class _NoValuesError(TitanError):
    """There is no value for a parameter; the message says why and what to do."""


def _execute(name: Any, values: Sequence[str | None]) -> Any:
    if not values:
        return sql.SQL("EXECUTE {}").format(name)
    return sql.SQL("EXECUTE {} ({})").format(name, sql.SQL(", ").join(map(sql.Literal, values)))


_COUNT = "SELECT cardinality(parameter_types) FROM pg_catalog.pg_prepared_statements WHERE name = %s"


def _values(database: Database, query: Query, number: int, samples: int, seed: int) -> list[tuple[str | None, ...]]:
    """The samples of values for the parameters, as text."""
    count = int(database.value(_COUNT, (f"titan_query_{number}",)))
    if not count:
        return [()]
    if query.values:
        return _values_of_query(database, query.values, count, samples)
    found = parameters_of(query.text)
    relations = relations_of(query.text)
    places: dict[int, _Place | str] = {}
    for at in range(1, count + 1):
        wanted = found.get(at)
        if isinstance(wanted, str):
            places[at] = {LIMIT: _LIMIT, OFFSET: "0"}[wanted]
            continue
        place = _place(database, wanted, relations) if wanted else None
        if place is None:
            raise _NoValuesError(
                f"it does not say plainly which column ${at} is compared with. Give a query for the values: -- values: SELECT ..."
            )
        places[at] = place
    return _sampled(database, places, samples, seed)


_OF_QUERY = """
WITH given AS ({})
SELECT (SELECT pg_catalog.array_agg(value ORDER BY ordinality)
          FROM pg_catalog.json_each_text(pg_catalog.row_to_json(given)) WITH ORDINALITY) AS row
  FROM given LIMIT {}
"""


def _values_of_query(database: Database, text: str, count: int, samples: int) -> list[tuple[str | None, ...]]:
    with database.transaction("BEGIN READ ONLY"):
        rows = database.rows(sql.SQL(_OF_QUERY).format(sql.SQL(text), sql.Literal(samples)))
    if not rows or len(rows[0]["row"]) != count:
        raise _NoValuesError(
            f"the query after '-- values:' must return rows of {count} column(s), one for each parameter"
        )
    return [tuple(row["row"]) for row in rows]


_HAS_COLUMN = """
SELECT pg_catalog.to_regclass(%s)::oid::regclass::text AS relation FROM pg_catalog.pg_attribute
 WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = %s AND attnum > 0 AND NOT attisdropped
"""


def _place(database: Database, column: Column, relations: Sequence[Relation]) -> _Place | None:
    """The table and column that the query's words mean; None if several or none could be meant."""
    of = [each for each in relations if not column.qualifier or each.alias == column.qualifier]
    found = {
        row["relation"] for each in of for row in database.rows(_HAS_COLUMN, (each.written, each.written, column.name))
    }
    return _Place(found.pop(), column.name) if len(found) == 1 else None


_SAMPLE = """
SELECT {columns} FROM {relation} AS sampled {part} WHERE {known}
 ORDER BY pg_catalog.md5(pg_catalog.concat({seed}, sampled.*)) LIMIT {samples}
"""
_SHARE = """
SELECT CASE WHEN relkind IN ('r', 'm') AND reltuples > {0} THEN 100 * {0} / reltuples ELSE 100 END
  FROM pg_catalog.pg_class WHERE oid = {1}::pg_catalog.regclass
"""


def _sampled(
    database: Database, places: dict[int, _Place | str], samples: int, seed: int
) -> list[tuple[str | None, ...]]:
    """Values of rows that were picked at random: what occurs more often is more often among them."""
    columns: dict[str, list[str]] = {}
    for place in places.values():
        if isinstance(place, _Place) and place.column not in columns.setdefault(place.relation, []):
            columns[place.relation].append(place.column)
    rows: dict[_Place, list[str]] = {}
    for relation, names in columns.items():
        found = _rows_of(database, relation, names, samples, seed)
        if not found:
            raise _NoValuesError(f"the table {relation} has no row to take values from")
        for name in names:
            rows[_Place(relation, name)] = [row[name] for row in found]
    made: list[tuple[str | None, ...]] = []
    for at in range(max(map(len, rows.values()), default=1)):
        made.append(
            tuple(
                place if isinstance(place, str) else rows[place][at % len(rows[place])]
                for _n, place in sorted(places.items())
            )
        )
    return made


def _rows_of(database: Database, relation: str, names: Sequence[str], samples: int, seed: int) -> list[Row]:
    share = float(database.value(sql.SQL(_SHARE).format(sql.Literal(_BLOCKS), sql.Literal(relation))) or 100)
    parts = {
        "columns": sql.SQL(", ").join(sql.SQL("{0}::text AS {0}").format(sql.Identifier(name)) for name in names),
        "known": sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(sql.Identifier(name)) for name in names),
        "relation": sql.SQL(relation),
        "seed": sql.Literal(str(seed)),
        "samples": sql.Literal(samples),
    }
    taken = sql.SQL("TABLESAMPLE SYSTEM ({}) REPEATABLE ({})").format(sql.Literal(share), sql.Literal(seed))
    found = database.rows(sql.SQL(_SAMPLE).format(part=taken, **parts)) if share < 100 else []
    return found or database.rows(sql.SQL(_SAMPLE).format(part=sql.SQL(""), **parts))
