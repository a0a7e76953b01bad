"""Backups side by side with what people use: python -m benchmarks.backup.run --scale 20 --runs 3 --markdown docs/benchmark-backup.md

All methods dump the same Titan database of the same throw-away server (PostgreSQL 18, fsync on) to the same disk, in turn, so
that a slow moment hits all of them. CPU is that of the client programs; "server CPU" is that of the source server's backends.
Restores are timed in the first run only. Scale 20 is about 1 GB on disk; two runs of it take about ten minutes of two quiet cores.
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
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect  # noqa: E402

from tests.conftest import drop_database, embedded_programs, load_titan, start_server  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
OURS = (
    f"import sys; sys.path.insert(0, {str(ROOT / 'collections')!r})\n"
    "from ansible_collections.titan.database.plugins.module_utils._engine import cli\n"
    "sys.exit(cli.main(sys.argv[1:]))"
)


@dataclass(frozen=True)
class Measured:
    """One run: seconds, CPU seconds here and on the source server, the largest process's MB, the size in MB, restore seconds."""

    wall: float
    cpu: float
    server: float
    memory: float
    size: float
    restore: float


class Bench:
    """The source, a directory for each run, and how to start things there."""

    def __init__(self, cluster: Cluster, settings: ConnectionSettings, folder: Path) -> None:
        self.cluster, self.settings, self.folder = cluster, settings, folder
        self.env = {
            **os.environ,
            "PATH": f"{cluster.programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1", "PGPORT": str(settings.port), "PGUSER": settings.user, "PGDATABASE": settings.database,
            "DATABASE_URL": f"postgresql://{settings.user}@127.0.0.1:{settings.port}/{settings.database}",
        }  # fmt: skip

    def server_cpu(self) -> float:
        """CPU seconds of the server's processes that have ended."""
        time.sleep(0.3)
        fields = Path(f"/proc/{self.cluster.pid()}/stat").read_text().rpartition(")")[2].split()
        return sum(int(value) for value in fields[11:15]) / TICK

    def timed(self, command: list[str]) -> tuple[float, float, float, float]:
        """Wall, CPU and server CPU seconds and the peak memory in MB of one command."""
        before, began = self.server_cpu(), time.monotonic()
        process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=subprocess.DEVNULL)
        _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command}: status {process.returncode}")
        return wall, usage.ru_utime + usage.ru_stime, self.server_cpu() - before, usage.ru_maxrss / 1024

    def size(self) -> float:
        """MB of what lies in the folder, without manifests and the like."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix not in (".json", ".lock")]
        return sum(path.stat().st_size for path in files) / 1e6


def shell(text: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", text]


def ours(*arguments: str) -> list[str]:
    return [sys.executable, "-c", OURS, *arguments, "--programs", embedded_programs()]


def our_backup(*arguments: str) -> list[str]:
    return ours("backup", "--dest", ".", "--name", "b", "--globals", "no", *arguments)


OUR_RESTORE = ours("restore", "--dest", ".", "--into", "restored")
PLAIN_READ_BACK = our_backup("--format", "plain", "--verify", "checksum")
METHODS: dict[str, tuple[list[str], list[str]]] = {
    "pg_dump to /dev/null (the floor)": (shell("pg_dump > /dev/null"), []),
    "the original's way: plain, gzip, gzip -t": (
        shell("pg_dump --no-owner --no-privileges --clean --if-exists > b.sql; gzip b.sql; gzip -t b.sql.gz"),
        shell("gunzip -k b.sql.gz; psql -q -d restored < b.sql 2>/dev/null"),
    ),
    "pg_dump \\| gzip": (shell("pg_dump | gzip > b.sql.gz"), shell("gunzip -c b.sql.gz | psql -q -d restored")),
    "pg_dump -Fc": (shell("pg_dump -Fc -f b.dump"), shell("pg_restore -j2 -d restored b.dump")),
    "pg_dump -Fd -j2": (shell("pg_dump -Fd -j2 -f b.dir"), shell("pg_restore -j2 -d restored b.dir")),
    "ours, plain, read back": (PLAIN_READ_BACK, OUR_RESTORE),
    "ours, custom, read back": (our_backup("--verify", "checksum"), OUR_RESTORE),
    "ours, custom, read back, proof: redump": (our_backup("--verify", "checksum", "--proof", "redump"), []),
    "ours, plain, read back, proof: redump": (PLAIN_READ_BACK + ["--proof", "redump"], []),
    "ours, plain, restored and compared": (our_backup("--format", "plain"), []),
    "ours, custom, restored and compared": (our_backup(), []),
    "ours, custom, restored and compared, proof: redump": (our_backup("--proof", "redump"), []),
}
FLOOR, ORIGINAL, *_OTHERS = METHODS
# (what is promised, the method that shows it, the measure, to what it is compared, the ratio at most)
TARGETS = [
    ("no drill, custom: time", "ours, custom, read back, proof: redump", "wall", FLOOR, 1.25),
    ("no drill, custom: time", "ours, custom, read back, proof: redump", "wall", ORIGINAL, 0.22),
    ("no drill, custom: size", "ours, custom, read back, proof: redump", "size", ORIGINAL, 1.0),
    ("no drill, plain (gzip): time", "ours, plain, read back", "wall", ORIGINAL, 0.5),
    ("drilled and compared, custom: time", "ours, custom, restored and compared", "wall", ORIGINAL, 0.85),
]
MOST_MEMORY = 200  # MB
SIZES = "## By the database's size"


def run(bench: Bench, method: str, with_restore: bool) -> Measured:
    """One run of one method in an empty directory; the restore goes into a new database that is dropped again."""
    backup, restore = METHODS[method]
    restore = restore if with_restore else []
    shutil.rmtree(bench.folder, ignore_errors=True)
    bench.folder.mkdir(mode=0o700)
    subprocess.run(["sync"], check=True)
    with connect(bench.cluster.settings()) as admin:
        admin.execute("CHECKPOINT")
    wall, cpu, server, memory = bench.timed(backup)
    size, restored = bench.size(), 0.0
    if restore:
        if restore != OUR_RESTORE:
            with connect(bench.cluster.settings()) as admin:
                admin.execute("CREATE DATABASE restored TEMPLATE template0")
        restored = bench.timed(restore)[0]
        drop_database(bench.cluster, "restored")
    said = f", restore {restored:.2f} s" if restored else ""
    print(
        f"{method}: {wall:.2f} s, {cpu:.1f} + {server:.1f} CPU s, {memory:.0f} MB, {size:.1f} MB of file{said}",
        flush=True,
    )
    return Measured(wall, cpu, server, memory, size, restored)


def table(results: dict[str, list[Measured]]) -> list[str]:
    """The medians, and the ratios to the floor and to the original's way."""
    names = list(results)

    def median(method: str, field: str) -> float:
        return statistics.median([getattr(one, field) for one in results[method] if getattr(one, field)] or [0.0])

    floor, original = median(FLOOR, "wall"), median(ORIGINAL, "wall")
    lines = [
        "| method | wall s (least..most) | x floor | x original | CPU s | server CPU s | peak MB | size MB | restore s |"
    ]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for method in names:
        walls = [measured.wall for measured in results[method]]
        wall, restore = median(method, "wall"), median(method, "restore")
        cells = [
            method, f"{wall:.2f} ({min(walls):.2f}..{max(walls):.2f})", f"{wall / floor:.2f}", f"{wall / original:.2f}",
            f"{median(method, 'cpu'):.1f}", f"{median(method, 'server'):.1f}", f"{median(method, 'memory'):.0f}",
            f"{median(method, 'size'):.1f}" if median(method, "size") else "-", f"{restore:.2f}" if restore else "-",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def targets(results: dict[str, list[Measured]]) -> list[str]:
    """What was promised and what was measured, as far as the methods were run."""
    lines = ["", "| promised | by | at most | measured |", "| --- | --- | --- | --- |"]
    for what, method, field, other, most in TARGETS:
        if method in results:
            ours, theirs = (statistics.median(getattr(one, field) for one in results[name]) for name in (method, other))
            against = "the floor" if other == FLOOR else "the original's way"
            lines.append(f"| {what} | {method} | {most:g} x {against} | {ours / theirs:.2f} |")
    memory = [one.memory for name, runs in results.items() if name.startswith("ours") for one in runs]
    if memory:
        lines.append(f"| memory | all of ours | {MOST_MEMORY} MB | {max(memory):.0f} MB |")
    return lines


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server and the files go away then, too
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", help="methods whose name contains this, beside the floor and the original's way")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    chosen = parser.parse_args()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="titan-bench-", dir="/var/tmp"))
    print("making the server and the data ...", flush=True)
    cluster = start_server(
        embedded_programs(), "fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=off"
    )
    try:
        settings = load_titan(cluster, chosen.scale)
        with connect(settings) as database:
            mb = database.value("SELECT pg_database_size(current_database())") / 1e6
        bench = Bench(cluster, settings, folder / "run")
        wanted: Callable[[str], bool] = lambda name: not chosen.only or chosen.only in name  # noqa: E731
        methods = [name for name in METHODS if name in (FLOOR, ORIGINAL) or wanted(name)]
        results: dict[str, list[Measured]] = {name: [] for name in methods}
        for number in range(chosen.runs):
            print(
                f"run {number + 1} of {chosen.runs}, {mb:.0f} MB, {time.monotonic() - began:.0f} s so far", flush=True
            )
            for method in methods:
                results[method].append(run(bench, method, with_restore=number == 0))
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)
    lines = [*table(results), *targets(results)]
    print("\n".join(lines))
    if chosen.markdown:
        _page, sizes = parted(chosen.markdown)
        chosen.markdown.write_text("\n".join([*heading(chosen, mb), *lines, "", sizes]), encoding="utf-8")
    print(json.dumps({name: [vars(measured) for measured in runs] for name, runs in results.items()}))


