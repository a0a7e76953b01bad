"""Who is told of each statement of a run, and that the run does the same for it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.operation import migration
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.session.observer import Observer
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database
from ansible_collections.titan.database.plugins.module_utils._engine.text.options import defaults

FILES = {
    "1_a.sql": "-- said\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\nCOPY t FROM stdin;\n2\n\\.\nCREATE INDEX ON t (a);\n",
    "1_a.down.sql": "DROP TABLE t;\n",
    "2_b.sql": "CREATE INDEX CONCURRENTLY t_a2 ON t ((a + 1));\n",
    "2_b.down.sql": "DROP INDEX t_a2;\n",
}


class Told(Observer):
    by_statement = True

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def file_begins(self, file: str, action: str) -> None:
        self.events.append((file, action))

    def transaction_begins(self) -> None:
        self.events.append(("begin",))

    def statement_begins(self, text: str, line: int) -> None:
        self.events.append((" ".join(text.split())[:12], line))

    def statement_ends(self, error: DatabaseError | None) -> None:
        self.events.append(("ended", error.sqlstate if error else ""))

    def transaction_ends(self, committed: bool) -> None:
        self.events.append(("commit" if committed else "rollback",))


def call(settings: ConnectionSettings, files: dict[str, str], **options: Any) -> Call:
    sent = [{"name": name, "content": text} for name, text in files.items()]
    return Call({**defaults(MIGRATION), "files": sent, **options}, settings)


def test_each_statement_is_told_of_by_itself(settings: ConnectionSettings, db: Database) -> None:
    told = Told()
    migration(call(settings, FILES), told)
    assert told.events == [
        ("1_a.sql", "apply"), ("begin",),
        ("CREATE TABLE", 2), ("ended", ""), ("INSERT INTO ", 3), ("ended", ""), ("COPY t FROM ", 4), ("ended", ""),
        ("CREATE INDEX", 7), ("ended", ""), ("commit",),
        ("2_b.sql", "apply"), ("CREATE INDEX", 1), ("ended", ""),
    ]  # fmt: skip
    assert db.value("SELECT array_agg(a ORDER BY a) FROM public.t") == [1, 2]
    back = Told()
    migration(call(settings, FILES, state="rolled_back", target="0", allow_rollback=True), back)
    assert [event for event in back.events if event[-1] == "rollback"] == [
        ("2_b.down.sql", "rollback"),
        ("1_a.down.sql", "rollback"),
    ]


def test_a_failing_statement_is_told_of_and_named(settings: ConnectionSettings) -> None:
    told = Told()
    with pytest.raises(TitanError, match=r"1_a\.sql, line 3.*Nothing of this file is in the database"):
        migration(call(settings, {"1_a.sql": "CREATE TABLE t (a int);\n\nSELECT 1 / 0;\nSELECT 2;"}), told)
    assert told.events[-3:] == [("SELECT 1 / 0", 3), ("ended", "22012"), ("rollback",)]
