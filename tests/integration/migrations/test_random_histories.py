"""Random histories of tables, indexes and constraints: the engine leaves the indexes that psql -f leaves, but for duplicates.

TITAN_HISTORIES=2000 tries so many instead of the few of a test run.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from tests.integration.migrations.judge import RESET, Databases
from tests.integration.migrations.random_statements import BASE, favourite, statement

DROPPABLE = """
SELECT CASE WHEN k.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, c.relname)
            ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, t.relname, k.conname) END, n.nspname || '.' || c.relname
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = i.indrelid
  LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
 WHERE n.nspname IN ('public', 's') AND NOT c.relispartition AND c.relname !~ '_(idx|key|excl)[0-9]*$' ORDER BY 1
"""
_KEPT_ON_THE_WAY_BACK = (
    "IF NOT EXISTS",
    "OR REPLACE",
    "INCLUDING ALL",
    "ensure(",
)  # what a file finds stays, unlike with psql


class Step(NamedTuple):
    """One step of a history: a file, the rollback of the file before, or what a person does between two runs."""

    kind: str
    name: str
    text: str


def history(draw: random.Random, databases: Databases) -> list[Step]:
    """Files whose statements all work, one after the other."""
    databases.run(databases.judge, RESET)
    steps, most = [Step("file", "0001_base.sql", BASE)], favourite(draw)
    databases.run(databases.judge, BASE)
    number = 2
    for _file in range(draw.randrange(2, 6)):
        steps.append(Step("file", f"{number:04}_x.sql", file_text(draw, databases, most)))
        if draw.random() < 0.25 and not any(word in steps[-1].text for word in _KEPT_ON_THE_WAY_BACK):
            steps.append(Step("back", f"{number:04}_x.down.sql", file_text(draw, databases, most)))
        else:
            number += 1
        droppable = databases.rows(databases.judge, DROPPABLE)
        if draw.random() < 0.15 and droppable:
            sql, name = draw.choice(droppable)
            if databases.works(sql):
                steps.append(Step("person", name, sql + ";"))
    return steps


def file_text(draw: random.Random, databases: Databases, most: tuple[str, str]) -> str:
    alone = draw.random() < 0.4
    kept = statements(draw, databases, alone, most)
    head, tail = ("-- transaction: none\n", "") if alone else ("", "")
    if not alone and any(
        word in sql for sql in kept for word in ("SAVEPOINT", "ON COMMIT", "late_orders", "CONSTRAINTS")
    ):
        head, tail = "BEGIN;\n", "COMMIT;\n"
    return f"{head}{''.join(f'{sql};{chr(10)}' for sql in kept) or 'SELECT;'}{tail}"


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
    if not databases.works("SELECT" if alone else "COMMIT"):  # a deferred trigger failed
        kept = []
    databases.run(databases.judge, "RESET ALL")
    return kept


def try_history(seed: int, databases: Databases, folder: Path) -> bool:
    """Compare the two; False if the history is none: psql fails, or a person would drop what the engine left out."""
    draw = random.Random(seed)  # noqa: S311 - the seed is what a failure is repeated by
    steps = history(draw, databases)
    paths = []
    for place, step in enumerate(steps):
        paths.append(folder / f"{place}_{step.name.replace('/', '_')}")
        paths[-1].write_text(step.text)
    databases.run(databases.judge, RESET)
    try:
        databases.psql(paths)
    except subprocess.CalledProcessError:
        return False
    databases.run(databases.engine, RESET)
    try:
        if not play(draw, databases, steps):
            return False
    except TitanError as error:
        if "is not the declared one" in error.message:  # IF NOT EXISTS over something else is refused on purpose
            return False
        raise AssertionError(f"seed {seed}: {error.message}\n{shown(steps)}") from error
    wrong = databases.difference()
    assert not wrong, f"seed {seed}: {wrong}{shown(steps)}"
    return True


def play(draw: random.Random, databases: Databases, steps: Sequence[Step]) -> bool:
    """Let the engine run them, several files together or one by one; False if a person has nothing to drop."""
    files: list[tuple[str, str]] = []
    for step, following in zip(steps, [*steps[1:], Step("end", "", "")]):
        if step.kind == "file":
            files.append((step.name, step.text))
            if following.kind != "file" or draw.random() < 0.3:
                databases.migrate(files)
        elif step.kind == "back":
            target = files[-2][0].partition("_")[0]
            databases.migrate([*files, (step.name, step.text)], state="rolled_back", target=target, allow_rollback=True)
            files.pop()
        elif step.name not in databases.indexes(databases.engine):
            return False
        else:
            databases.run(databases.engine, step.text)
            databases.migrate(files)
    return True


def shown(steps: Sequence[Step]) -> str:
    return "\n".join(f"--- {step.kind} {step.name}\n{step.text}" for step in steps[1:])


@tried(
    max_examples=int(os.environ.get("TITAN_HISTORIES", "60")), deadline=None, database=None, derandomize="TITAN_HISTORIES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
def test_random_histories_leave_the_indexes_that_psql_leaves(
    seed: int, databases: Databases, tablespace: str, tmp_path_factory: Any
) -> None:
    assume(try_history(seed, databases, tmp_path_factory.mktemp("history")))
