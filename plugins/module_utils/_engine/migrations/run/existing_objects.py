# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was there before a file ran: a rollback must leave it, and bring back what the file replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from ...text.quoted import quoted_name
from ..files.script import Script, blanked, make_script
from ..history.records import AttemptDetails, FoundObject
from ..sql.lexer import Statement
from ..sql.statements import Named, created, dropped

_RELATION = """
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS identity, c.relkind::text AS relkind,
       CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END AS definition,
       pg_catalog.obj_description(c.oid, 'pg_class') AS comment
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass(%s)
"""
_ROUTINES = """
SELECT pg_catalog.format('%%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.array_to_string(ARRAY(
         SELECT pg_catalog.format_type(t, NULL) FROM pg_catalog.unnest(p.proargtypes) AS t), ',')) AS identity,
       CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END AS definition,
       pg_catalog.obj_description(p.oid, 'pg_proc') AS comment
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE pg_catalog.quote_ident(p.proname) = %s AND n.nspname = coalesce(%s, pg_catalog.current_schema())
"""
_ROUTINE = """
SELECT pg_catalog.pg_get_functiondef(oid) AS definition, pg_catalog.obj_description(oid, 'pg_proc') AS comment
  FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regprocedure(%s)
"""
_OTHERS = {
    "type": "SELECT pg_catalog.to_regtype(%s)::pg_catalog.text AS identity",
    "schema": "SELECT pg_catalog.to_regnamespace(%s)::pg_catalog.text AS identity",
    "extension": "SELECT pg_catalog.quote_ident(extname) AS identity FROM pg_catalog.pg_extension WHERE pg_catalog.quote_ident(extname) = %s",
}


def objects_named(database: Database, named: Named) -> list[FoundObject]:
    """The objects that a name stands for now: {kind, identity, definition, comment}; routines with every argument list."""
    if named.kind == "routine":
        schema, _dot, name = named.name.rpartition(".")
        rows = database.rows(_ROUTINES, (_canonical(name), schema.strip('"') or None))
    else:
        rows = database.rows(_RELATION if named.kind == "relation" else _OTHERS[named.kind], (_canonical_last(named),))
    return [{"kind": named.kind, **row} for row in rows if row["identity"]]  # type: ignore[typeddict-item]


def _canonical(name: str) -> str:
    return name if name.startswith('"') else name.lower()


def _canonical_last(named: Named) -> str:
    return _canonical(named.name) if named.kind == "extension" else named.name


def already_there(database: Database, statements: Sequence[Statement]) -> list[FoundObject]:
    """What CREATE OR REPLACE and CREATE ... IF NOT EXISTS in these statements would find."""
    found: list[FoundObject] = []
    for named in map(created, statements):
        if named and named.tolerant:
            found += [item for item in objects_named(database, named) if item not in found]
    return found


def protected(details: Sequence[AttemptDetails]) -> list[FoundObject]:
    """What a migration's attempts found rather than made, the oldest word on each object first."""
    kept: dict[tuple[str, str], FoundObject] = {}
    for item in details:
        for found in item.get("found", []):
            kept.setdefault((found["kind"], found["identity"]), found)
        for index in item.get("indexes", []):
            if index["outcome"] == "found":
                identity = quoted_name(index["schema"], index["name"])
                kept.setdefault(("relation", identity), {"kind": "relation", "identity": identity, "definition": None})
    return list(kept.values())


def keep_existing(database: Database, script: Script, kept: Sequence[FoundObject]) -> tuple[Script, list[str]]:
    """The way back without the DROP statements of objects that were there before, and their names.

    Raises:
        TitanError: one statement drops both such an object and another one.
    """
    gone: list[Statement] = []
    parts: list[tuple[int, int]] = []
    names: list[str] = []
    for statement in script.statements:
        to_drop = dropped(statement)
        kept_names = [item for item in to_drop if _is_kept(database, item, kept)]
        if kept_names and len(kept_names) == len(to_drop):
            gone.append(statement)
        else:
            if kept_names and not script.whole:
                raise _together(script, statement, [item.name for item in kept_names])
            parts += _left_out(to_drop, kept_names)
        names += [item.name for item in kept_names]
    if parts:
        script = make_script(_without(script.text, parts), script.file)
        starts = {statement.start for statement in gone}
        gone = [statement for statement in script.statements if statement.start in starts]
    if not gone:
        return script, names
    starts = {statement.start for statement in gone}
    if script.whole:
        return blanked(script, gone), names
    steps = tuple(step for step in script.steps if step.statements[0].start not in starts)
    renumbered = tuple(replace(step, number=number) for number, step in enumerate(steps, 1))
    return replace(script, steps=renumbered), names


