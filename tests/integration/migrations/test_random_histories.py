"""Random histories of tables, indexes and constraints: the engine leaves the indexes that psql -f leaves, but for duplicates.

TITAN_HISTORIES=2000 tries so many instead of the few of a test run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from tests.integration.migrations.judge import RESET, Databases
from tests.integration.migrations.random_statements import BASE, favourite, statement


def history(draw: random.Random, databases: Databases) -> list[tuple[str, str]]:
    """Files whose statements all work, one after the other."""
    databases.run(databases.judge, RESET)
    files, most = [("0001_base.sql", BASE)], favourite(draw)
    databases.run(databases.judge, BASE)
    for number in range(2, 2 + draw.randrange(2, 6)):
        alone = draw.random() < 0.4
        kept = statements(draw, databases, alone, most)
        head, tail = ("-- transaction: none\n", "") if alone else ("", "")
        if not alone and any(word in sql for sql in kept for word in ("SAVEPOINT", "ON COMMIT")):
            head, tail = "BEGIN;\n", "COMMIT;\n"
        files.append((f"{number:04}_x.sql", f"{head}{''.join(f'{sql};{chr(10)}' for sql in kept)}{tail}"))
    return files


def statements(draw: random.Random, databases: Databases, alone: bool, most: tuple[str, str]) -> list[str]:
    """A few that work one after the other, in one transaction or each by itself."""
    before, after, failed = ("", "", "ROLLBACK") if alone else ("SAVEPOINT x", "RELEASE x", "ROLLBACK TO x; RELEASE x")
    kept: list[str] = []
    wanted = draw.randrange(1, 7)
    databases.run(databases.judge, "RESET ALL" if alone else "RESET ALL; BEGIN")
    for _try in range(40):
        sql = statement(draw, alone, most)
        databases.run(databases.judge, before or "SELECT")
        works = databases.works(sql)
        databases.run(databases.judge, (after if works else failed) or "SELECT")
        kept += [sql] if works else []
        if len(kept) == wanted:
            break
    databases.run(databases.judge, "RESET ALL" if alone else "COMMIT; RESET ALL")
    return kept


def try_history(seed: int, databases: Databases, folder: Path) -> None:
    draw = random.Random(seed)  # noqa: S311 - the seed is what a failure is repeated by
    files = history(draw, databases)
    paths = []
    for name, text in files:
        (folder / name).write_text(text)
        paths.append(folder / name)
    databases.run(databases.judge, RESET)
    databases.psql(paths)
    databases.run(databases.engine, RESET)
    releases = [upto for upto in range(1, len(files)) if draw.random() < 0.6] + [len(files)]
    for upto in releases:
        try:
            databases.migrate(files[:upto])
        except TitanError as error:
            if "it is not the declared one" in error.message:  # IF NOT EXISTS over something else is refused on purpose
                return
            raise AssertionError(f"seed {seed}, releases {releases}: {error.message}\n{shown(files)}") from error
    wrong = databases.difference()
    assert not wrong, f"seed {seed}, releases {releases}: {wrong}{shown(files)}"


def shown(files: list[tuple[str, str]]) -> str:
    return "\n".join(f"--- {name}\n{text}" for name, text in files[1:])


@tried(
    max_examples=int(os.environ.get("TITAN_HISTORIES", "40")), deadline=None, database=None, derandomize="TITAN_HISTORIES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
def test_random_histories_leave_the_indexes_that_psql_leaves(
    seed: int, databases: Databases, tablespace: str, tmp_path_factory: Any
) -> None:
    try_history(seed, databases, tmp_path_factory.mktemp("history"))
