# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role access on a server that checks passwords: what each kind of role may, and rotations that are cut off.

It needs the collection community.postgresql: from this environment, from .venv-molecule, or from the directory that
TITAN_COLLECTIONS names (then it has to be there).
"""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import ROOT, embedded_programs, free_port

pytestmark = pytest.mark.slow

NAMES = {kind: f"t x $ü {kind}" for kind in ("owner", "application", "backup", "maintenance", "monitor")}
# Ansible asks its callbacks before it starts a task: whatever the machine's load, nothing of that task has happened yet.
KILLED_BEFORE = """
import os, signal
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "killed_before"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        if os.environ["KILLED_BEFORE"] in task.get_name():
            os.kill(os.getpid(), signal.SIGKILL)
"""
# What the database's owner may put in front of pg_catalog for everybody who connects.
IN_THE_WAY = (
    "CREATE SCHEMA evil",
    "CREATE TABLE evil.ran (who text)",
    "GRANT USAGE ON SCHEMA evil TO PUBLIC",
    *(
        f"CREATE FUNCTION evil.same({kind}, {kind}) RETURNS bool LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO evil.ran VALUES (CURRENT_USER); RETURN $1 OPERATOR(pg_catalog.=) $2; END'"
        for kind in ("name", "text", "oid", '"char"')
    ),
    *(
        f"CREATE OPERATOR evil.= (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = evil.same)"
        for kind in ("name", "text", "oid", '"char"')
    ),
    'ALTER DATABASE "titan $x" SET search_path = evil, pg_catalog, public',
)
OTHER_LINES = "NODE_ENV=production\nAPP_NAME='Titan \"AI\" Trader'\n"


def collections() -> str:
    """The directory that holds ansible_collections/community/postgresql."""
    named = os.environ.get("TITAN_COLLECTIONS", "")
    places = [Path(named)] if named else [*Path(sys.prefix).glob("lib/python3*/site-packages")]
    places += [] if named else ROOT.glob(".venv-molecule/lib/python3*/site-packages")
    for place in places:
        if (place / "ansible_collections" / "community" / "postgresql" / "MANIFEST.json").exists():
            return str(place)
    assert not named, f"community.postgresql is not in TITAN_COLLECTIONS={named}"
    pytest.skip("the collection community.postgresql is not here (make molecule installs it)")


@dataclass
class Site:
    """A server with passwords, and the role's variables for it."""

    cluster: Cluster
    folder: Path
    collections: str

    def roles(self, *kinds: str, **passwords: str) -> list[dict[str, Any]]:
        more: dict[str, dict[str, Any]] = {
            "owner": {"env_file": f"{self.folder}/.env"},
            "application": {"connection_limit": 2},
            "backup": {"bypass_rls": True, "env_file": f"{self.folder}/.env.backup", "env_format": "variables"},
            "maintenance": {"tables": ["logs", "public.not_there_yet"]},
        }
        return [
            {
                "name": NAMES[kind],
                "kind": kind,
                "password": passwords.get(kind, f"{kind}'s %1\\$x"),
                **more.get(kind, {}),
            }
            for kind in kinds
        ]

    def command(self, variables: dict[str, Any], *flags: str) -> list[str]:
        settings = {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "access_database": "titan $x",
            "access_superuser": getpass.getuser(), "access_socket": self.cluster.local_settings().socket, "access_port": self.cluster.port,
            "access_host": "127.0.0.1", "access_packages": [], **variables,
        }  # fmt: skip
        (self.folder / "vars.json").write_text(json.dumps(settings))
        play = [{"hosts": "all", "gather_facts": False, "roles": ["titan.database.access"]}]
        (self.folder / "play.yml").write_text(json.dumps(play))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        return [program, "-i", "box,", f"{self.folder}/play.yml", "-e", f"@{self.folder}/vars.json", "--diff", *flags]

    @property
    def environment(self) -> dict[str, str]:
        places = f"{ROOT}/collections:{self.collections}"
        return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": places, "ANSIBLE_PIPELINING": "1", "ANSIBLE_NOCOLOR": "1"}

    def play(self, roles: list[dict[str, Any]], *flags: str, status: int = 0, **more: Any) -> tuple[int, str]:
        """Changes counted by the recap, and the output."""
        command = self.command({"access_roles": roles, **more}, *flags)
        done = subprocess.run(command, cwd="/", env=self.environment, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == status, said[-5000:]
        for role in roles:
            for secret in (role["password"], quote(role["password"], safe="")):
                assert secret not in said, "a password is in the output"
        return int(re.findall(r"changed=(\d+)", said)[-1]), said

    def killed_before(self, task: str, roles: list[dict[str, Any]]) -> None:
        """Run the playbook and kill it, with everything it has started, when it comes to that task, and before that begins."""
        plugins = self.folder / "callbacks"
        plugins.mkdir(exist_ok=True)
        others = (os.environ["ANSIBLE_CALLBACK_PLUGINS"], os.environ["ANSIBLE_CALLBACKS_ENABLED"])
        (plugins / "killed_before.py").write_text(KILLED_BEFORE)
        enabled = {
            "ANSIBLE_CALLBACK_PLUGINS": f"{plugins}:{others[0]}",
            "ANSIBLE_CALLBACKS_ENABLED": f"killed_before,{others[1]}",
            "KILLED_BEFORE": task,
        }
        done = subprocess.run(
            self.command({"access_roles": roles}), cwd="/", env={**self.environment, **enabled},
            capture_output=True, text=True, check=False, start_new_session=True,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, f"the task {task!r} never came: {done.stdout[-3000:]}"

    def login(self, kind: str, password: str) -> Any:
        return psycopg2.connect(
            host="127.0.0.1", port=self.cluster.port, user=NAMES[kind], password=password, dbname="titan $x"
        )

    def let_in(self, kind: str, password: str) -> bool:
        try:
            self.login(kind, password).close()
        except psycopg2.OperationalError as error:
            assert "password authentication failed" in str(error)
            return False
        return True

    def file_works(self, suffix: str = "") -> bool:
        """Whether libpq gets in with the DATABASE_URL of the env file, read by a shell as a job does."""
        path = self.folder / f".env{suffix}"
        if not path.exists():
            return False
        script = (
            f'set -a; . "{path}"; exec "$0" -c "import os, psycopg2; psycopg2.connect(os.environ[\'DATABASE_URL\'])"'
        )
        return subprocess.run(["sh", "-c", script, sys.executable], capture_output=True, check=False).returncode == 0

    def run(self, kind: str, password: str, *statements: str) -> list[tuple[Any, ...]]:
        with closing(self.login(kind, password)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
        return rows


def password(kind: str) -> str:
    return f"{kind}'s %1\\$x"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Passwords are checked over TCP; the superuser comes in over the socket, as on Debian. public is open to everybody."""
    found = collections()
    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="tt-"), port=free_port(), listen=True)
    cluster.create(passwords=True)
    cluster.start(["fsync=off", "log_statement=all", "log_min_duration_statement=0", "track_activity_query_size=10000"])
    try:
        with connect(cluster.local_settings()) as admin:
            admin.execute(f'CREATE ROLE "{getpass.getuser()}" SUPERUSER LOGIN')
            admin.execute('CREATE DATABASE "titan $x"')
        with connect(cluster.local_settings().to("titan $x")) as admin:
            admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")  # as before PostgreSQL 15
            admin.execute("ALTER SCHEMA public OWNER TO postgres")
        with tempfile.TemporaryDirectory(prefix="titan access ") as folder:
            yield Site(cluster, Path(folder), found)
    finally:
        cluster.remove()


def test_each_kind_may_what_it_needs_and_no_more(site: Site) -> None:
    roles = site.roles(*NAMES)
    (site.folder / ".env").write_text(OTHER_LINES)
    _changed, said = site.play(roles, "--check")
    with connect(site.cluster.local_settings()) as admin:
        assert admin.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^t x'") == 0, "a check writes nothing"
    assert (site.folder / ".env").read_text() == OTHER_LINES
    assert site.play(roles)[0] > 5
    assert (site.folder / ".env").read_text().startswith(OTHER_LINES) and site.file_works()
    assert {path.stat().st_mode & 0o777 for path in site.folder.glob(".env*")} == {0o600}
    assert f"DB_USER='{NAMES['backup']}'" in (site.folder / ".env.backup").read_text()

    # Tables made afterwards: default privileges and pg_read_all_data reach them, the maintenance role's DELETE does not.
    site.run("owner", password("owner"),
             "CREATE TABLE logs (id serial, at timestamptz DEFAULT now())", "INSERT INTO logs DEFAULT VALUES",
             "CREATE TABLE hidden (id int)", "INSERT INTO hidden VALUES (1)", "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
             "ALTER TABLE hidden FORCE ROW LEVEL SECURITY", "CREATE TABLE titan_ops.history (id int)")  # fmt: skip
    app, backup, sweeper, watcher = (password(kind) for kind in ("application", "backup", "maintenance", "monitor"))
    site.run(
        "application",
        app,
        "INSERT INTO logs DEFAULT VALUES",
        "UPDATE logs SET at = now()",
        "DELETE FROM logs WHERE id = 2",
    )
    assert site.run("backup", backup, "SELECT count(*) FROM logs") == [(1,)]
    assert site.run("backup", backup, "SELECT count(*) FROM hidden") == [(1,)], "BYPASSRLS"
    assert site.run("application", app, "SELECT count(*) FROM hidden") == [(0,)]
    assert site.run("monitor", watcher, "SELECT count(*) FROM titan_ops.history") == [(0,)]
    refused = [
        ("backup", backup, "INSERT INTO logs DEFAULT VALUES"), ("backup", backup, "DELETE FROM logs"),
        ("backup", backup, "CREATE TABLE public.mine (id int)"), ("backup", backup, "CREATE TEMP TABLE mine (id int)"),
        ("application", app, "DROP TABLE logs"), ("application", app, "CREATE TABLE public.mine (id int)"),
        ("application", app, "SELECT * FROM titan_ops.history"), ("monitor", watcher, "SELECT * FROM logs"),
        ("maintenance", sweeper, "DELETE FROM logs"), ("maintenance", sweeper, "INSERT INTO hidden VALUES (2)"),
    ]  # fmt: skip
    for kind, secret, statement in refused:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            site.run(kind, secret, statement)

    site.run("owner", password("owner"), *IN_THE_WAY)
    assert site.play(roles)[0] == 1, "the second run grants the maintenance role the table that is there now, no more"
    assert site.run("owner", password("owner"), "SELECT who FROM evil.ran") == [], "a superuser ran the owner's code"
    with (
        closing(psycopg2.connect(**site.cluster.local_settings("titan $x").parameters())) as trap,
        trap.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = current_database()")  # what this test waits for
        cursor.execute("SELECT count(*) > 0 FROM evil.ran")
        assert cursor.fetchone() == (True,)
    site.run("owner", password("owner"), 'ALTER DATABASE "titan $x" RESET search_path', "DROP SCHEMA evil CASCADE")
    site.run("maintenance", sweeper, "DELETE FROM logs", "REINDEX TABLE logs")

    held = [site.login("application", app), site.login("application", app)]
    with pytest.raises(psycopg2.OperationalError, match="too many connections"):
        site.login("application", app)
    for each in held:
        each.close()
    with connect(site.cluster.local_settings()) as admin:
        admin.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(**site.cluster.local_settings("titan $x", "stranger").parameters())


def test_a_rotation_that_is_cut_off_heals_and_never_locks_out(site: Site) -> None:
    """Killed before each step. All the time one of the two files holds a password that works; the next run mends it, also
    one that wants another password, when the first one was not set yet."""
    current = password("owner")
    if not site.file_works():  # alone, without the test above
        site.play(site.roles("owner"))
    for number, task in enumerate(
        ("Write the new env file beside", "Set the new password", "Use the new password", "Put the new")
    ):
        wanted = f"new {number}' $;\\%"
        roles = site.roles("owner", owner=wanted)
        site.killed_before(task, roles)
        assert site.let_in("owner", current) != site.let_in("owner", wanted)
        assert site.file_works() or site.file_works(".new"), task
        assert site.file_works() == site.let_in("owner", current), task
        if site.let_in("owner", wanted):
            site.play(roles)
            assert site.let_in("owner", wanted) and not site.let_in("owner", current), "the old password is refused"
            assert site.file_works() and not (site.folder / ".env.new").exists(), task
            current = wanted
    assert site.play(site.roles("owner", owner=current))[0] == 0


def test_a_new_password_that_cannot_be_used_is_taken_back(site: Site) -> None:
    """The server cannot be asked at access_host: the old password and the old file stay in force."""
    if not site.file_works():  # alone, without the tests above
        site.play(site.roles("owner"))
    text = (site.folder / ".env").read_text()
    roles = site.roles("owner", owner="neverSecret")
    _changed, said = site.play(roles, status=2, access_host="127.0.0.1:1")
    assert "The old password is back in force and the old env file is untouched." in " ".join(said.split())
    assert (site.folder / ".env").read_text() == text and site.file_works()
    assert not site.let_in("owner", "neverSecret") and not (site.folder / ".env.new").exists()

    # The server has logged every statement, of these roles made, this password taken back and those rotated above.
    logged = Path(site.cluster.folder, "server.log").read_text(errors="replace")
    assert "GRANT" in logged and f'"{NAMES["owner"]}"' in logged, "the server logs statements"
    for secret in ("PASSWORD", "SCRAM-SHA-256$", "neverSecret", "new 2", "new 3", "owner''s"):
        assert secret not in logged, [line for line in logged.splitlines() if secret in line]


def test_names_that_cannot_be_passed_on_are_refused(site: Site) -> None:
    """Each on a host of its own, in one run."""
    names = {"one": 'a"b', "two": "it's", "three": "a,b", "four": "a%b"}
    hosts = {host: {"access_roles": [{**site.roles("owner")[0], "name": name}]} for host, name in names.items()}
    (site.folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    command = site.command({}, "-i", f"{site.folder}/hosts.json", "-l", ",".join(hosts))
    done = subprocess.run(command, cwd="/", env=site.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    for host, name in names.items():
        (said,) = re.findall(rf"^fatal: \[{host}\]: .*?(?=^fatal: |^PLAY RECAP)", done.stdout, flags=re.M | re.S)
        assert "must not hold a quote" in " ".join(said.split()) and name in said.replace('\\"', '"'), said
    assert "TASK [titan.database.access : Create" not in done.stdout and password("owner") not in done.stdout
