"""What runs out: one sentence with what it was, where, and how much is wanted."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError, LockedError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import file_lock

from tests.conftest import ROOT, drop_database, embedded_programs, login, make_database, start_server

from .test_silence import RUN, env_file

Module = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def small_server() -> Iterator[Cluster]:
    """A server with little room for locks and connections."""
    cluster = start_server(
        embedded_programs(), "max_locks_per_transaction=10", "max_connections=8", "superuser_reserved_connections=0",
        "max_worker_processes=2", "autovacuum_worker_slots=1", "autovacuum_max_workers=1", "autovacuum=off",
    )  # fmt: skip
    yield cluster
    cluster.remove()


def test_too_few_locks_are_told_before_the_work(small_server: Cluster, tmp_path: Path, call_module: Module) -> None:
    settings = small_server.settings()
    with connect(settings) as database:
        for first in range(0, 300, 20):
            database.execute(
                "; ".join(f"CREATE TABLE public.t{i} (id int PRIMARY KEY)" for i in range(first, first + 20))
            )
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "programs": embedded_programs(), "verify": "checksum"}
    result = call_module("backup", **login(settings), **options)
    assert result["failed"] and "max_locks_per_transaction" in result["msg"] and "restart it" in result["msg"], result
    assert "600" in result["msg"] and result["wanted"] > 10 and list(tmp_path.glob("*.dump*")) == []


def test_too_few_locks_are_told_before_a_restore(
    small_server: Cluster, settings: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    db.execute("; ".join(f"CREATE TABLE public.t{number} (id int PRIMARY KEY)" for number in range(150)))
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "name": "t", "programs": embedded_programs()}
    assert not call_module("backup", **login(settings), **options, verify="checksum").get("failed")
    result = call_module("restore", **login(small_server.settings()), **options, into="restored", jobs=1)
    assert result["failed"] and "150 tables and their 150 indexes takes 300" in result["msg"], result
    assert "max_locks_per_transaction to 24 or more (it is 10)" in result["msg"] and result["wanted"] == 24
    with connect(small_server.settings()) as there:
        assert there.value("SELECT count(*) FROM pg_database") == 3, "nothing was made"
    result = call_module("restore", **login(settings), **options, into="postgres_two", jobs=1000)
    assert result["failed"] and "the restore needs 1000 more. Use fewer jobs" in result["msg"], result


@pytest.mark.parametrize("known", [True, False])
def test_too_few_locks_for_a_migration_come_with_what_to_set(
    known: bool, small_server: Cluster, call_module: Module
) -> None:
    """Check mode tells it where the file's own statements make the tables; the run, in any case, and nothing of the file stays."""
    settings = make_database(small_server)
    text = "\n".join(f"CREATE TABLE public.m{number} (id int PRIMARY KEY);" for number in range(800))
    if not known:
        text = f"DO $$ BEGIN {text} END $$;"
    options = {**login(settings), "files": [{"name": "1_many.sql", "content": text}], "accept_superuser": True}
    before = call_module("migration", check_mode=True, **options)
    assert before.get("failed", False) is known, before
    result = call_module("migration", **options)
    assert result["failed"] and "Nothing of this file is in the database" in result["msg"], result
    for said in [before, result] if known else [result]:
        assert (
            "room for about 130 locks" in said["msg"]
            and "restart it" in said["msg"]
            and "split the file" in said["msg"]
        ), said
    assert result["msg"].count("You might need to increase") == 1, result
    assert ("max_locks_per_transaction to 124 or more (it is 10)" in result["msg"]) is known, result
    with connect(settings) as database:
        assert (
            database.value(
                "SELECT count(*) FROM pg_class WHERE relname LIKE 'm%%' AND relnamespace = 'public'::regnamespace"
            )
            == 0
        )
    drop_database(small_server, settings.database)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system is mounted")
