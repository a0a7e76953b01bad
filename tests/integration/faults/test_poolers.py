"""Through PgBouncer in each of its modes: the application's sessions are never touched, whatever word was given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import database as database_module
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import pool_clients, pooler
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connecting import autocommitting
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.greeting import greeting

from tests.conftest import drop_database, embedded_programs, login

from .pgbouncer import pgbouncer, second_process
from .proxy import proxy
from .stub_pooler import stub_pooler

Module = Callable[..., dict[str, Any]]
SHARED = ("transaction", "statement")
ORDINARY = ("application_name", "client_encoding", "DateStyle")  # what any client of psycopg2 begins with
STATE = "SELECT name, setting FROM pg_settings WHERE name NOT IN ('application_name', 'client_encoding') ORDER BY 1"


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Each test finds out by itself what answers."""
    pooler._own_sessions.clear()
    yield
    pooler._own_sessions.clear()


@pytest.fixture
def filled(settings: ConnectionSettings, db: Database) -> ConnectionSettings:
    db.execute("CREATE TABLE public.audit_logs (id int PRIMARY KEY, created_at timestamptz NOT NULL)")
    db.execute("INSERT INTO public.audit_logs SELECT i, now() - i * interval '1 day' FROM generate_series(1, 200) i")
    return settings


@pytest.fixture
def backups(filled: ConnectionSettings, tmp_path: Path, capsys: Any) -> Path:
    """A directory with a proven backup, and a policy: what the words need."""
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    assert cli.main(["backup", *named(filled, tmp_path), *of_backup(folder)]) == 0, capsys.readouterr().err
    return folder


def named(settings: ConnectionSettings, folder: Path, name: str = "env") -> list[str]:
    path = folder / name
    path.write_text(
        f"DATABASE_URL='postgresql://{settings.user}@{settings.host}:{settings.port}/{settings.database}'\n"
    )
    return ["--env-file", str(path)]


def of_backup(dest: Path) -> list[str]:
    return [
        "--dest",
        str(dest),
        "--name",
        "t",
        "--programs",
        embedded_programs(),
        "--compression",
        "gzip",
        "--verify",
        "checksum",
    ]


def words(dest: Path) -> dict[str, list[str]]:
    restored = ["--dest", str(dest), "--name", "t", "--into", f"restored_{dest.stat().st_ino}"]
    return {
        "health": [],
        "stats": [],
        "backup": of_backup(dest),
        "cleanup": ["--backup-dest", str(dest), "--require-verified", "checksum", "--max-fraction", "1.0"],
        "reindex": [],
        "restore": [*restored, "--programs", embedded_programs()],
    }


def with_a_copy(dest: Path) -> list[tuple[str, list[str]]]:
    """The words that restore a copy, and ask the live database."""
    kept = ["--dest", str(dest), "--name", "t", "--programs", embedded_programs()]
    return [
        ("rescue", kept),
        ("measure", [*kept, "--top", "3"]),
        ("restore", [*kept, "--tables", "public.audit_logs"]),
    ]


def modules(pooled: ConnectionSettings) -> dict[str, dict[str, Any]]:
    policy = {"table": "public.audit_logs", "column": "created_at", "keep": "100d"}
    return {
        "migration": {**login(pooled), "files": [{"name": "1_a.sql", "content": "CREATE TABLE public.a ();"}]},
        "migration_info": {**login(pooled), "files": [{"name": "1_a.sql", "content": "CREATE TABLE public.a ();"}]},
        "retention_policy": {**login(pooled), "policies": [policy]},
    }


def refusals(pooled: ConnectionSettings, dest: Path, folder: Path, capsys: Any) -> Iterator[tuple[str, str]]:
    """Each word, refused, and what it says."""
    for word, options in [*words(dest).items(), *with_a_copy(dest)]:
        status = cli.main([word, *named(pooled, folder, "pooled"), *options])
        told = capsys.readouterr()
        assert status == (2 if word == "health" else 1), (word, status, told)
        yield word, told.out + told.err


def joined(stack: ExitStack, pooled: ConnectionSettings) -> Any:
    connection = psycopg2.connect(**pooled.parameters())
    stack.callback(connection.close)
    connection.autocommit = True
    return connection


def application(pooled: ConnectionSettings, sessions: int) -> list[tuple[str, list[Any]]]:
    """What the application sees on as many of the pool's sessions as it has: rows, and each setting."""
    with ExitStack() as stack:
        seen = []
        opened = []
        for _one in range(sessions):
            connection = psycopg2.connect(**pooled.parameters())
            stack.callback(connection.close)
            opened.append(connection)
        for connection in opened:  # all at once in a transaction, so that each has a server session
            connection.autocommit = sessions == 1
            cursor = connection.cursor()
            cursor.execute("SELECT count(*) FROM audit_logs")
            rows = str(cursor.fetchone()[0])
            cursor.execute(STATE)
            seen.append((rows, cursor.fetchall()))
        return seen


