# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan queries and ask statements, all read-only. Run on the host by the playbook deploy.

Standard input: JSON with command (path of titan-db), connection (options), queries (file name -> text) and statements.
Prints JSON with problems (sentences), indexes (file name -> names of the indexes in its plan) and rows (of each statement).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

asked = json.load(sys.stdin)
sys.path.insert(0, asked["command"])

import psycopg2
from titan_db.errors import TitanError
from titan_db.postgres.from_options import settings_from_options

WOULD_WRITE = "25006"  # read_only_sql_transaction


def header(text: str, word: str) -> str:
    found = re.search(rf"^-- {word}: *(.+?) *$", text, flags=re.M)
    return found.group(1) if found else ""


def indexes(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for below in node.get("Plans", []):
        yield from indexes(below)


def planned(cursor: Any, text: str) -> list[str]:
    """The indexes that the plan for unknown parameters uses."""
    types = header(text, "parameters")
    values = ", ".join(["NULL"] * len(types.split(","))) if types else ""
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"PREPARE titan_query{f'({types})' if types else ''} AS {text}")
    cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE titan_query{f'({values})' if values else ''}")
    return sorted(set(indexes(cursor.fetchone()[0][0]["Plan"])))


def said(error: psycopg2.Error) -> str:
    return str(error.diag.message_primary or error).strip()


def look(connection: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"problems": [], "indexes": {}, "rows": []}
    for name, text in sorted(asked["queries"].items()):
        with connection.cursor() as cursor:
            try:
                used = answer["indexes"][name] = planned(cursor, text)
                wanted = header(text, "plan")
                if wanted and wanted not in used:
                    answer["problems"].append(
                        f"{name} is planned without {wanted} (with {', '.join(used) or 'no index'})"
                    )
            except psycopg2.Error as error:
                answer["problems"].append(f"{name} cannot be planned: {said(error)}")
            connection.rollback()
            cursor.execute("DEALLOCATE ALL")
            connection.rollback()
    for text in asked["statements"]:
        with connection.cursor() as cursor:
            try:
                cursor.execute(text)
                answer["rows"].append(len(cursor.fetchall()) if cursor.description else 0)
            except psycopg2.Error as error:
                answer["rows"].append(None)
                if error.pgcode != WOULD_WRITE:
                    answer["problems"].append(f"{text} does not answer: {said(error)}")
            connection.rollback()
    return answer


try:
    settings = settings_from_options(asked["connection"])
    session = psycopg2.connect(**settings.parameters(), application_name="titan-db smoke test")
    session.set_session(readonly=True)
    print(json.dumps(look(session)))
except (TitanError, psycopg2.Error) as problem:
    print(json.dumps({"problems": [str(problem).strip()]}))