@pytest.mark.parametrize("inodes", ["", ",nr_inodes=2"])
def test_a_full_state_directory_stops_no_job(
    inodes: str, settings: ConnectionSettings, db: Database, tmp_path: Path, capsys: Any
) -> None:
    """Neither where nothing more can be written nor where no file can be made."""
    db.execute("CREATE TABLE public.t (id int)")
    backups, state, config = tmp_path / "backups", tmp_path / "state", tmp_path / "t.json"
    for folder in (backups, state):
        folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size=16k,mode=0700{inodes}", "tmpfs", str(state)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        with pytest.raises(OSError, match="No space left"):
            (state / "fill").write_bytes(bytes(100_000))
        env = env_file(settings, tmp_path / "env")[1]
        jobs: dict[str, Any] = {
            "backup": {"dest": str(backups), "name": "t", "verify": "checksum", "programs": embedded_programs()},
            "health": {"backup_dest": str(backups)},
            "stats": {"backup_dest": str(backups)},
        }
        schedule = {name: {"schedule": "0 2 * * *"} for name in jobs}
        whole = {"environment": "t", "env_file": env, "state_dir": str(state), "jobs": jobs, "schedule": schedule}
        config.write_text(json.dumps(whole))
        assert cli.main(["backup", "--config", str(config)]) == 0, capsys.readouterr()
        assert len(list(backups.glob("*.json"))) == 1
        assert cli.main(["health", "--config", str(config), "--json"]) in (1, 2)  # 3: it could not be done
        told = capsys.readouterr()
        checks = {check["name"]: check["status"] for check in json.loads(told.out.splitlines()[-1])["checks"]}
        assert checks["disk"] == "critical" and "Traceback" not in told.out + told.err, told
        assert cli.main(["stats", "--config", str(config), "--json"]) == 2  # the page is named by its option
        told = capsys.readouterr()
        assert "No space left" in told.out and "Traceback" not in told.out + told.err, told
    finally:
        subprocess.run(["umount", str(state)], check=True)


def test_a_full_disk_keeps_no_run_from_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    path = str(tmp_path / "lock")
    with file_lock(path, "a job"), pytest.raises(LockedError, match="another run holds"), file_lock(path, "a second"):
        pass


def test_what_has_run_out_comes_with_what_to_raise(small_server: Cluster) -> None:
    with connect(small_server.settings()) as database, pytest.raises(DatabaseError, match="max_locks_per_transaction"):
        names = ", ".join(f"public.u{i}" for i in range(2000))
        with database.transaction():
            database.execute("; ".join(f"CREATE TABLE public.u{i} ()" for i in range(2000)))
            database.execute(f"LOCK TABLE {names}")


def test_no_connection_is_left(small_server: Cluster) -> None:
    opened = []
    try:
        with pytest.raises(DatabaseError, match=r"Cannot connect to .*(too many|remaining connection slots)"):
            for _number in range(20):
                opened.append(connect(small_server.settings()))
    finally:
        for database in opened:
            database.close()


@pytest.fixture
def titan_db(settings: ConnectionSettings, db: Database, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a subcommand from a shell, after a command of the shell's; return status and what was said."""
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL, text text)")
    db.execute(
        "INSERT INTO public.logs SELECT i, now(), md5(i::text) || md5((-i)::text) FROM generate_series(1, 20000) i"
    )
    env = env_file(settings, tmp_path / "env")
    (tmp_path / "backups").mkdir(mode=0o700)
    options = [
        "--dest",
        str(tmp_path / "backups"),
        "--name",
        "t",
        "--programs",
        embedded_programs(),
        "--verify",
        "checksum",
    ]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}

    def run(shell: str, subcommand: str, *more: str) -> tuple[int, str]:
        argv = [sys.executable, "-c", RUN, subcommand, *env, *(options if subcommand == "backup" else []), *more]
        line = shell.replace("TITAN", shlex.join(argv))
        done = subprocess.run(
            ["bash", "-c", line], env=variables, capture_output=True, text=True, check=False, timeout=120
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("shell", "subcommand", "more", "words"),
    [
        ("ulimit -f 100; TITAN", "backup", ["--compression", "none"], "ulimit -f"),
        ("ulimit -f 100; TITAN", "backup", ["--compression", "none", "--format", "directory"], "ulimit -f"),
        (f"ulimit -n {16 if shutil.which('zstd') else 10}; TITAN", "backup", [], "ulimit -n"),  # a pipeline of fewer programs
        ("TITAN >/dev/full", "stats", [], "No space left on device"),
        ("TITAN >/dev/full", "backup", ["--json"], "No space left on device"),
    ],
)  # fmt: skip
def test_what_the_process_may_not_have_is_named(
    shell: str, subcommand: str, more: list[str], words: str, titan_db: Any, tmp_path: Path
) -> None:
    status, said = titan_db(shell, subcommand, *more)
    assert status == 1 and words in said and len(said) < 1000, said
    if "ulimit" in shell:
        assert [path for path in (tmp_path / "backups").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("-f 8", "ulimit -f"),
        ("-f 1000", "ulimit -f"),
        ("-f 6000", "ulimit -f"),
        ("-n 8", "ulimit -n"),
        ("-n 20", "ulimit -n"),
    ],
)
def test_a_drill_without_room_says_nothing_of_the_backup(limit: str, words: str, titan_db: Any, tmp_path: Path) -> None:
    """Neither where the archive is unpacked nor where the cluster is made or started."""
    assert titan_db("TITAN", "backup")[0] == 0
    folder = tmp_path / "backups"
    (manifest,) = folder.glob("*.json")
    before = manifest.read_bytes()
    drill = ["--dest", str(folder), "--name", "t", "--programs", embedded_programs()]
    status, said = titan_db(f"ulimit {limit}; TITAN", "drill", *drill)
    assert status == 1 and words in said and "not good" not in said and len(said) < 600, said
    assert manifest.read_bytes() == before, "the verdict that was reached stands"


