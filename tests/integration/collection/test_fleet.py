# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks deploy, rollback and remove on a staging and two production hosts, which are this machine with three
databases, one command and one directory of configurations; a stub stands for the application."""

from __future__ import annotations

import getpass
import grp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import ROOT, TITAN, drop_database, load_titan, make_database

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
HOSTS = ("stage", "one", "two")
HOSTILE = 'it\'s "$HOME"; `id` \\ %s * ü'
# Writes its own arguments, one JSON line for each call.
HOOK = "import json, sys; print(json.dumps(sys.argv[2:]), file=open(sys.argv[1], 'a'))"
STATEMENTS = [
    "SELECT * FROM public.cleanup_statistics",
    "SELECT * FROM public.run_all_cleanups()",
    "SELECT public.cleanup_audit_logs()",
]


@dataclass
class Fleet:
    """The hosts' databases, what they are told, and the deployments that were run."""

    folder: Path
    databases: dict[str, ConnectionSettings]
    url: str

    @property
    def migrations(self) -> Path:
        return self.folder / "migrations"

    def add(self, name: str, text: str) -> Path:
        (self.migrations / name).write_text(text)
        return self.migrations / name

    def play(self, playbook: str, limit: str, *flags: str, **variables: Any) -> tuple[int, str]:
        """Status and output, with all white space made single spaces."""
        command = [BIN / "ansible-playbook", "-i", self.folder / "hosts.json", ROOT / "playbooks" / f"{playbook}.yml"]
        command += ["-l", limit, *flags, "-e", json.dumps(variables)]
        env = {**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "10000"}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def value(self, host: str, query: str) -> Any:
        with connect(self.databases[host]) as database:
            return database.value(query)

    def columns(self, name: str) -> list[str]:
        """The hosts whose orders have that column."""
        question = (
            f"SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.orders'::regclass AND attname = '{name}'"
        )
        return [host for host in HOSTS if self.value(host, question)]

    def calls(self, host: str) -> list[Any]:
        path = self.folder / host / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _variables(folder: Path, host: str, settings: ConnectionSettings) -> dict[str, Any]:
    home = folder / host
    home.mkdir()
    env_file = home / ".env"
    env_file.write_text(f"DATABASE_URL='postgresql://{settings.user}@127.0.0.1:{settings.port}/{settings.database}'\n")
    env_file.chmod(0o600)
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    return {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "titan_become": False,
        "titan_environment": "staging" if host == "stage" else "production",
        "titan_user": user, "titan_env_file": str(env_file), "migrations_path": f"{folder}/migrations",
        "host_packages": [], "host_cron_service": "", "host_user": user, "host_group": group, "host_env_file": str(env_file),
        "host_directories": [{"path": f"{home}/logs"}, {"path": f"{home}/state"}],
        "host_command": f"{folder}/bin/titan-db", "host_spare_command": f"{folder}/etc/titan-db",
        "host_python": sys.executable, "titan_state": f"{home}/state",
        "retention_policies": [{"table": "public.audit_logs", "column": "created_at", "keep": "90 days"}],
        "backup_user": user, "backup_group": group, "backup_dest": f"{home}/backups", "backup_name": host,
        "backup_compression": "gzip", "backup_programs": str(folder / "programs"),
        "crontab_environment": host, "crontab_user": user, "crontab_cron_file": f"{home}/crontab", "crontab_directory": str(home),
        "crontab_env_file": str(env_file), "crontab_log_dir": f"{home}/logs", "crontab_state_dir": f"{home}/state",
        "crontab_command": f"{folder}/bin/titan-db", "crontab_spare_command": f"{folder}/etc/titan-db",
        "crontab_config_path": f"{folder}/etc/{host}.json",
        "crontab_metrics_dir": f"{folder}/metrics", "crontab_logrotate_path": f"{home}/logrotate",
        "deploy_stop": [sys.executable, "-c", HOOK, f"{home}/calls", "stop", HOSTILE, ""],
        "deploy_start": [sys.executable, "-c", HOOK, f"{home}/calls", "start", HOSTILE, "-x"],
    }  # fmt: skip