@pytest.mark.parametrize("mode", SHARED)
def test_no_word_leaves_anything_on_a_session_of_the_application(
    mode: str,
    filled: ConnectionSettings,
    backups: Path,
    tmp_path: Path,
    workdir: Path,
    call_module: Module,
    capsys: Any,
) -> None:
    sessions = 1 if mode == "statement" else 3
    with pgbouncer(filled, workdir, mode, "server_round_robin = 0") as pooled:
        before = application(pooled, sessions)
        for word, said in refusals(pooled, backups, tmp_path, capsys):
            assert "pool" in said and "DIRECT_URL" in said, (word, said)
            assert application(pooled, sessions) == before, word
        for name, options in modules(pooled).items():
            result = call_module(name, **options)
            assert result.get("failed") and "session mode" in result["msg"], (name, result)
            assert application(pooled, sessions) == before, name
    with connect(filled) as database:
        assert database.value("SELECT to_regnamespace('titan_ops') IS NULL"), "nothing was done"


def test_a_rehearsal_s_greeting_leaves_nothing_on_a_session(filled: ConnectionSettings, workdir: Path) -> None:
    """It asks nothing and sets nothing, so that any pooler will do; one passes settings at a session's start on."""
    with stub_pooler(filled, passes_on=True, keeps=True, keys="forwarded", sessions=1) as of_others:
        assert greeting(of_others.settings, "rehearsal").superuser
        with ExitStack() as stack:
            cursor = joined(stack, of_others.settings).cursor()
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone()[0] == "0"
    with pgbouncer(filled, workdir, "transaction") as pooled:
        before = application(pooled, 3)
        assert greeting(pooled, "rehearsal").user == filled.user
        assert application(pooled, 3) == before


def test_a_busy_pool_is_seen_for_what_it_is(filled: ConnectionSettings, workdir: Path) -> None:
    """Other clients take sessions at the same time, and PgBouncer hands them out in turn."""
    with pgbouncer(filled, workdir, "transaction", "server_round_robin = 1", "default_pool_size = 8") as pooled:
        before = application(pooled, 6)
        for _try in range(5):
            with pytest.raises(DatabaseError, match="does not give every client a session of its own"):
                connect(pooled)
        assert application(pooled, 6) == before


@pytest.mark.parametrize("sessions", [1, 3, 8])
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("keys", ["own", "forwarded"])
def test_a_pooler_is_seen_by_what_it_does(
    keys: str, newest_first: bool, sessions: int, filled: ConnectionSettings
) -> None:
    """Whatever process number it tells, in whatever order it gives its sessions out, and ignoring settings at the start."""
    with stub_pooler(filled, keys=keys, newest_first=newest_first, sessions=sessions) as pooler_of_others:
        pooled = pooler_of_others.settings
        before = application(pooled, sessions)
        with pytest.raises(DatabaseError, match="does not give every client a session of its own"):
            connect(pooled)
        assert application(pooled, sessions) == before


def test_a_session_that_another_client_gives_back_in_between_hides_nothing(filled: ConnectionSettings) -> None:
    """The newest session first: the second client would meet that one each time, and the first one always its own."""
    with stub_pooler(filled, sessions=2) as pooler_of_others, ExitStack() as stack:
        pooled = pooler_of_others.settings

        application_s, ours = joined(stack, pooled), joined(stack, pooled)
        with application_s.cursor() as theirs, ours.cursor() as cursor:
            theirs.execute("BEGIN")
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
            theirs.execute("COMMIT")
            with pytest.raises(DatabaseError, match="does not give every client a session of its own"):
                pooler.require_own_session(ours, pooled, pid, partial(joined, stack, pooled))


HIDDEN: dict[str, dict[str, Any]] = {
    "each client the session that it had last": {"faithful": True, "sessions": 30},
    "the same, with the number of the process": {"faithful": True, "sessions": 30, "keys": "forwarded"},
    "12 processes": {"processes": 12, "sessions": 1},
    "12 processes of 3 that rest longest": {"processes": 12, "sessions": 3, "newest_first": False},
    "12 processes with the number of the process": {"processes": 12, "sessions": 1, "keys": "forwarded"},
    "12 processes, each client its last session": {"processes": 12, "sessions": 3, "faithful": True},
    "reset after each transaction": {"faithful": True, "sessions": 30, "resets": True},
}