def parted(page: Path) -> tuple[str, str]:
    """The page up to the section by size, which benchmarks.backup.sizes writes, and that section; both empty if there is none."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before, found, section = text.partition(f"{SIZES}\n")
    return before, found + section


def heading(chosen: argparse.Namespace, mb: float) -> list[str]:
    zstd, pigz = (("with" if shutil.which(name) else "without") for name in ("zstd", "pigz"))
    return [
        "# Backups side by side",
        "",
        f"Titan at scale {chosen.scale:g}, {mb:.0f} MB on disk; PostgreSQL 18, fsync on; {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; {zstd} zstd, {pigz} pigz. Medians of {chosen.runs} run(s), caches warm, methods in turn.",
        "",
        f"    python -m benchmarks.backup.run --scale {chosen.scale:g} --runs {chosen.runs} --markdown docs/benchmark-backup.md",
        "",
        '"x floor" is the ratio to `pg_dump` into nothing, "x original" to the script this collection replaces. "Restored and '
        'compared" is the whole proof: a throw-away cluster, the restore, every row, the schema and the sequences. CPU is that of '
        "the programs here, without the throw-away cluster's server; server CPU is the source's, so what a method takes from "
        "production beyond the floor's: `proof: redump` takes next to nothing. Our restore compares, too. The floor keeps one core "
        "busy; on two, compressing and hashing the rows take more CPU than is left, so `proof: redump` is what is held to the floor.",
        "",
    ]


if __name__ == "__main__":
    main()