class Application(BaseHTTPRequestHandler):
    """/health answers 200 with security headers, /down 503, /limited/N 429 after N requests, /free always 200."""

    asked: dict[str, int] = {}

    def do_GET(self) -> None:
        count = self.asked[self.path] = self.asked.get(self.path, 0) + 1
        limit = int(self.path.rpartition("/")[2]) if self.path.startswith("/limited/") else count
        self.send_response(503 if self.path == "/down" else 429 if count > limit else 200)
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.send_header("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def fleet(server: Cluster) -> Iterator[Fleet]:
    """Three converged hosts, each with the Titan database and the shipped migrations."""
    folder = Path(tempfile.mkdtemp(prefix="titan deploy "))
    folder.chmod(0o755)
    shutil.copytree(TITAN / "migrations", folder / "migrations")
    (folder / "programs").symlink_to(server.programs)
    (folder / "metrics").mkdir()
    first = load_titan(server)
    files = [{"name": path.name, "content": path.read_text()} for path in (TITAN / "migrations").iterdir()]
    operation.migration(Call(complete({"files": files}, options.MIGRATION), first, False, lambda line: None))
    databases = {host: make_database(server, first.database) for host in HOSTS[1:]} | {HOSTS[0]: first}
    hosts = {host: _variables(folder, host, databases[host]) for host in HOSTS}
    groups = {"staging": {"hosts": {"stage": {}}}, "production": {"hosts": {"one": {}, "two": {}}}}
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "children": groups}}))
    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    made = Fleet(folder, databases, f"http://127.0.0.1:{application.server_port}")
    try:
        status, said = made.play("site", "all")
        assert status == 0, said[-6000:]
        yield made
    finally:
        application.shutdown()
        application.server_close()
        for settings in databases.values():
            drop_database(server, settings.database)
        shutil.rmtree(folder, ignore_errors=True)


def test_production_waits_for_staging(fleet: Fleet) -> None:
    fleet.add("0012_note.sql", "ALTER TABLE public.orders ADD COLUMN note text;\n")
    fleet.add("0012_note.down.sql", "ALTER TABLE public.orders DROP COLUMN note;\n")
    status, said = fleet.play("deploy", "production")
    assert status and "Not applied on staging yet: 0012" in said, said[-3000:]
    assert fleet.columns("note") == [] and [fleet.calls(host) for host in HOSTS] == [[], [], []]


def test_staging_with_every_check_at_the_end(fleet: Fleet) -> None:
    """Hooks get their arguments unchanged; queries, statements, schedule, backup, headers and rate limit hold."""
    urls = [
        {"url": f"{fleet.url}/health", "headers": ["X-Frame-Options", "Strict-Transport-Security: max-age=[0-9]{8}"]},
        {"url": f"{fleet.url}/down", "status": 503},
        {"url": f"{fleet.url}/limited/3", "rate_limit": 5},
    ]
    checks = {"deploy_queries": str(TITAN / "queries"), "deploy_statements": STATEMENTS, "deploy_urls": urls}
    rows = fleet.value("stage", "SELECT count(*) FROM public.audit_logs")
    status, said = fleet.play("deploy", "stage", **checks)
    assert status == 0, said[-4000:]
    assert fleet.columns("note") == ["stage"]
    assert fleet.calls("stage") == [["stop", HOSTILE, ""], ["start", HOSTILE, "-x"]]
    assert "Queries planned as expected: 9; statements answered: 3; URLs asked: 3" in said
    assert "rollback_target=0011" in said and "Newest verified backup: " in said
    assert "reindex Sun 20" in said, "the next runs are shown"
    assert Application.asked["/limited/3"] == 4, "it stops asking at the first 429"
    assert fleet.value("stage", "SELECT count(*) FROM public.audit_logs") == rows, (
        "a statement that would delete deletes nothing"
    )


def test_it_stops_at_the_first_failure_and_says_how_to_go_back(fleet: Fleet) -> None:
    with connect(fleet.databases["one"]) as database:
        database.execute(f"ALTER DATABASE {fleet.databases['one'].database} SET titan.broken = 'yes'")
    broken = (
        "DO $$ BEGIN IF current_setting('titan.broken', true) = 'yes' THEN RAISE 'it is broken here'; END IF; END $$;\n"
    )
    fleet.add("0013_view.sql", "CREATE VIEW public.half AS SELECT 1 AS one;\n" + broken)
    fleet.add("0013_view.down.sql", "DROP VIEW public.half;\n")
    status, said = fleet.play("deploy", "production", deploy_rehearsed_on="")
    assert status and "it is broken here" in said, said[-4000:]
    assert "The deployment stopped on one" in said and "No further host was touched" in said
    assert "ansible-playbook titan.database.rollback -l one -e rollback_target=0011 -e rollback_confirmed=true" in said
    assert "the application may be stopped: " in said
    assert fleet.columns("note") == ["stage", "one"] and fleet.calls("two") == []
    assert [call[0] for call in fleet.calls("one")] == ["stop"], "it is not started on half a deployment"
    assert [fleet.value(host, "SELECT to_regclass('public.half')") for host in HOSTS] == [None] * 3

    # The way that was said, by hand; then the cause is mended and the same command goes through both.
    status, said = fleet.play("rollback", "one", rollback_target="0011", rollback_confirmed=True)
    assert status == 0 and fleet.columns("note") == ["stage"], said[-3000:]
    with connect(fleet.databases["one"]) as database:
        database.execute(f"ALTER DATABASE {fleet.databases['one'].database} RESET titan.broken")
    status, said = fleet.play("deploy", "production", deploy_rehearsed_on="")
    assert status == 0 and fleet.columns("note") == ["stage", "one", "two"], said[-4000:]
    assert [call[0] for call in fleet.calls("one")] == ["stop", "stop", "start"]


