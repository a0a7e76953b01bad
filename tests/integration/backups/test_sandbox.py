"""A backup whose database brings code along: the drill lets it run, and it reaches nothing."""

from __future__ import annotations

import gzip
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.host.sandbox import Sandbox, why_no_sandbox
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect, sql
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.sandboxed import drill_server

from tests.conftest import Cluster, login, make_database
from tests.drill_programs import drill_programs
from tests.processes import ended, forked

from .helpers import command_lines

# Runs programs as soon as its role may, in any server but the live one: what it sees comes back in a file that all may read.
HOSTILE = """
CREATE FUNCTION public.chk(v int) RETURNS bool LANGUAGE plpgsql AS $f$
BEGIN
  IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND current_setting('port') <> '{port}' THEN
    EXECUTE $x$ COPY (SELECT 1) TO PROGRAM
      'cat {seen}/secret > {shared}/a; psql -X -h 127.0.0.1 -p {port} -U postgres -c "create role owned"; ls > {seen}/b; true' $x$;
  END IF;
  RETURN true;
END $f$;
CREATE TABLE public.t (id int PRIMARY KEY, v int, CHECK (public.chk(v)));
INSERT INTO public.t VALUES (1, 1);
"""


@pytest.fixture
def hostile(server: Cluster, workdir: Path) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    seen, shared = workdir / "seen", workdir / "shared"
    workdir.chmod(0o755)
    for folder in (seen, shared):
        folder.mkdir()
        folder.chmod(0o777)
    (seen / "secret").write_text("of the host\n")
    with psycopg2.connect(**made.parameters()) as connection, connection.cursor() as cursor:
        cursor.execute(HOSTILE.format(port=server.port, seen=seen, out=seen, shared=shared))
    connection.close()
    yield made


def backed_up(call_module: Callable[..., Any], hostile: ConnectionSettings, workdir: Path, form: str) -> dict[str, Any]:
    dest = workdir / "backups"
    dest.mkdir(mode=0o700)
    options = {"dest": str(dest), "name": "h", "format": form, "verify": "restored", "programs": drill_programs()}
    return dict(call_module("backup", **options, **login(hostile)))


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_code_of_the_database_reaches_nothing_of_this_host(
    server: Cluster, hostile: ConnectionSettings, workdir: Path, call_module: Callable[..., Any], form: str
) -> None:
    if why_no_sandbox(str(workdir / "shared"), os.geteuid(), os.getegid()):
        pytest.skip("this kernel or container lets nobody make namespaces")
    result = backed_up(call_module, hostile, workdir, form)
    assert not result.get("failed"), result
    assert result["backup"]["verified"]["level"] == "restored"
    assert os.listdir(workdir / "seen") == ["secret"] and os.listdir(workdir / "shared") == []
    with psycopg2.connect(**server.settings().parameters()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'owned'")
        assert cursor.fetchone() == (0,)


def test_a_strict_umask_does_not_hide_the_installation_from_the_server(workdir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    user, group = (nobody.pw_uid, nobody.pw_gid) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    own, shown = workdir / "own", workdir / "an installation"
    own.mkdir()
    shown.mkdir()
    (shown / "file").write_text("seen")
    for path in (workdir, own, shown):
        path.chmod(0o755)
    (shown / "file").chmod(0o644)
    if why_no_sandbox(str(own), user, group):
        pytest.skip("this kernel or container lets nobody make namespaces")
    out = workdir / "out"
    before = os.umask(0o077)
    try:
        with open(out, "wb") as output:
            command = ["/bin/sh", "-c", f"cat '{shown}/file' && test -d '{own}' && id -un"]
            started = Sandbox(command, str(own), [str(shown)], user, group, output, {"PATH": os.defpath})
            status = started.wait(30)
            started.end()
    finally:
        os.umask(before)
    assert (status, out.read_text().split()) == (0, ["seen" + pwd.getpwuid(user).pw_name])


def test_the_server_of_a_killed_run_ends_with_it(workdir: Path) -> None:
    if why_no_sandbox(str(workdir), os.geteuid(), os.getegid()):
        pytest.skip("this kernel or container lets nobody make namespaces")

    def be_killed() -> None:
        Sandbox(["/bin/sleep", LONG], str(workdir), [], os.geteuid(), os.getegid(), subprocess.DEVNULL, {})
        for _try in range(600):
            if any(LONG.encode() in line and b"sleep" in line[:11] for line in command_lines()):
                break
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    with forked(be_killed) as child:
        assert ended(child) == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(LONG.encode() in line for line in command_lines()):
        time.sleep(0.1)
    assert not any(LONG.encode() in line for line in command_lines())


LONG = "86399.125"


FOREIGN = """--
-- PostgreSQL database dump
--

\\restrict abc

SET standard_conforming_strings = on;
CREATE TABLE public.a (id int);
{command}
CREATE TABLE public.written (id int);

--
-- PostgreSQL database dump complete
--

\\unrestrict abc

"""


@pytest.mark.parametrize("where", ["drill", "restore"])
@pytest.mark.parametrize(
    "command",
    [
        "\\! touch {folder}/ran",
        '\\connect "host=127.0.0.1 port={port} user=postgres dbname={live}"',
        "SELECT 1 \\! touch {folder}/ran",
        "\\o {folder}/ran\nSELECT 1;",
        "\\copy public.a from program 'touch {folder}/ran'",
        "\\unrestrict abc\n\\! touch {folder}/ran",
        "",
    ],
    ids=["shell", "connect", "shell_in_a_statement", "output", "copy_program", "unrestrict_early", "nothing"],
)
def test_a_dump_of_others_commands_nobody(
    settings: ConnectionSettings, workdir: Path, command: str, where: str
) -> None:
    text = FOREIGN.format(command=command.format(folder=workdir, port=settings.port, live=settings.database))
    backup = workdir / "theirs_20260101_000000.sql.gz"
    backup.write_bytes(gzip.compress(text.encode()))
    workdir.chmod(0o700)
    argv = [where, "--source", str(backup), "--programs", drill_programs(), "--dest", str(workdir)]
    into = f"{settings.database}_r"
    argv += ["--into", into] if where == "restore" else []
    environment = {
        "DB_HOST": settings.host,
        "DB_PORT": str(settings.port),
        "DB_USER": settings.user,
        "DB_NAME": settings.database,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        status = main(argv)
    assert (status == 0) == (command == "")
    assert not (workdir / "ran").exists()
    with psycopg2.connect(**settings.parameters()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.written') IS NULL")
        assert cursor.fetchone() == (True,)
    connection.close()
    with connect(settings) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(into)))


def test_nobody_is_looked_for_between_us_and_a_server_of_our_own(workdir: Path) -> None:
    """Its process numbers are not ours, and where it answers late, a busy machine is no pooler: one session a connection."""
    workdir.chmod(0o755)
    cluster, why = drill_server(drill_programs(), str(workdir / "c"))
    if why:
        pytest.skip(why)
    try:
        cluster.create()
        cluster.start([*THROW_AWAY, "log_connections=authorization"])
        for _each in range(2):
            with connect(cluster.settings()) as database:
                database.value("SELECT 1")
        log = Path(cluster.folder, "server.log").read_text(errors="replace")
    finally:
        cluster.remove()
    assert log.count("database=postgres") == 3, f"one when it has started, and ours: {log}"