@pytest.mark.parametrize("does", HIDDEN.values(), ids=HIDDEN)
def test_a_pooler_that_hides_that_it_shares_is_refused(
    does: dict[str, Any], filled: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two of our clients need meet; nothing is left on a session, not even for a moment what has no meaning."""
    monkeypatch.setattr(pool_clients, "LEAVES_WITHIN", 0.3)
    with stub_pooler(filled, **does) as pooler_of_others:
        sessions = [one for process in pooler_of_others.processes for one in process.all]
        with pytest.raises(DatabaseError, match="pooler that does not (reset|give every client)"):
            connect(pooler_of_others.settings)
        for session in sessions:
            session.run(
                b"DO $$ BEGIN IF current_setting('titan_db.seen', true) <> '' OR EXISTS (SELECT FROM pg_settings "
                b"WHERE source = 'session') THEN DROP TABLE public.audit_logs; END IF; END $$"
            )
    with connect(filled) as database:
        assert database.value("SELECT to_regclass('public.audit_logs') IS NOT NULL"), "something was left"


def test_a_pooler_that_passes_settings_at_the_start_on_passes_none_to_the_application(
    filled: ConnectionSettings,
) -> None:
    """As Pgpool-II does. No reset takes them away from the next client, so that the session ends, and ours are set."""
    with stub_pooler(filled, passes_on=True, keeps=True, keys="forwarded", sessions=6) as pooler_of_others:
        with connect(pooler_of_others.settings) as database:
            assert database.pooled and database.value("SHOW idle_in_transaction_session_timeout") == "45s"
        with ExitStack() as stack:
            for _one in range(3):  # at once
                cursor = joined(stack, pooler_of_others.settings).cursor()
                cursor.execute(
                    "SELECT name FROM pg_settings WHERE source = 'client' AND name NOT IN (%s, %s, %s)", ORDINARY
                )
                assert not cursor.fetchall()


def test_each_word_refuses_a_pooler_that_forwards_the_number_of_the_process(
    filled: ConnectionSettings, backups: Path, tmp_path: Path, call_module: Module, capsys: Any
) -> None:
    with stub_pooler(filled, keys="forwarded") as pooler_of_others:
        pooled = pooler_of_others.settings
        before = application(pooled, 3)
        for word, said in refusals(pooled, backups, tmp_path, capsys):
            assert "DIRECT_URL" in said, (word, said)
        for name, options in modules(pooled).items():
            assert "session mode" in call_module(name, **options)["msg"], name
        assert application(pooled, 3) == before


def test_a_pooler_of_two_processes_is_seen_for_what_it_is(filled: ConnectionSettings, workdir: Path) -> None:
    """The kernel leads each client to one of them, and the other knows nothing of its sessions."""
    with pgbouncer(filled, workdir, "transaction", "so_reuseport = 1") as pooled, second_process(workdir):
        for _try in range(4):
            with pytest.raises(DatabaseError, match="does not (give every client a session of its own|reset)"):
                connect(pooled)


def test_a_session_pool_that_resets_nothing_is_refused(
    filled: ConnectionSettings,
    backups: Path,
    tmp_path: Path,
    workdir: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_clients, "LEAVES_WITHIN", 0.3)
    with pgbouncer(filled, workdir, "session", "server_reset_query =") as pooled:
        before = application(pooled, 3)
        for word, said in refusals(pooled, backups, tmp_path, capsys):
            assert "server_reset_query" in said, (word, said)
            assert application(pooled, 3) == before, word


def test_a_pool_that_ignores_settings_at_the_start_gets_them_by_statement(
    filled: ConnectionSettings, workdir: Path
) -> None:
    with pgbouncer(filled, workdir, "session", "ignore_startup_parameters = options, extra_float_digits") as pooled:
        before = application(pooled, 3)
        with connect(pooled) as database:
            assert database.pooled and database.value("SHOW idle_in_transaction_session_timeout") == "45s"
            assert database.value("SHOW client_connection_check_interval") == "1s"
        assert application(pooled, 3) == before


@pytest.mark.parametrize("keys", ["own", "forwarded"])
def test_a_pool_that_ignores_them_and_forwards_the_number_of_the_process_too(
    keys: str, filled: ConnectionSettings
) -> None:
    with (
        stub_pooler(filled, keys=keys, sessions=8, keeps=True) as pooler_of_others,
        connect(pooler_of_others.settings) as database,
    ):
        assert database.pooled
        assert database.value("SHOW idle_in_transaction_session_timeout") == "45s"


def test_a_connection_that_is_no_pooler_s_needs_no_second_one(settings: ConnectionSettings, db: Database) -> None:
    """Over TCP and the Unix-domain socket; and with a translated address (here by a proxy) it is no pooler's either."""
    for place in (settings, settings._replace(host="", socket=db.value("SHOW unix_socket_directories"))):
        with connect(place) as database:
            assert not database.pooled
    assert not pooler._own_sessions
    with proxy(settings) as network, connect(network.settings) as database:
        assert not database.pooled and pooler._own_sessions == {network.settings: False}
        assert not pooler.behind_pooler(network.settings)


def test_a_session_pool_serves_every_word(
    server: Cluster, filled: ConnectionSettings, backups: Path, tmp_path: Path, workdir: Path, call_module: Module,
    capsys: Any,
) -> None:  # fmt: skip
    try:
        with pgbouncer(filled, workdir, "session") as pooled:
            before = application(pooled, 3)
            for name, options in modules(pooled).items():
                assert not call_module(name, **options).get("failed"), name
            for word, options in words(backups).items():
                if word == "restore":  # a superuser's session has to begin with a setting that the pooler does not take
                    assert cli.main([word, *named(pooled, tmp_path, "pooled"), *options]) == 1
                    assert "Name the server itself (direct_url)" in capsys.readouterr().err
                    options = [*options, "--accept-superuser", "true"]
                status = cli.main([word, *named(pooled, tmp_path, "pooled"), *options])
                assert status == 0 or word == "health" and status < 3, (word, status, capsys.readouterr())
            assert [state for _rows, state in application(pooled, 3)] == [state for _rows, state in before]
    finally:
        drop_database(server, words(backups)["restore"][5])
    with connect(filled) as database:
        assert database.value("SELECT count(*) FROM public.audit_logs") == 99
        assert database.value("SELECT to_regclass('public.a') IS NOT NULL")


def test_a_session_pool_with_one_session_is_refused_in_time(
    filled: ConnectionSettings, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 2.0)
    with (
        pgbouncer(filled, workdir, "session", "default_pool_size = 1", "max_db_connections = 1") as pooled,
        pytest.raises(DatabaseError, match="whether it shares its sessions could not be determined"),
    ):
        connect(pooled)


@pytest.mark.parametrize("cuts", [False, True])
def test_a_network_that_says_no_more_is_called_no_pooler(cuts: bool, settings: ConnectionSettings) -> None:
    """At whichever request, while it is found out whether a pooler is in between."""

    def said(number: int) -> str:
        with proxy(settings) as network, ExitStack() as stack:
            ours = joined(stack, network.settings)
            network.silent_at, network.cuts = network.requests + number, cuts
            another = partial(autocommitting, {**network.settings.parameters(), "connect_timeout": "2"})
            try:
                pooler.require_own_session(ours, network.settings, ours.info.backend_pid, another, 1.0)
            except DatabaseError as error:
                return str(error)
            return "own"

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(said, range(1, 33)))  # there are about 36
    assert not [text for text in heard if "is a connection pooler" in text], heard
    told = [text for text in heard if "Whether a connection pooler is in between could not be determined" in text]
    assert len(told) > 20, heard