def test_refusals_before_anything_is_touched(fleet: Fleet) -> None:
    """Each in a run of its own on a host with something pending; none stops the application or changes the database."""
    fleet.add("0014_more.sql", "ALTER TABLE public.orders ADD COLUMN more text;\n")
    edited = fleet.folder / "edited"
    shutil.copytree(fleet.migrations, edited)
    with (edited / "0010_add_performance_indexes.sql").open("a") as stream:
        stream.write("SELECT 1;\n")
    with connect(fleet.databases["one"]) as database:
        database.execute("DROP INDEX public.idx_orders_created_at")
    (fleet.folder / "public").mkdir(mode=0o700)
    (fleet.folder / "public").chmod(0o777)
    free = {"deploy_rehearsed_on": ""}
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("two", {**free, "deploy_free_percent": 101}, "deploy_free_percent requires 101 % free. Make room first"),
        (
            "two",
            {**free, "deploy_backup_within": 0, "deploy_take_backup": False},
            "is verified and at most 0.0 hours old",
        ),
        ("two", {**free, "backup_dest": f"{fleet.folder}/public"}, f"{fleet.folder}/public"),
        ("two", {}, "Not applied on staging yet: 0014"),
        ("two", {**free, "migrations_path": str(edited)}, "Edited since they were applied: "),
        ("one", free, "idx_orders_created_at"),
    ]
    before = [fleet.calls(host) for host in HOSTS]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda case: fleet.play("deploy", case[0], **case[1]), cases))
    for (_host, _variables, wanted), (status, said) in zip(cases, ended):
        assert status and wanted in said, (wanted, said[-3000:])
        assert "TASK [Stop the application]" not in said and "TASK [titan.database.migrations : Apply" not in said
    assert fleet.columns("more") == [] and [fleet.calls(host) for host in HOSTS] == before
    assert not list((fleet.folder / "public").iterdir())


def test_a_stale_backup_is_replaced_before_the_deployment(fleet: Fleet) -> None:
    count = len(list((fleet.folder / "two" / "backups").glob("two_*.json")))
    status, said = fleet.play("deploy", "two", deploy_rehearsed_on="", deploy_backup_within=0)
    assert status == 0 and fleet.columns("more") == ["two"], said[-3000:]
    assert len(list((fleet.folder / "two" / "backups").glob("two_*.json"))) == count + 1


def _from(task: str) -> list[str]:
    return ["--start-at-task", task] if task else []


def test_what_the_checks_at_the_end_find(fleet: Fleet) -> None:
    """Nothing is pending, so each run only looks, from that task on; each names what is wrong and where."""
    wrong = fleet.folder / "queries"
    wrong.mkdir()
    (wrong / "1.sql").write_text(
        "-- plan: idx_orders_created_at\nSELECT id FROM public.orders ORDER BY price LIMIT 5;\n"
    )
    (wrong / "2.sql").write_text("-- parameters: int\nSELECT nothing FROM public.orders WHERE id = $1;\n")
    (fleet.folder / "two" / "crontab").write_text("# somebody emptied it\n")
    url, closed = fleet.url, "http://127.0.0.1:1/health"
    cases: list[tuple[str, dict[str, Any], list[str]]] = [
        ("Request the application's URLs", {"deploy_urls": [{"url": f"{url}/health"}, {"url": f"{url}/down"}, {"url": closed}]},
         ["Status code was 503 and not [200]", f"{url}/down", "Connection refused"]),
        ("Request the application's URLs",
         {"deploy_urls": [{"url": f"{url}/health", "headers": ["X-Frame-Options: DENY", "X-Frame-Options", "Content-Security-Policy"]}]},
         ['without the header X-Frame-Options: DENY (it is "SAMEORIGIN")',
          "without the header Content-Security-Policy (it is missing)"]),
        ("Request the application's URLs", {"deploy_urls": [{"url": f"{url}/free", "rate_limit": 2}]},
         [f"{url}/free does not limit: after 3 requests it still answers 200 instead of 429"]),
        ("Plan the queries and ask the statements", {"deploy_queries": str(wrong), "deploy_statements": ["SELECT * FROM nowhere", STATEMENTS[0]]},
         ["1.sql is planned without idx_orders_created_at", 'column "nothing" does not exist', 'relation "nowhere" does not exist']),
        ("", {"deploy_schedule": True}, ["The block two of the crontab is not what the inventory declares"]),
    ]  # fmt: skip
    off = {"deploy_rehearsed_on": "", "deploy_schedule": False}
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda case: fleet.play("deploy", "two", *_from(case[0]), **{**off, **case[1]}), cases))
    for (task, _variables, wanted), (status, said) in zip(cases, ended):
        assert status and "The deployment stopped on two" in said, said[-3000:]
        said = said.replace('\\"', '"')  # as ansible-core 2.16 prints it
        assert [text for text in wanted if text not in said] == [], said[-3000:]
        assert ("roll back with: ansible-playbook" in said) == (not task), "how to roll back is said where it is known"
    assert Application.asked["/free"] == 1 + 3


