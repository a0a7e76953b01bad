# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequences, extensions and collations that IF NOT EXISTS finds, and leaves as they are although the statement says otherwise."""

from __future__ import annotations

from collections.abc import Collection

from ...postgres.database import Database
from ..sql.lexer import Statement
from ..sql.statements import Named, qualified, written
from ..sql.tokens import STRING

_SEQUENCE = """
SELECT pg_catalog.format_type(seqtypid, NULL) AS type, seqincrement::text AS increment, seqstart::text AS start, seqmin::text AS minvalue,
       seqmax::text AS maxvalue, seqcache::text AS cache
  FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass(%s)
"""
_SCHEMA = """
SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = %s
"""
_COLLATION = """
SELECT collcollate FROM pg_catalog.pg_collation WHERE oid = pg_catalog.to_regcollation(%s) AND collprovider = 'c'
"""
_TYPES = {"int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint"}


def other_sequence(database: Database, statement: Statement, named: Named) -> str:
    """A sentence for the first option that the sequence has otherwise; empty if none."""
    row = database.row(_SEQUENCE, (named.name,)) or {}
    words = statement.key()
    for at, word in enumerate(words):
        if word == "as" and words[at + 1 :]:
            option, wanted = "type", _TYPES.get(words[at + 1], words[at + 1])
        elif word in ("increment", "start", "minvalue", "maxvalue", "cache"):
            rest = [item for item in words[at + 1 : at + 4] if item not in ("by", "with")]
            option, wanted = word, "".join(rest[: 1 + (rest[:1] == ["-"])])
            if not wanted.lstrip("-").isdigit() or words[at - 1] == "no":
                continue
        else:
            continue
        if row and row[option] != wanted:
            return f"the sequence {named.name} already exists with the {option} {row[option]}, and IF NOT EXISTS does not make it {wanted}."
    return ""


def other_schema(database: Database, statement: Statement, named: Named) -> str:
    """A sentence where the extension is in another schema than the statement names."""
    words = statement.key()
    at = words.index("schema") + 1 if "schema" in words else len(words)
    wanted = statement.tokens[at].name if at < len(words) else ""
    here = str(database.value(_SCHEMA, (named.name.strip('"'),)) or "") if wanted else ""
    if not here or here == wanted:
        return ""
    return f"the extension {named.name} already exists in the schema {here}, and IF NOT EXISTS does not move it to {wanted}."


def other_collation(database: Database, statement: Statement, touched: Collection[str] = ()) -> str:
    """A sentence where CREATE COLLATION IF NOT EXISTS finds one of another locale of the operating system's.

    Args:
        touched: Names, in lower case, of what the files before have dropped or made.
    """
    words = statement.key()
    if words[:5] != ("create", "collation", "if", "not", "exists"):
        return ""
    end = qualified(statement.tokens, 5)
    name = written(statement.tokens[5:end])
    option = next((word for word in ("locale", "lc_collate") if word in words), "")
    value = statement.tokens[words.index(option) + 2 :][:1] if option else ()
    if not value or value[0].kind != STRING or statement.tokens[end - 1].name.lower() in touched:
        return ""
    here, wanted = database.value(_COLLATION, (name,)), value[0].text[1:-1]
    if here is None or here == wanted:
        return ""
    return f"the collation {name} already exists with the locale {here}, and IF NOT EXISTS does not make it {wanted}."
