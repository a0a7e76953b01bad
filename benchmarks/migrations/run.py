"""Migrations side by side with what people use: python -m benchmarks.migrations.run --sizes 10,100,1000 --markdown docs/benchmark-migrations.md

All runners apply the same files to an empty database each, on one server (PostgreSQL 18, fsync on), in turn, so that a slow moment hits
all of them. Programs that are not there are left out and named; --tools says where dbmate (npm install dbmate), sqitch (Debian
package) and alembic (a virtual environment called alembic, from PyPI) are looked for besides PATH.

The whole takes less than ten minutes: a runner that has used up --budget seconds at a size is not run again at that size,
one that does not end within --patience seconds is left out there, and no round begins after --limit seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings  # noqa: E402

from tests.conftest import drop_database, embedded_programs, free_port, make_database  # noqa: E402

FLOOR = "psycopg2, smallest"
OURS, TRIVIAL = "Ansible, titan.database.migration", "Ansible, one trivial database task"
HERE = Path(__file__).resolve().parent
SQL = """-- migration {n}: one table, one index, one row
CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL, created timestamptz DEFAULT now());
CREATE INDEX t{n}_name ON t{n} (name);
INSERT INTO t{n} (id, name) VALUES ({n}, 'row; {n}');
"""
Command = list[str]


@dataclass
class Peer:
    """One runner: how to lay out its files, and the commands that apply them and that tell what is applied."""

    name: str
    prepare: Callable[[Path, int, ConnectionSettings], None]
    apply: Callable[[Path, ConnectionSettings], Command]
    status: Callable[[Path, ConnectionSettings], Command] | None = None
    largest: int = 1000
    times: dict[str, list[float]] = field(default_factory=dict)
    memory: float = 0.0
    spent: dict[int, float] = field(default_factory=dict)


def url(settings: ConnectionSettings, scheme: str = "postgres") -> str:
    return f"{scheme}://{settings.user}@127.0.0.1:{settings.port}/{settings.database}"


def plain(folder: Path, count: int, _settings: ConnectionSettings) -> None:
    (folder / "sql").mkdir()
    for n in range(1, count + 1):
        (folder / "sql" / f"{n:06d}_step.sql").write_text(SQL.format(n=n))


def psql_script(folder: Path, count: int, settings: ConnectionSettings) -> None:
    """One psql process: each file in a transaction with its history row, skipped if that is there."""
    plain(folder, count, settings)
    lines = ["\\set ON_ERROR_STOP on", "CREATE TABLE IF NOT EXISTS psql_history (version text PRIMARY KEY);"]
    lines.append("SELECT coalesce(max(version), '') AS done FROM psql_history \\gset")
    for n in range(1, count + 1):
        lines.append(
            f"SELECT :'done' >= '{n:06d}' AS there \\gset\n\\if :there\n\\else\nBEGIN;\n\\i {folder}/sql/{n:06d}_step.sql"
        )
        lines.append(f"INSERT INTO psql_history VALUES ('{n:06d}'); COMMIT;\n\\endif")
    (folder / "all.psql").write_text("\n".join(lines) + "\n")


def dbmate_files(folder: Path, count: int, _settings: ConnectionSettings) -> None:
    (folder / "sql").mkdir()
    for n in range(1, count + 1):
        text = f"-- migrate:up\n{SQL.format(n=n)}\n-- migrate:down\nDROP TABLE t{n};\n"
        (folder / "sql" / f"{n:06d}_step.sql").write_text(text)


def sqitch_files(folder: Path, count: int, settings: ConnectionSettings) -> None:
    (folder / "deploy").mkdir()
    (folder / "sqitch.conf").write_text(
        f'[core]\n\tengine = pg\n[engine "pg"]\n\ttarget = db:pg://{settings.user}@127.0.0.1:{settings.port}/{settings.database}\n'
        "[user]\n\tname = Bench\n\temail = bench@example.test\n"
    )
    plan = ["%syntax-version=1.0.0", "%project=bench", ""]
    for n in range(1, count + 1):
        plan.append(f"s{n} 2024-01-01T00:00:00Z Bench <bench@example.test> # step {n}")
        (folder / "deploy" / f"s{n}.sql").write_text(f"BEGIN;\n{SQL.format(n=n)}COMMIT;\n")
    (folder / "sqitch.plan").write_text("\n".join(plan) + "\n")


def alembic_files(folder: Path, count: int, settings: ConnectionSettings) -> None:
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}/alembic\n")
    (folder / "alembic" / "env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import create_engine\n"
        f"with create_engine({url(settings, 'postgresql+psycopg2')!r}).connect() as connection:\n"
        "    context.configure(connection=connection, transaction_per_migration=True)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    for n in range(1, count + 1):
        before = repr(f"r{n - 1}") if n > 1 else "None"
        (versions / f"r{n}.py").write_text(
            f"from alembic import op\nrevision = 'r{n}'\ndown_revision = {before}\n"
            f"def upgrade():\n    op.execute({SQL.format(n=n)!r})\ndef downgrade():\n    pass\n"
        )


def play(tasks: str) -> Callable[[Path, int, ConnectionSettings], None]:
    """A play against the database on this machine; tasks may use CONNECTION."""

    def prepare(folder: Path, count: int, settings: ConnectionSettings) -> None:
        plain(folder, count, settings)
        connection = f"login_host: 127.0.0.1, login_port: {settings.port}, login_user: {settings.user}, login_db: {settings.database}"
        text = tasks.replace("CONNECTION", connection).replace("FOLDER", str(folder))
        (folder / "play.yml").write_text(f"- hosts: localhost\n  gather_facts: false\n  tasks:\n{text}")
        (folder / "hosts").write_text(
            f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"
        )

    return prepare


OURS_TASK = "    - titan.database.migration: {path: 'FOLDER/sql', CONNECTION}\n"
TRIVIAL_TASK = "    - community.postgresql.postgresql_query: {query: SELECT 1, CONNECTION}\n"
LOOPED_TASK = (
    "    - community.postgresql.postgresql_script: {path: '{{ item }}', CONNECTION}\n"
    "      loop: \"{{ query('fileglob', 'FOLDER/sql/*.sql') | sort }}\"\n      failed_when: false\n"
)


def peers(tools: Path) -> tuple[list[Peer], list[str]]:
    """The runners that are there, and the names of those that are not."""
    path = os.pathsep.join([str(tools / "node_modules" / ".bin"), str(tools / "alembic" / "bin"), os.environ["PATH"]])
    dbmate, sqitch, alembic = (shutil.which(name, path=path) for name in ("dbmate", "sqitch", "alembic"))
    psql = f"{embedded_programs()}/psql"
    ansible = str(Path(sys.executable).parent / "ansible-playbook")

    def ours(folder: Path, s: ConnectionSettings) -> Command:
        return [sys.executable, str(HERE / "engine.py"), f"{folder}/sql", "127.0.0.1", str(s.port), s.user, s.database]

    def playbook(folder: Path, _s: ConnectionSettings) -> Command:
        return [ansible, "-i", f"{folder}/hosts", f"{folder}/play.yml"]

    found = [
        Peer("titan.database engine", plain, ours, lambda f, s: [*ours(f, s), "status"]),
        Peer(FLOOR, plain, lambda f, s: [sys.executable, str(HERE / "floor.py"), f"{f}/sql", url(s)]),
        Peer("psql, one process", psql_script, lambda f, s: [psql, "-X", "-q", "-f", f"{f}/all.psql", url(s)]),
    ]
    if dbmate:
        base = [dbmate, "--no-dump-schema"]
        found.append(Peer("dbmate", dbmate_files, lambda f, s: [*base, "-d", f"{f}/sql", "-u", url(s) + "?sslmode=disable", "up"],
                          lambda f, s: [*base, "-d", f"{f}/sql", "-u", url(s) + "?sslmode=disable", "status"]))  # fmt: skip
    if alembic:
        found.append(Peer("Alembic", alembic_files, lambda f, s: [alembic, "-c", f"{f}/alembic.ini", "upgrade", "head"],
                          lambda f, s: [alembic, "-c", f"{f}/alembic.ini", "current"]))  # fmt: skip
    if sqitch:
        found.append(Peer("sqitch", sqitch_files, lambda f, s: [sqitch, "-C", str(f), "deploy"],
                          lambda f, s: [sqitch, "-C", str(f), "status"]))  # fmt: skip
    found.append(Peer(OURS, play(OURS_TASK), playbook))
    found.append(Peer(TRIVIAL, play(TRIVIAL_TASK), playbook))
    found.append(Peer("Ansible, postgresql_script looped", play(LOOPED_TASK), playbook, largest=100))
    missing = [name for name, program in (("dbmate", dbmate), ("Alembic", alembic), ("sqitch", sqitch)) if not program]
    return found, missing


def timed(command: Command, patience: float) -> tuple[float, float] | None:
    """Seconds and the peak MiB of its largest process, None if it did not end in time; a failure ends the benchmark."""
    env = {**os.environ, "PATH": f"{embedded_programs()}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    time_program = shutil.which("time")  # a process of ours would count its own size before the other program begins
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile("r") as peak:
        measured = [time_program, "-f", "%M", "-o", peak.name, *command] if time_program else command
        began = time.perf_counter()
        process = subprocess.Popen(measured, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True)
        late = threading.Timer(patience, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        status = process.wait()  # with a timeout it would look every 50 ms only, and every figure would be a multiple
        seconds = time.perf_counter() - began
        late.cancel()
        if status == -signal.SIGKILL:
            return None
        if status:
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read().decode()[-3000:]}")
        said = peak.read().split()
    return seconds, int(said[-1]) / 1024 if said else 0.0


def measure(cluster: Cluster, peer: Peer, count: int, patience: float) -> None:
    """One fresh run, one run without news, one status."""
    settings = make_database(cluster)
    folder = Path(tempfile.mkdtemp(prefix="titan-bench-"))
    began = time.monotonic()
    try:
        peer.prepare(folder, count, settings)
        for what, command in (("fresh", peer.apply), ("no-op", peer.apply), ("status", peer.status)):
            taken = timed(command(folder, settings), patience) if command else None
            if taken:
                peer.memory = max(peer.memory, taken[1])
                peer.times.setdefault(f"{what} {count}", []).append(taken[0])
            elif command:
                peer.largest = count - 1
                break
    finally:
        peer.spent[count] = peer.spent.get(count, 0) + time.monotonic() - began
        shutil.rmtree(folder)
        drop_database(cluster, settings.database)


def table(found: list[Peer], sizes: list[int], missing: list[str]) -> str:
    columns = [f"{what} {count}" for what in ("fresh", "no-op", "status") for count in sizes]
    lines = ["| runner | " + " | ".join(columns) + " | MiB |", "|---|" + "---|" * (len(columns) + 1)]
    smallest = next(peer for peer in found if peer.name == FLOOR)
    floor = {column: statistics.median(times) for column, times in smallest.times.items()}
    runs = max(len(times) for peer in found for times in peer.times.values())
    for peer in found:
        cells = []
        for column in columns:
            times = peer.times.get(column, [])
            seconds = statistics.median(times) if times else 0
            ratio = f" ({seconds / floor[column]:.1f}x)" if times and column in floor else ""
            fewer = f" [{len(times)}]" if len(times) < runs else ""
            cells.append(f"{seconds:.3g}{ratio}{fewer}" if times else "-")
        lines.append(f"| {peer.name} | " + " | ".join(cells) + f" | {f'{peer.memory:.0f}' if peer.memory else '-'} |")
    lines += ["", f"Wall seconds, median of {runs} runs, or of the number in square brackets; in round brackets the ratio to the smallest psycopg2 "
              "runner. A dash: no such command, or it was not run at that size because it takes minutes. MiB: the largest peak of its "
              "commands' processes (Debian package `time`).", "",
              "The engine is the package that modules and host command share, started as one Python process without Ansible. The floor is "
              "`benchmarks/migrations/floor.py`: a checksum, a lock, a lock limit and one transaction a file. Each Ansible row is a whole "
              "`ansible-playbook` run of one task on this machine.", "",
              f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}, PostgreSQL 18, fsync on, loopback TCP."]  # fmt: skip
    ours, trivial = (next((p for p in found if p.name == name), None) for name in (OURS, TRIVIAL))
    column = "no-op 100"
    if ours and trivial and column in ours.times and column in trivial.times:
        ratio = statistics.median(ours.times[column]) / statistics.median(trivial.times[column])
        lines += [
            "",
            f"One task for 100 applied files takes {ratio:.2f} times as long as a play with one trivial database task.",
        ]
    if missing:
        lines += ["", f"Not installed, so not measured: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tools", type=Path, default=ROOT / ".cache" / "benchmarks")
    parser.add_argument("--only", default="", help="part of a runner's name")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--budget", type=float, default=40.0, help="seconds for one runner at one size")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for one command")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds after which no round begins")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    found, missing = peers(given.tools)
    found = [peer for peer in found if peer.name == FLOOR or given.only.lower() in peer.name.lower()]
    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-bench-"), port=free_port(), listen=True)
    try:
        cluster.create()
        cluster.start(["max_connections=100", "shared_buffers=256MB"])
        began = time.monotonic()
        for number in range(given.runs):
            for count in sizes:
                for peer in found:
                    over = number and time.monotonic() - began > given.limit
                    if count <= peer.largest and peer.spent.get(count, 0) < given.budget and not over:
                        measure(cluster, peer, count, given.patience)
    finally:
        cluster.remove()
    text = table(found, sizes, missing)
    print(text)
    print(json.dumps({peer.name: peer.times for peer in found}))
    if given.markdown:
        given.markdown.write_text(
            "# Migrations, measured\n\nMade by `python -m benchmarks.migrations.run`.\n\n" + text, encoding="utf-8"
        )


if __name__ == "__main__":
    main()