def contents(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


def test_remove_takes_away_what_is_ours(fleet: Fleet) -> None:
    """Crontab block, configuration, log rotation, states, metrics, at last the command; the schema only if asked."""
    folder, home = fleet.folder, fleet.folder / "one"
    before, after = (
        b'# kept\nMAILTO=""  \n17 3 * * 6\troot true # 100\\% \xe9\n\n',
        b"@daily root true\n# no line feed at the end",
    )
    (home / "crontab").write_bytes(before + (home / "crontab").read_bytes() + after)
    (folder / "metrics" / "node.prom").write_text("node 1\n")
    for host in ("one", "two"):
        command = [folder / "bin" / "titan-db", "health", "--config", folder / "etc" / f"{host}.json"]
        subprocess.run(command, capture_output=True, check=False)
    assert {"titan_db_one_", "titan_db_two_"} <= {path.name[:13] for path in (folder / "metrics").glob("*.prom")}
    kept = contents(home / "backups", home / "logs") | {str(home / ".env"): (home / ".env").read_bytes()}
    assert kept and (home / "logrotate").exists() and list((home / "state").iterdir())
    everything = contents(folder)

    status, said = fleet.play("remove", "one", "--check")
    assert status == 0 and "changed=0" not in said and contents(folder) == everything, said[-3000:]
    status, said = fleet.play("remove", "one")
    assert status == 0, said[-3000:]
    assert (home / "crontab").read_bytes() == before + after, "foreign lines are what they were, byte for byte"
    for gone in (folder / "etc" / "one.json", home / "logrotate", home / "state"):
        assert not gone.exists(), gone
    names = {path.name[:13] for path in (folder / "metrics").iterdir()}
    assert "titan_db_one_" not in names and {"titan_db_two_", "node.prom"} <= names
    assert (folder / "bin" / "titan-db").exists() and (folder / "etc" / "two.json").exists(), "others need them"
    assert {**contents(home / "backups", home / "logs"), str(home / ".env"): (home / ".env").read_bytes()} == kept
    assert fleet.value("one", "SELECT count(*) FROM titan_ops.migration_history") > 0, "it was not asked to go"

    # The schema goes when asked, unless something of others depends on it.
    rows = fleet.value("stage", "SELECT count(*) FROM public.orders")
    with connect(fleet.databases["stage"]) as database:
        database.execute("CREATE VIEW public.mine AS SELECT version FROM titan_ops.migration_history")
    status, said = fleet.play("remove", "stage", remove_schema=True)
    assert status and "The schema titan_ops stays" in said, said[-3000:]
    assert fleet.value("stage", "SELECT count(*) FROM public.mine") > 0
    with connect(fleet.databases["stage"]) as database:
        database.execute("DROP VIEW public.mine")
    status, said = fleet.play("remove", "stage", remove_schema=True)
    assert status == 0 and fleet.value("stage", "SELECT to_regnamespace('titan_ops') IS NULL"), said[-3000:]
    assert fleet.value("stage", "SELECT count(*) FROM public.orders") == rows

    status, said = fleet.play("remove", "two")
    assert status == 0 and not (folder / "bin" / "titan-db").exists() and not (folder / "etc").exists(), said[-3000:]
    assert {path.name for path in (folder / "metrics").iterdir()} == {"node.prom"}
    status, said = fleet.play("remove", "two")
    assert status == 0 and "changed=0" in said, said[-3000:]
