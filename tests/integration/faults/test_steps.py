"""A network that falls silent at any of a run's requests: the run ends in its time, and no lock outlives the network for long.

A request of each of three operations is drawn in each run of the tests; TITAN_STEPS=200 draws that many of each operation, also of
those that restore a copy first (TITAN_OPERATIONS=rescue,rehearse names some).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable, NamedTuple

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import ROOT, drop_database, embedded_programs, make_database

from .proxy import proxy
from .test_silence import LIMIT, env_file

Module = Callable[..., dict[str, Any]]
DRAWN = int(os.environ.get("TITAN_STEPS", "0"))
IDLE = 2  # seconds, instead of 45
SLACK = 15  # seconds, for a busy machine: the interpreter's start, and looking
ENGINE = "ansible_collections.titan.database.plugins.module_utils._engine"
# Shorter limits of the session, and the module or subcommand that is named.
RUN = f"""
import importlib, json, os, sys
settings = importlib.import_module("{ENGINE}.postgres.session_settings")
settings.IDLE_IN_TRANSACTION = os.environ["TITAN_IDLE"] + "s"
settings.SERVER_SETTINGS = {{**settings.SERVER_SETTINGS, "idle_in_transaction_session_timeout": settings.IDLE_IN_TRANSACTION}}
importlib.import_module("{ENGINE}.postgres.time_limit").DEFAULT_SECONDS = float(os.environ["TITAN_LIMIT"])
if sys.argv[1] != "module":
    sys.exit(importlib.import_module("{ENGINE}.cli").main(sys.argv[1:]))
from tests.module_args import patch_module_args
with patch_module_args(json.loads(sys.argv[3])):
    importlib.import_module("ansible_collections.titan.database.plugins.modules." + sys.argv[2]).main()
