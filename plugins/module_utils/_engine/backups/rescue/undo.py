# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a rescue back: the rows that it brought go, if they are still what they were then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...errors import TitanError
from ...host.safe_open import open_stream
from ...outcome import Call, Outcome
from ...postgres.database import Database, connect, sql
from ...postgres.locks import advisory_lock
from ...postgres.lost_reply import was_committed
from ...postgres.trust import require_trusted_role
from ...steps import step
from ..content.fingerprint import canceller, fix_settings
from ..programs.pipeline import Deadline
from .record import Section, read_head, read_sections
from .shapes import Shape, read_foreign_keys, read_shapes
from .sides import HASH, Pair, find_operators, same


def undo_rescue(path: str, call: Call) -> Outcome:
    """Take back what the file tells of, in one transaction; in check mode it is rolled back.

    Raises:
        TitanError: it cannot be taken back; nothing was changed.
    """
    deadline = Deadline(call.options["timeout"])
    with open_stream(path) as stream, connect(call.connection, "rescue") as live, deadline.ends(canceller(live)):
        head = read_head(stream, path)
        if head["database"] != live.settings.database:
            raise TitanError(
                f"{path} records a rescue in database {head['database']!r}, and this is {live.settings.database!r}."
            )
        warnings = require_trusted_role(live, call.options["accept_superuser"], "the tables' owner")
        fix_settings(live)
        find_operators(live)
        with advisory_lock(live, "rescue", live.settings.database):
            done = _known(live, head["rescue"], path)
            if done:
                return Outcome(False, {"tables": []}, f"It was already undone at {done}.")
            live.execute("BEGIN")
            transaction = ""
            try:
                live.execute(f"SET LOCAL lock_timeout = '{call.options['lock_timeout']}s'")
                live.execute("SET CONSTRAINTS ALL DEFERRED")
                tables = _take_back(live, stream)
                live.execute("UPDATE titan_ops.rescue SET undone_at = now() WHERE id = %s", (head["rescue"],))
                live.execute("SET CONSTRAINTS ALL IMMEDIATE")
                transaction = str(live.value("SELECT pg_current_xact_id()"))
                step("rescue.undo")
                live.execute("ROLLBACK" if call.check_mode else "COMMIT")
            except BaseException:
                if not live.closed:
                    live.execute("ROLLBACK")
                if call.check_mode or not (transaction and live.closed and was_committed(live.settings, transaction)):
                    raise
    removed, left = sum(each["removed"] for each in tables), sum(each["left"] for each in tables)
    remains = f" {left} rows have changed since and are left as they are." if left else ""
    would = "would be " if call.check_mode else ""
    return Outcome(True, {"tables": tables}, f"{removed} rows {would}taken back.{remains}", warnings=warnings)


def _known(live: Database, name: str, path: str) -> str:
    """When it was taken back; empty if it was not.

    Raises:
        TitanError: the rescue has not happened here.
    """
    there = live.value("SELECT to_regclass('titan_ops.rescue')") is not None
    row = live.row("SELECT undone_at::text AS undone FROM titan_ops.rescue WHERE id = %s", (name,)) if there else None
    if row is None:
        raise TitanError(f"The rescue of {path} did not happen in this database: there is nothing to undo.")
    return row["undone"] or ""


def _take_back(live: Database, stream: Any) -> list[dict[str, Any]]:
    shapes = read_shapes(live)
    found: list[tuple[Section, Pair, int]] = []
    for number, (section, rows) in enumerate(read_sections(stream)):
        shape = shapes.get(f"{section.schema}.{section.table}")
        if shape is None or not set(section.columns) <= set(shape.names()):
            raise TitanError(
                f"Table {section.schema}.{section.table} was dropped, or has lost columns since. Nothing was changed."
            )
        pair = _pair(number, shape, section)
        columns = pair.keys_of("c") if section.kind == "inserted" else sql.SQL("c.*")
        live.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} AS c WHERE false").format(
                sql.Identifier(f"titan_undo_{number}"), columns, pair.keyed(shape)
            )
        )
        live.copy_in(live.as_text(sql.SQL("COPY {} FROM STDIN").format(pair.temporary("undo"))), rows)  # type: ignore[arg-type]
        live.execute(sql.SQL("ANALYZE {}").format(pair.temporary("undo")))
        found.append(
            (section, pair, int(live.value(sql.SQL("SELECT count(*) FROM {}").format(pair.temporary("undo")))))
        )
    _require_nothing_new(live, shapes, found)
    tables = []
    for section, pair, number_of in reversed(found):  # children went in last
        step("rescue.undo_table")
        removed = live.execute(_delete(pair) if section.kind == "inserted" else _put_back(pair))
        tables.append({"table": pair.label, "kind": section.kind, "removed": removed, "left": number_of - removed})
    return tables