@pytest.mark.parametrize(
    ("error", "words"), [(RuntimeError("can't start new thread"), "another thread"), (MemoryError(), "no more memory")]
)
def test_no_memory_and_no_thread_are_said(
    error: Exception,
    words: str,
    settings: ConnectionSettings,
    tmp_path: Path,
    call_module: Module,
    monkeypatch: Any,
    capsys: Any,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise error

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert cli.main(["stats", *env_file(settings, tmp_path / "env")]) == 1
    said = capsys.readouterr().err
    assert words in said and "ulimit -v" in said and "Traceback" not in said
    result = call_module("retention_policy", **login(settings), policies=[])
    assert result["failed"] and words in result["msg"], result


def test_without_a_standard_output_the_work_is_done(titan_db: Any, tmp_path: Path) -> None:
    assert titan_db("TITAN >&-", "stats")[0] == 0
    assert titan_db("TITAN >/dev/full 2>/dev/full", "backup")[0] == 1
    assert len(list((tmp_path / "backups").glob("*.json"))) == 1  # the backup is there; only nobody could be told


@pytest.mark.parametrize(
    "words", [["why", "CONFIG", "backup"], ["backup", "--config", "CONFIG", "--json"], ["list", "--dest", "/"]]
)
def test_a_result_that_nobody_can_read_is_a_failure_that_is_told(words: list[str], tmp_path: Path) -> None:
    config = tmp_path / "t.json"
    schedule = {"backup": {"schedule": "0 2 * * *", "log": f"{tmp_path}/log"}}
    config.write_text(json.dumps({"environment": "t", "state_dir": str(tmp_path / "state"), "schedule": schedule}))
    argv = [sys.executable, "-c", RUN, *(str(config) if word == "CONFIG" else word for word in words)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(argv, env=variables, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and done.stderr.endswith("The operating system refused: No space left on device.\n")
    assert "Exception ignored" not in done.stderr


@pytest.fixture
def limited(settings: ConnectionSettings, db: Database) -> Iterator[ConnectionSettings]:
    """A role that may read all, and that has limits."""
    name = f"limited_{os.getpid()}"
    db.execute(f"CREATE ROLE {name} LOGIN; GRANT pg_read_all_data, pg_monitor TO {name}")
    yield settings._replace(user=name)
    db.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_too_few_connections_are_told_before_the_dump(
    limited: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    db.execute(f"CREATE TABLE public.t (id int); ALTER ROLE {limited.user} CONNECTION LIMIT 4")
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "programs": embedded_programs(), "verify": "checksum", "format": "directory"}
    result = call_module("backup", **login(limited), **options, jobs=4)
    assert result["failed"] and "may have 4 connections, 1 of them" in result["msg"] and "needs 6 more" in result["msg"]
    assert result["wanted"] == 7 and "CONNECTION LIMIT" in result["msg"] and not list(tmp_path.glob("*.json"))
    assert not call_module("backup", **login(limited), **options, jobs=1).get("failed")
    db.execute(f"ALTER ROLE {limited.user} CONNECTION LIMIT 7")
    assert not call_module("backup", **login(limited), **options, jobs=4).get("failed")


def test_limits_of_the_role_do_not_end_a_run_with_limits_of_its_own(
    limited: ConnectionSettings, db: Database, tmp_path: Path, call_module: Module
) -> None:
    db.execute("CREATE TABLE public.t (id int PRIMARY KEY, v text)")
    db.execute("INSERT INTO public.t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 100000) i")
    for name in ("statement_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout"):
        db.execute(f"ALTER ROLE {limited.user} SET {name} = '40ms'")
    tmp_path.chmod(0o700)
    options = {"dest": str(tmp_path), "programs": embedded_programs(), "verify": "checksum"}
    result = call_module("backup", **login(limited), **options)
    assert not result.get("failed"), result