def test_a_server_without_room_for_a_second_client_is_called_no_pooler(
    filled: ConnectionSettings, db: Database
) -> None:
    name = f"single_{os.getpid()}"
    db.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
    try:
        with proxy(filled._replace(user=name)) as network, pytest.raises(DatabaseError) as refused:
            connect(network.settings)
        assert "too many connections for role" in str(refused.value), refused.value
        assert "is a connection pooler" not in str(refused.value), refused.value
    finally:
        db.execute(f"DROP ROLE {name}")


def test_a_server_that_shows_no_statements_is_called_no_pooler(filled: ConnectionSettings, db: Database) -> None:
    db.execute(f"ALTER DATABASE {filled.database} SET track_activities = off")
    with proxy(filled) as network, connect(network.settings) as database:
        assert not database.pooled


def test_direct_url_names_the_server_itself(
    filled: ConnectionSettings, tmp_path: Path, workdir: Path, call_module: Module, capsys: Any
) -> None:
    """As an option of a module, in a job's configuration, and in the env file."""
    with pgbouncer(filled, workdir, "transaction") as pooled:
        env = named(pooled, tmp_path)
        before = application(pooled, 3)
        server = f"postgresql://{filled.host}:{filled.port}"
        for name, options in modules(pooled).items():
            given = {key: value for key, value in options.items() if not key.startswith("login_")}
            result = call_module(name, **given, env_file=env[1], direct_url=server)
            assert not result.get("failed"), (name, result)
            assert application(pooled, 3) == before, name
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"env_file": env[1], "direct_url": server}))
        assert cli.main(["stats", "--config", str(config)]) == 0, capsys.readouterr()
        with open(env[1], "a", encoding="utf-8") as stream:
            stream.write(f"DIRECT_URL='postgresql://{filled.user}@{filled.host}:{filled.port}/{filled.database}'\n")
        assert cli.main(["stats", *env]) == 0, capsys.readouterr()
        assert application(pooled, 3) == before
