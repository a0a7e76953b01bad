"""A network that falls silent: every word ends in its time, and no lock outlives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import session_settings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import ROOT, embedded_programs, login
from tests.processes import in_session

from .proxy import proxy

Module = Callable[..., dict[str, Any]]
LIMIT = 3
# What is measured is the word's time from its start to its end: interpreter and all, beside other tests.
ENDS_WITHIN = LIMIT + 5 + 10
RUN = "import sys; from ansible_collections.titan.database.plugins.module_utils._engine import cli; sys.exit(cli.main(sys.argv[1:]))"


@pytest.fixture
def filled(settings: ConnectionSettings, db: Database) -> ConnectionSettings:
    """A database of some megabytes with a policy, and a row for each of its tables' words."""
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL, text text)")
    db.execute(
        "INSERT INTO public.logs SELECT i, now() - i * interval '1 minute', repeat(md5(i::text), 20) FROM generate_series(1, 30000) i"
    )
    return settings


@pytest.fixture
def dest(filled: ConnectionSettings, tmp_path: Path, call_module: Module, capsys: Any) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    options = ["--dest", str(folder), "--name", "t", "--verify", "checksum", "--programs", embedded_programs()]
    assert cli.main(["backup", *env_file(filled, tmp_path / "direct"), *options]) == 0, capsys.readouterr()
    policy = {"table": "public.logs", "column": "at", "keep": "10d"}
    assert not call_module("retention_policy", **login(filled), policies=[policy]).get("failed")
    return folder


def env_file(settings: ConnectionSettings, path: Path) -> list[str]:
    path.write_text(
        f"DATABASE_URL='postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}'\n"
    )
    return ["--env-file", str(path)]


def words(dest: Path, env: Path) -> dict[str, list[str]]:
    programs = ["--programs", embedded_programs()]
    config = env.with_suffix(".json")
    config.write_text(json.dumps({"jobs": {word: {"timeout": LIMIT} for word in ("stats", "health")}}))
    new = env.with_name(f"{env.name}_backups")
    new.mkdir(mode=0o700)
    return {
        "health": ["--config", str(config)],
        "stats": ["--config", str(config)],
        "backup": ["--dest", str(new), "--verify", "checksum", "--timeout", str(LIMIT), *programs],
        "cleanup": ["--max-runtime", f"{LIMIT}s", "--require-backup-within", "off", "--max-fraction", "1.0"],
        "reindex": ["--max-runtime", f"{LIMIT}s", "--min-size-mb", "0", "--min-reclaimable", "0.001"],
        "restore": ["--dest", str(dest), "--name", "t", "--into", f"r_{os.getpid()}", "--timeout", str(LIMIT), *programs],
    }  # fmt: skip


# The words to which the server says more than so many bytes.
ENDINGS = ("time limit", "Cannot connect", "closed the connection")
SAY_MORE_THAN = {
    0: ("health", "stats", "backup", "cleanup", "reindex", "restore"),
    700: ("health", "stats", "backup", "cleanup", "reindex", "restore"),
    1200: ("health", "backup", "cleanup", "reindex", "restore"),
    1_000_000: ("backup",),
}


@pytest.mark.parametrize("after", SAY_MORE_THAN)
def test_every_word_ends_in_its_time(after: int, filled: ConnectionSettings, dest: Path, tmp_path: Path) -> None:
    """All words at once, each with a network of its own that falls silent after so many bytes of the server's."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    with ExitStack() as stack:
        started = {}
        for word in SAY_MORE_THAN[after]:
            network = stack.enter_context(proxy(filled))
            network.silent_after = after
            env = tmp_path / f"env_{word}"
            argv = [sys.executable, "-c", RUN, word, *env_file(network.settings, env), *words(dest, env)[word]]
            pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            process = subprocess.Popen(argv, env=variables, start_new_session=True, **pipes)
            started[word] = (process, time.monotonic(), network)
        for word, (process, begun, network) in started.items():
            try:
                text, _nothing = process.communicate(timeout=ENDS_WITHIN + 20)
            finally:
                process.kill()
            lasted = time.monotonic() - begun
            assert network.silent, f"{word} ended before the network did: {text}"
            assert lasted < ENDS_WITHIN, (word, lasted, text)
            assert process.returncode == (2 if word == "health" else 1), (word, process.returncode, text)
            assert "Traceback" not in text, text
            assert any(part in text for part in ENDINGS), (word, text)
            assert in_session(process.pid) == []


def test_no_lock_outlives_a_silent_network(
    filled: ConnectionSettings, user_sql: Any, call_module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(session_settings.SERVER_SETTINGS, "idle_in_transaction_session_timeout", "2s")  # type: ignore[arg-type]
    file = {"name": "1_a.sql", "content": "ALTER TABLE public.logs ADD more int; SELECT pg_catalog.pg_sleep(1);"}

    def asked(query: str) -> Any:  # over a connection that is not the run's, whose limit ends all of its own
        user_sql.execute(query)
        return user_sql.fetchone()[0]

    with proxy(filled) as network:
        results: list[dict[str, Any]] = []
        options = {**login(network.settings), "files": [file], "timeout": 6}
        run = threading.Thread(target=lambda: results.append(call_module("migration", **options)))
        run.start()
        held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'public.logs'::regclass"
        end = time.monotonic() + 60
        while not asked(held) and time.monotonic() < end:
            time.sleep(0.05)
        network.silent = True
        fell_silent = time.monotonic()
        while asked(held) and time.monotonic() < end:
            time.sleep(0.1)
        assert time.monotonic() - fell_silent < 20, "1 s of the statement, 2 s of silence"
        run.join(60)
        assert results[0]["failed"] and "time limit of 6 seconds" in results[0]["msg"], results
        assert asked("SELECT count(*) FROM pg_attribute WHERE attname = 'more'") == 0


@pytest.mark.parametrize("pooled", [False, True])
def test_every_session_has_what_ends_it(pooled: bool, filled: ConnectionSettings, workdir: Path) -> None:
    from .pgbouncer import pgbouncer

    with ExitStack() as stack:
        reached = stack.enter_context(pgbouncer(filled, workdir, "session")) if pooled else filled
        database = stack.enter_context(connect(reached, fixed_settings=False))
        wanted = dict(session_settings.SERVER_SETTINGS)
        rows = database.rows(
            "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY (%s)", (list(wanted),)
        )
        seen = {row["name"]: row["value"] for row in rows}
        assert database.pooled is pooled
        assert seen["idle_in_transaction_session_timeout"] == "45s" and seen["client_connection_check_interval"] == "1s"
        assert seen["tcp_keepalives_idle"] == "10" and seen["tcp_user_timeout"] in ("40s", "40000"), seen
        assert abs(database.clock_ahead) < 60
        if not pooled:
            database.execute("RESET ALL")
            assert database.value("SHOW idle_in_transaction_session_timeout") == "45s"