def _left_out(to_drop: Sequence[Named], kept_names: Sequence[Named]) -> list[tuple[int, int]]:
    """The parts of a DROP statement to take out, so that the names which stay in it are separated by commas again."""
    parts = [item.span for item in kept_names]
    first = True
    for item in to_drop if kept_names else ():
        if item.comma >= 0 and (item in kept_names or first):
            parts.append((item.comma, item.comma + 1))
        first = first and item in kept_names
    return parts


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "".join(char if char in "\r\n" else " " for char in text[start:end]) + text[end:]
    return text


def _together(script: Script, statement: Statement, names: Sequence[str]) -> TitanError:
    return TitanError(
        f"{script.file}, line {statement.line}: this statement drops {', '.join(names)}, which was there before the migration, "
        "together with other objects. Give each its own statement.",
        file=script.file,
        line=statement.line,
    )


def _is_kept(database: Database, named: Named, kept: Sequence[FoundObject]) -> bool:
    return any(item["kind"] == named.kind and _same(database, named, item["identity"]) for item in kept)


def _same(database: Database, named: Named, identity: str) -> bool:
    if named.kind == "relation":
        query = "SELECT pg_catalog.to_regclass(%s) = pg_catalog.to_regclass(%s)"
        return database.value(query, (named.name, identity)) is True
    if named.kind != "routine":
        return named.name.strip('"') == identity.strip('"')
    if "(" not in named.name:
        query = "SELECT pg_catalog.to_regproc(%s)::oid = pg_catalog.to_regprocedure(%s)::oid"
        return database.value(query, (named.name, identity)) is True
    query = "SELECT pg_catalog.to_regprocedure(%s)::oid = pg_catalog.to_regprocedure(%s)::oid"
    try:
        return database.value(query, (signature(database, named.name), identity)) is True
    except DatabaseError:  # an argument list that nobody but DROP understands: better to keep too much
        return _last_name(named.name) == _last_name(identity)


def _last_name(routine: str) -> str:
    return routine.split("(")[0].split(".")[-1].strip().strip('"')


def signature(database: Database, written: str) -> str:
    """The routine with its argument types only: names and modes are taken out of the list, OUT arguments with them."""
    name, _open, inside = written.rpartition(")")[0].partition("(")
    types = []
    for argument in filter(None, (part.strip() for part in re.split(r",(?![^(]*\))", inside))):
        words = argument.split()
        mode = words[0].lower() if len(words) > 1 and words[0].lower() in ("in", "out", "inout", "variadic") else ""
        words = words[1:] if mode else words
        if mode != "out":
            types.append(" ".join(words if len(words) == 1 or _is_type(database, " ".join(words)) else words[1:]))
    return f"{name.strip()}({', '.join(types)})"


def _is_type(database: Database, text: str) -> bool:
    try:
        return database.value("SELECT pg_catalog.to_regtype(%s) IS NOT NULL", (text,)) is True
    except DatabaseError:
        return False


def restore_statements(database: Database, kept: Sequence[FoundObject]) -> list[str]:
    """The statements that bring back replaced routines and views, and their comments."""
    statements = []
    for item in kept:
        if not item.get("definition"):
            continue
        routine = item["kind"] == "routine"
        now = database.row(_ROUTINE if routine else _RELATION, (item["identity"],)) or {}
        definition = str(item["definition"]).rstrip().rstrip(";")
        if now.get("definition") != item["definition"]:
            statements.append(definition if routine else f"CREATE OR REPLACE VIEW {item['identity']} AS {definition}")
        if now.get("comment") != item.get("comment"):
            said = database.as_text(sql.Literal(item.get("comment")))
            statements.append(f"COMMENT ON {'ROUTINE' if routine else 'VIEW'} {item['identity']} IS {said}")
    return statements