def _pair(number: int, shape: Shape, section: Section) -> Pair:
    """The table by the key that it had then."""
    then = replace(shape, key=section.key)
    return Pair(number, then, then, section.columns)


def _require_nothing_new(live: Database, shapes: dict[str, Shape], found: list[tuple[Section, Pair, int]]) -> None:
    """Refuse if rows that came since refer to the rows that would go: they would go along, or lose their reference."""
    inserted = {pair.label: pair for section, pair, _rows in found if section.kind == "inserted"}
    changed = {pair.label: pair for section, pair, _rows in found if section.kind != "inserted"}
    for key in read_foreign_keys(live):
        parent, child = inserted.get(key.parent), shapes.get(key.child)
        if key.action not in "cnd" or parent is None or child is None:
            continue
        refers = sql.SQL(
            "SELECT count(*) FROM {} AS c JOIN {} AS p ON {} JOIN {} AS u ON {}"
        ).format(
            child.relation(), parent.keyed(parent.live), same("c", key.child_columns, "p", key.parent_columns),
            parent.temporary("undo"), parent.same_key("p", "u"),
        )  # fmt: skip
        ours = [sql.SQL("true")]
        if mine := inserted.get(key.child):
            ours.append(_not_in(mine, same("c", mine.key, "o", mine.key_names) if mine.key else _is("c", mine)))
        if mine := changed.get(key.child):  # it gets back the value without the reference, unless it was changed since
            ours.append(
                _not_in(mine, sql.SQL("{} AND {}").format(same("c", mine.key, "o", mine.key_names), _is("c", mine)))
            )
        refers = sql.SQL("{} WHERE {}").format(refers, sql.SQL(" AND ").join(ours))
        number = live.value(refers)
        if number:
            raise TitanError(
                f"{number} rows of {key.child} have come since and refer to rows of {key.parent} that would be removed; they would be "
                "deleted, too, or lose their reference. Nothing was changed."
            )


def _not_in(pair: Pair, condition: Any) -> Any:
    return sql.SQL("NOT EXISTS (SELECT FROM {} AS o WHERE {})").format(pair.temporary("undo"), condition)


def _is(alias: str, pair: Pair) -> Any:
    """The condition that a row of a table without a key is one that was brought."""
    return sql.SQL("{} = o.{}").format(pair.text(alias), sql.Identifier(HASH))


def _delete(pair: Pair) -> Any:
    if pair.key:
        return sql.SQL("DELETE FROM {} AS t USING {} AS u WHERE {} AND {} = u.{}").format(
            pair.live.relation(), pair.temporary("undo"), same("t", pair.key, "u", pair.key_names), pair.text("t"),
            sql.Identifier(HASH),
        )  # fmt: skip
    return sql.SQL(
        "DELETE FROM {table} AS d USING (SELECT t.tableoid AS part, t.ctid AS place, {text} AS value, "
        "row_number() OVER (PARTITION BY {text}) AS number FROM {table} AS t) x JOIN (SELECT {hash} AS value, count(*) AS number "
        "FROM {undo} GROUP BY 1) u ON x.value = u.value AND x.number <= u.number WHERE d.tableoid = x.part AND d.ctid = x.place"
    ).format(
        table=pair.live.relation(), text=pair.text("t"), hash=sql.Identifier(HASH), undo=pair.temporary("undo")
    )  # fmt: skip


def _put_back(pair: Pair) -> Any:
    return sql.SQL("UPDATE {} AS t SET {} FROM {} AS u WHERE {} AND {} = u.{}").format(
        pair.live.relation(), pair.put("u"), pair.temporary("undo"), same("t", pair.key, "u", pair.key_names), pair.text("t"),
        sql.Identifier(HASH),
    )  # fmt: skip
