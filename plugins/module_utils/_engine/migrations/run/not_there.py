# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a statement needs is in the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import DatabaseError
from ...postgres.database import Database
from ..lint.view import parts_of
from ..needs.need import (
    COLUMN,
    CONSTRAINT,
    EXTENSION,
    INDEX,
    LABEL,
    LANGUAGE,
    MATERIALIZED_VIEW,
    NEW_LABEL,
    OWN_COLUMN,
    PARTITIONED_TABLE,
    POLICY,
    PUBLICATION,
    RELATION,
    ROLE,
    ROUTINE,
    RULE,
    SCHEMA,
    SERVER,
    TRIGGER,
    TYPE,
    Need,
)
from .existing_objects import signature

_TABLE = "pg_catalog.to_regclass(%(of)s)"
# True if it is there, or if the table that it belongs to is not.
_QUERIES = {
    RELATION: "SELECT pg_catalog.to_regclass(%(name)s) IS NOT NULL",
    SCHEMA: "SELECT pg_catalog.to_regnamespace(%(name)s) IS NOT NULL",
    TYPE: "SELECT pg_catalog.to_regtype(%(name)s) IS NOT NULL "
    "OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE NOT typisdefined AND typname = %(stored)s)",
    ROLE: "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %(name)s)",
    EXTENSION: "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = %(name)s)",
    LANGUAGE: "SELECT EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = %(name)s)",
    PUBLICATION: "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = %(name)s)",
    SERVER: "SELECT EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = %(name)s)",
    COLUMN: "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {table} AND attname = %(name)s AND NOT attisdropped)",
    OWN_COLUMN: "SELECT pg_catalog.to_regclass(%(of)s) IS NOT NULL",
    CONSTRAINT: "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {table} AND conname = %(name)s)",
    TRIGGER: "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {table} AND tgname = %(name)s)",
    POLICY: "SELECT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = {table} AND polname = %(name)s)",
    RULE: "SELECT EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = {table} AND rulename = %(name)s)",
    INDEX: "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = {table} "
    "AND c.relname = %(name)s)",
    LABEL: "SELECT EXISTS (SELECT FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(%(of)s) AND enumlabel = %(name)s) "
    "OR pg_catalog.to_regtype(%(of)s) IS NULL",
    NEW_LABEL: "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(%(of)s) AND enumlabel = %(name)s)",
    MATERIALIZED_VIEW: "SELECT coalesce((SELECT relkind = 'm' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%(name)s)), true)",
    PARTITIONED_TABLE: "SELECT coalesce((SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(%(name)s)), true)",
}  # fmt: skip
_ROUTINE = "SELECT pg_catalog.to_regprocedure(%s) IS NOT NULL"
_NAMED = "SELECT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = %s)"


def not_there(database: Database, needs: Sequence[Need]) -> str:
    """The first that is missing, as a sentence without its dot; empty if nothing is, or nothing is known for certain."""
    return next((_sentence(need) for need in needs if not _is_there(database, need)), "")


def _sentence(need: Need) -> str:
    if need.kind == LABEL:
        return f"the enum {need.of} has no label {need.name}"
    if need.kind == NEW_LABEL:
        return f"the enum {need.of} has the label {need.name} already"
    if need.kind in (MATERIALIZED_VIEW, PARTITIONED_TABLE):
        return f"{need.name} is no {need.kind}"
    if need.kind == OWN_COLUMN:
        return f"the definition of {need.of} names the column {need.name}, which it does not have"
    if need.of:
        return f"{need.of} has no {need.kind} {need.name}"
    return f"{need.name} does not exist" if need.kind == RELATION else f"the {need.kind} {need.name} does not exist"


def _is_there(database: Database, need: Need) -> bool:
    if need.kind == ROUTINE:
        return _routine_is_there(database, need.name)
    query = _QUERIES[need.kind].replace("{table}", _TABLE)
    if need.of and need.kind not in (LABEL, NEW_LABEL, OWN_COLUMN):
        query += f" OR {_TABLE} IS NULL"
    return _asked(database, query, {**need._asdict(), "stored": parts_of(need.name)[-1]})


def _routine_is_there(database: Database, name: str) -> bool:
    plain, opened, arguments = name.partition("(")
    if not opened:
        return _asked(database, _NAMED, (parts_of(plain)[-1],))
    if "*" in arguments or "order by" in arguments.lower() or "%" in arguments or "=" in arguments:
        return True
    return _asked(database, _ROUTINE, (signature(database, name),))


def _asked(database: Database, query: str, values: object) -> bool:
    """What the query says; True where it cannot be asked: a name that the server reads in another way than the statement's."""
    try:
        return database.value(query, values) is not False
    except DatabaseError as error:
        if error.lost:
            raise
        return True
