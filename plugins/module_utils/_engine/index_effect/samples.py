# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries made ready on the copy: prepared, with values for their parameters from the data. The values are printed nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import DatabaseError, TitanError
from ..postgres.database import Database, Row, sql
from .expressions import Column, Expression
from .parameters import LIMIT, OFFSET, Relation, parameters_of, relations_of
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
    """Where values come from: value is SQL over a row of the relation, which has the alias there."""

    relation: str
    alias: str
    value: str


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
            if database.closed:
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
                f"it is unclear which column or expression ${at} is compared with. Give a query for the values: -- values: SELECT ..."
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
SELECT pg_catalog.to_regclass(%s)::oid::regclass::text AS relation, pg_catalog.quote_ident(attname) AS name FROM pg_catalog.pg_attribute
 WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = %s AND attnum > 0 AND NOT attisdropped
"""


def _place(database: Database, wanted: Column | Expression, relations: Sequence[Relation]) -> _Place | None:
    """The table, and what of it, that the query's words mean; None if several or none could be meant."""
    columns = [wanted] if isinstance(wanted, Column) else wanted.columns
    found = {}
    for column in columns:
        for each in relations:
            if column.qualifier in ("", each.alias):
                for row in database.rows(_HAS_COLUMN, (each.written, each.written, column.name)):
                    found[row["relation"]] = (each.alias, row["name"])
    if len(found) != 1:
        return None
    relation, (alias, name) = found.popitem()
    if isinstance(wanted, Column):
        return _Place(relation, alias, name)
    place = _Place(relation, alias, wanted.text)
    return place if _computes(database, place) else None


def _computes(database: Database, place: _Place) -> bool:
    """Whether a row of the relation alone says the value: it is no aggregate, and needs no other table."""
    try:
        database.rows(
            sql.SQL("SELECT 1 FROM {} AS {} WHERE ({}) IS NULL LIMIT 0").format(
                sql.SQL(place.relation), sql.Identifier(place.alias), sql.SQL(place.value)
            )
        )
    except DatabaseError:
        if database.closed:
            raise
        return False
    return True


_SAMPLE = """
SELECT {columns} FROM {relation} AS {alias} {part} WHERE {known}
 ORDER BY pg_catalog.md5(pg_catalog.concat({seed}, {alias}.*)) LIMIT {samples}
"""
_SHARE = """
SELECT CASE WHEN relkind IN ('r', 'm') AND reltuples > {0} THEN 100 * {0} / reltuples ELSE 100 END
  FROM pg_catalog.pg_class WHERE oid = {1}::pg_catalog.regclass
"""


def _sampled(
    database: Database, places: dict[int, _Place | str], samples: int, seed: int
) -> list[tuple[str | None, ...]]:
    """Values of rows that were picked at random: what occurs more often is more often among them."""
    values: dict[tuple[str, str], list[str]] = {}
    for place in places.values():
        if isinstance(place, _Place) and place.value not in values.setdefault(place[:2], []):
            values[place[:2]].append(place.value)
    rows: dict[_Place, list[str]] = {}
    for (relation, alias), texts in values.items():
        found = _rows_of(database, (relation, alias), texts, samples, seed)
        if not found:
            raise _NoValuesError(f"the table {relation} has no row to take values from")
        for number, text in enumerate(texts):
            rows[_Place(relation, alias, text)] = [row[f"v{number}"] for row in found]
    made: list[tuple[str | None, ...]] = []
    for at in range(max(map(len, rows.values()), default=1)):
        made.append(
            tuple(
                place if isinstance(place, str) else rows[place][at % len(rows[place])]
                for _n, place in sorted(places.items())
            )
        )
    return made


def _rows_of(
    database: Database, relation: tuple[str, str], values: Sequence[str], samples: int, seed: int
) -> list[Row]:
    name, alias = relation
    share = float(database.value(sql.SQL(_SHARE).format(sql.Literal(_BLOCKS), sql.Literal(name))) or 100)
    columns = [
        sql.SQL("({})::text AS {}").format(sql.SQL(each), sql.Identifier(f"v{n}")) for n, each in enumerate(values)
    ]
    parts = {
        "columns": sql.SQL(", ").join(columns),
        "known": sql.SQL(" AND ").join(sql.SQL("({}) IS NOT NULL").format(sql.SQL(each)) for each in values),
        "relation": sql.SQL(name),
        "alias": sql.Identifier(alias),
        "seed": sql.Literal(str(seed)),
        "samples": sql.Literal(samples),
    }
    taken = sql.SQL("TABLESAMPLE SYSTEM ({}) REPEATABLE ({})").format(sql.Literal(share), sql.Literal(seed))
    found = database.rows(sql.SQL(_SAMPLE).format(part=taken, **parts)) if share < 100 else []
    return found or database.rows(sql.SQL(_SAMPLE).format(part=sql.SQL(""), **parts))
