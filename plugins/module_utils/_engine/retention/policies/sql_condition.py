# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a policy's SQL condition is one condition and nothing else, judged by the server that will run it.

In a clean-up the condition stands in brackets beside the time, as in "at < ... AND (condition)". Text such as
"true) OR (true" would end the brackets and delete rows that are not due. So two statements have to be valid, neither of
which is executed: one with the condition in brackets, and one with it between CASE WHEN and THEN. A bracket closed too
early has no partner in the second, and words that end the CASE have no place inside the brackets of the first. Both are
opened as cursors, which the server does for a single statement only, so that nothing after a semicolon ever runs.
"""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.database import Database, sql
from .predicate import bracketed
from .tables import Table

_FORMS = (
    "SELECT FROM {table} AS {alias} WHERE {bracketed}",
    "SELECT CASE WHEN\n{condition}\nTHEN true END FROM {table} AS {alias}",
)


def condition_problem(database: Database, sql_condition: str, table: Table) -> str:
    """What is wrong with the condition for this table, as a sentence; empty if it can be used.

    The table has another name there, so that a condition which names it (and would fail in its partitions) is refused.
    """
    parts = {
        "table": sql.Identifier(table.schema, table.name),
        "alias": sql.Identifier("the row"),
        "bracketed": bracketed(sql_condition),
        "condition": sql.SQL(sql_condition),
    }
    statements = [database.as_text(sql.SQL(form).format(**parts)) for form in _FORMS]
    opened = " ".join(
        database.as_text(sql.SQL("OPEN form FOR EXECUTE {}; CLOSE form;").format(sql.Literal(statement)))
        for statement in statements
    )
    try:
        with database.transaction("BEGIN READ ONLY"):
            database.execute(sql.SQL("DO {}").format(sql.Literal(f"DECLARE form refcursor; BEGIN {opened} END")))
    except DatabaseError as error:
        if error.lost:
            raise
        return (
            f"The SQL in where.sql_condition cannot be used: {error.message}. Write one condition over the columns of {table.full_name}, "
            "without the table's name, and with the schema before own functions and other tables."
        )
    return ""
