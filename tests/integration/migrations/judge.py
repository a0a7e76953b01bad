"""Two databases: one for psql, which is the judge, and one for the engine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import embedded_programs

RESET = "RESET ALL; DROP SCHEMA IF EXISTS titan_ops, s, s2 CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; DISCARD TEMP"
NOT_SHARED = " -- "
INDEXES = """
SELECT n.nspname || '.' || c.relname AS name,
       concat_ws(' -- ', concat_ws(' TABLESPACE ', replace(pg_get_indexdef(c.oid), ' INDEX ' || quote_ident(c.relname) || ' ON ', ' ON '), p.spcname),
                 obj_description(c.oid, 'pg_class'), CASE WHEN i.indisclustered THEN 'clustered' END,
                 CASE WHEN i.indisreplident THEN 'identity' END) AS definition
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_tablespace p ON p.oid = c.reltablespace
 WHERE n.nspname IN ('public', 's', 's2') AND i.indisvalid
"""


class Databases:
    """One for psql, one for the engine; each emptied for each history."""

    def __init__(self, judge: ConnectionSettings, engine: ConnectionSettings) -> None:
        self.judge, self.engine = judge, engine
        self.connections = {}
        for settings in (judge, engine):
            self.connections[settings.database] = psycopg2.connect(**settings.parameters())
            self.connections[settings.database].autocommit = True

    def run(self, settings: ConnectionSettings, sql: str) -> None:
        with self.connections[settings.database].cursor() as cursor:
            cursor.execute(sql)

    def rows(self, settings: ConnectionSettings, query: str) -> list[tuple[Any, ...]]:
        with self.connections[settings.database].cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def works(self, sql: str) -> bool:
        try:
            self.run(self.judge, sql)
        except psycopg2.Error:
            return False
        return True

    def indexes(self, settings: ConnectionSettings) -> dict[str, str]:
        with self.connections[settings.database].cursor() as cursor:
            cursor.execute("RESET search_path")
            cursor.execute(INDEXES)
            return dict(cursor.fetchall())

    def psql(self, files: list[Path]) -> None:
        env = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.judge.port),
            "PGUSER": self.judge.user,
            "PGDATABASE": self.judge.database,
        }
        flags = [item for path in files for item in ("-f", str(path), "-c", "RESET ALL")]
        program = [f"{embedded_programs()}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *flags]
        subprocess.run(program, check=True, env={**os.environ, **env}, capture_output=True)

    def migrate(self, files: Sequence[tuple[str, str]], check_mode: bool = False, **given: Any) -> Outcome:
        sent = [{"name": name, "content": text} for name, text in files]
        return operation.migration(Call(complete({"files": sent, **given}, options.MIGRATION), self.engine, check_mode))

    def empty(self) -> None:
        for settings in (self.judge, self.engine):
            self.run(settings, RESET)

    def difference(self) -> str:
        """What is wrong with the engine's indexes; empty if all is well."""
        return missing_and_extra(self.indexes(self.judge), self.indexes(self.engine))


_AUTOMATIC = re.compile(r"_(?:idx|key|excl)[0-9]*$")


def missing_and_extra(psql: dict[str, str], ours: dict[str, str]) -> str:
    """What is wrong; empty if all is well. Names that the server makes up depend on how many duplicates there are."""
    there = {_plain(text) for text in ours.values()}
    lost = {name: text for name, text in psql.items() if name not in ours and _plain(text) not in there}
    other = {
        name: (psql[name], ours[name])
        for name in ours
        if name in psql and ours[name] != psql[name] and not (_AUTOMATIC.search(name) and _plain(psql[name]) in there)
    }
    wanted = {_plain(text) for text in psql.values()}
    extra = {
        name: text
        for name, text in ours.items()
        if name not in psql and not (_AUTOMATIC.search(name) and _plain(text) in wanted)
    }
    return "".join(f"{word}: {what}\n" for word, what in (("lost", lost), ("other", other), ("extra", extra)) if what)


def _plain(definition: str) -> str:
    """What a duplicate shares: not the comment, and not what the table says of its index."""
    return definition.split(NOT_SHARED)[0]