"""
FILES = [
    {"name": "1_a.sql", "content": "CREATE TABLE public.a (id int); ALTER TABLE public.logs ADD more int;"},
    {"name": "2_b.sql", "content": "-- transaction: none\nCREATE INDEX CONCURRENTLY b ON public.logs (at);"},
]
OLD = f"old_{os.getpid()}"  # the database of which rows are missing, for rescue
POLICIES = [{"table": "public.logs", "column": "at", "keep": "11d"}]
OPERATIONS = (
    "migration", "migration_info", "baselined", "retention_policy", "backup", "cleanup", "reindex", "restore", "health", "stats",
    "report_info", "rescue",
)  # fmt: skip
WITH_A_COPY = ("rehearse", "restore_tables", "drill_on_server")
COPY_LIMIT = 60  # seconds, for those, and for whoever is not disturbed, on a busy machine
COPY_IDLE = 15  # a sign of life comes every 10
# pg_dump and pg_restore switch the limit off for their own sessions. They hold read locks, and locks in a database that is not in use yet.
OF_PROGRAMS = "titan-db"


class Case(NamedTuple):
    operation: str
    request: int
    arrives: bool

    @property
    def limit(self) -> int:
        """Seconds that the run may take."""
        return LIMIT if self.request and self.operation not in WITH_A_COPY else COPY_LIMIT


def command(case: Case, env: list[str], folder: Path, backups: Path, new: str) -> list[str]:
    operation, seconds = case.operation, case.limit
    programs = ["--programs", embedded_programs()]
    ends = ["--timeout", str(seconds)]
    kept = ["--dest", str(backups), "--name", "t", *ends, *programs]
    module = (
        {"env_file": env[1], "timeout": seconds} if operation in ("migration", "baselined") else {"env_file": env[1]}
    )
    return {
        "migration": ["module", "migration", json.dumps({**module, "files": FILES})],
        "baselined": ["module", "migration", json.dumps({**module, "files": FILES, "state": "baselined", "accept_unproven": ["1", "2"]})],
        "health": ["health", *env, *ends, "--backup-dest", str(backups)],
        "stats": ["stats", *env, *ends, "--backup-dest", str(backups)],
        "report_info": ["module", "report_info", json.dumps({**module, "timeout": seconds})],
        "rescue": ["rescue", *env, "--from-database", OLD, "--record-dir", str(folder), *ends, *programs],
        "rehearse": ["rehearse", *env, "--files", json.dumps(FILES), *kept],
        "restore_tables": ["restore", *env, "--tables", "public.logs", *kept],
        "drill_on_server": ["backup", *env, "--dest", str(folder), "--drill-in", "scratch_database", *ends, *programs],
        "migration_info": ["module", "migration_info", json.dumps({**module, "files": FILES})],
        "retention_policy": ["module", "retention_policy", json.dumps({**module, "policies": POLICIES})],
        "backup": ["backup", *env, "--dest", str(folder), "--verify", "checksum", *ends, *programs],
        "cleanup": ["cleanup", *env, "--max-runtime", f"{seconds}s", "--require-backup-within", "off", "--max-fraction", "1.0"],
        "reindex": ["reindex", *env, "--max-runtime", f"{seconds}s", "--min-size-mb", "0", "--min-reclaimable", "0.001"],
        "restore": ["restore", *env, "--dest", str(backups), "--name", "t", "--into", new, *ends, *programs],
    }[operation]  # fmt: skip


@pytest.fixture
def template(settings: ConnectionSettings, tmp_path: Path) -> tuple[str, Path]:
    """A database to copy, to which nobody is connected, and a directory with a backup of it."""
    raw = psycopg2.connect(**settings.parameters())
    raw.autocommit = True
    with raw.cursor() as cursor:
        cursor.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL, text text)")
        cursor.execute(
            "INSERT INTO public.logs SELECT i, now() - i * interval '10 minute', md5(i::text) FROM generate_series(1, 3000) i"
        )
        cursor.execute("DELETE FROM public.logs WHERE id % 2 = 0")
    raw.close()
    backups = tmp_path / "proven"
    backups.mkdir(mode=0o700)
    env = env_file(settings, tmp_path / "direct")
    path = os.pathsep.join((str(ROOT / "collections"), str(ROOT)))
    variables = {**os.environ, "PYTHONPATH": path, "TITAN_IDLE": str(COPY_IDLE), "TITAN_LIMIT": str(COPY_LIMIT)}
    taken = [
        "backup",
        *env,
        "--dest",
        str(backups),
        "--name",
        "t",
        "--verify",
        "checksum",
        "--programs",
        embedded_programs(),
    ]
    for words in (["module", "retention_policy", json.dumps({"env_file": env[1], "policies": POLICIES})], taken):
        subprocess.run([sys.executable, "-c", RUN, *words], env=variables, check=True, capture_output=True)
    return settings.database, backups


def test_every_run_ends_and_its_locks_with_it(template: tuple[str, Path], server: Any, tmp_path: Path) -> None:
    seed = int(os.environ.get("TITAN_SEED") or random.SystemRandom().randrange(10**6))
    draw = random.Random(seed)  # noqa: S311 - which requests are tried

    named = os.environ.get("TITAN_OPERATIONS", "")
    operations = (named.split(",") if named else (*OPERATIONS, *WITH_A_COPY)) if DRAWN else draw.sample(OPERATIONS, 3)
    with observing(server.settings()) as cursor:
        cursor.execute(f'CREATE DATABASE "{OLD}" TEMPLATE "{template[0]}"')

    def tried(case: Case) -> tuple[Case, int, str]:
        database = make_database(server, template[0])
        folder = tmp_path / database.database
        folder.mkdir(mode=0o700)
        new = f"{database.database}_r"
        if case.operation == "rescue":
            with observing(database) as cursor:
                cursor.execute("DELETE FROM public.logs WHERE id % 5 = 1")
        try:
            return case, *_run(case, database, folder, template[1], new)
        finally:
            with observing(server.settings()) as cursor:
                cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{database.database}%",))
                names = [row[0] for row in cursor.fetchall()]
            for name in names:
                drop_database(server, name)

    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        stack.callback(drop_database, server, OLD)
        undisturbed = list(pool.map(tried, [Case(one, 0, True) for one in operations]))
        assert not [case for case in undisturbed if case[2]], undisturbed
        whole = {case.operation: requests for case, requests, _said in undisturbed}
        cases = [
            Case(operation, draw.randint(1, requests - 1), draw.random() < 0.5)
            for operation, requests in whole.items()
            for _number in range(DRAWN or 1)
        ]
        problems = [(case, said) for case, _requests, said in pool.map(tried, cases) if said]
    assert not problems, f"TITAN_SEED={seed}: {problems}"
    assert min(whole.values()) > 2  # a rehearsal asks the live server for little


@contextmanager
def observing(settings: ConnectionSettings) -> Iterator[Any]:
    raw = psycopg2.connect(**settings.parameters())
    raw.autocommit = True
    try:
        yield raw.cursor()
    finally:
        raw.close()


# A lock of a temporary table holds up nobody. Such a table may be waiting for the rows of a COPY, where the server looks at no timer.
LOCKS = """
SELECT l.mode || ' by ' || a.application_name || ': ' || left(a.query, 80)
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE starts_with(a.datname, %s) AND a.pid <> pg_backend_pid() AND a.application_name <> %s
   AND l.locktype IN ('relation', 'advisory', 'object') AND a.backend_type = 'client backend'
   AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation AND c.relpersistence = 't')
"""


def _run(case: Case, database: ConnectionSettings, folder: Path, backups: Path, new: str) -> tuple[int, str]:
    """How many requests there were, and what was wrong; with request 0 the network is never silent."""
    idle = COPY_IDLE if case.limit == COPY_LIMIT else IDLE
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "collections"), str(ROOT))),
        "TITAN_IDLE": str(idle),
        "TITAN_LIMIT": str(case.limit),
    }
    with proxy(database) as network, observing(database) as observer:
        network.silent_at, network.request_arrives = case.request, case.arrives
        argv = command(case, env_file(network.settings, folder / "env"), folder, backups, new)
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *argv], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            said, _nothing = process.communicate(timeout=case.limit + 5 + SLACK + 20)
        finally:
            process.kill()
        lasted = time.monotonic() - begun
        if not case.request:
            return network.requests, "" if process.returncode == 0 or case.operation in ("health", "stats") else said
        problems = ["Traceback"] if "Traceback" in said else []
        problems += [f"lasted {lasted:.0f} s"] if lasted > case.limit + 5 + SLACK else []
        end = network.fell_silent + idle + SLACK
        held = ["?"]
        while held and network.silent:
            observer.execute(LOCKS, (database.database, OF_PROGRAMS))
            held = [row[0] for row in observer.fetchall()]
            if held and time.monotonic() > end:
                problems.append(f"still locked: {held}")
                break
            time.sleep(0.1)
        return network.requests, f"{'; '.join(problems)}: {said[-500:]}" if problems else ""
