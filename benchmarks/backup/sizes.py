"""Whether cost grows in a line with the database: python -m benchmarks.backup.sizes --scales 2.5 25 125 --markdown docs/benchmark-backup.md

The methods of benchmarks.backup.run on Titan databases of several sizes, each method in turn on each size. Scale 25 is about
1 GB on disk. "By hand" is a dump by pg_dump -Fc and its restore by pg_restore -j 2 into the same server.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .run import (
    FLOOR,
    METHODS,
    SIZES,
    Bench,
    Measured,
    connect,
    drop_database,
    embedded_programs,
    load_titan,
    our_backup,
    parted,
    run,
    start_server,
)

BY_HAND, REDUMP = "pg_dump -Fc", "ours, custom, read back, proof: redump"
RESTORED = "ours, custom, restored and compared"


@dataclass(frozen=True)
class Size:
    """What was measured of one database, in seconds and MB."""

    mb: float
    floor: float
    by_hand: float
    redump: float
    restored: float
    room: float
    memory: float

    def line(self) -> str:
        """Of the table."""
        cells = [
            f"{self.mb:.0f}", f"{self.floor:.1f}", f"{self.by_hand:.1f}", f"{self.redump:.1f}", f"{self.redump / self.floor:.2f}",
            f"{self.restored:.1f}", f"{self.restored / self.by_hand:.2f}", f"{1000 * self.restored / self.mb:.1f}",
            f"{self.room / self.mb:.2f}", f"{self.memory:.0f}",
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"


HEAD = (
    "| database MB | pg_dump into nothing, s | by hand, s | redump, s | x pg_dump | restored, s | x by hand | s for each GB | "
    "the drill's room, x database | peak MB |"
)


def bytes_below(folder: Path) -> int:
    """What the files below the folder take on disk; files may come and go meanwhile."""
    total = 0
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except OSError:
                continue
    return total


def with_room(folder: Path, work: Callable[[], Measured]) -> tuple[Measured, float]:
    """What the work has measured, and the MB that the folder took at most."""
    ended, most = threading.Event(), [0]

    def watch() -> None:
        while not ended.wait(0.1):
            most[0] = max(most[0], bytes_below(folder))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return work(), most[0] / 1e6
    finally:
        ended.set()
        watcher.join()


def measure(bench: Bench, drills: Path, mb: float, runs: int) -> Size:
    """The medians of one database."""
    METHODS[RESTORED] = (our_backup("--drill-dir", str(drills)), [])
    found: dict[str, list[Measured]] = {FLOOR: [], BY_HAND: [], REDUMP: [], RESTORED: []}
    rooms = []
    for _run in range(runs):
        for method in (FLOOR, BY_HAND, REDUMP):
            found[method].append(run(bench, method, with_restore=method == BY_HAND))
        measured, room = with_room(drills, lambda: run(bench, RESTORED, with_restore=False))
        found[RESTORED].append(measured)
        rooms.append(room)
    wall = {method: statistics.median(each.wall + each.restore for each in all_of) for method, all_of in found.items()}
    memory = max(each.memory for method in (REDUMP, RESTORED) for each in found[method])
    return Size(mb, wall[FLOOR], wall[BY_HAND], wall[REDUMP], wall[RESTORED], max(rooms), memory)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the server and the files go away then, too
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=float, nargs="+", default=[2.5, 25, 125])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument(
        "--markdown", type=Path, help="put the section into this page, in the place of the one that is there"
    )
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="titan-bench-", dir="/var/tmp"))
    folder.chmod(0o755)  # root's throw-away clusters run as somebody else
    drills = folder / "drills"
    drills.mkdir(mode=0o755)
    lines = [HEAD, f"|{' --- |' * HEAD.count(' |')}"]
    cluster = start_server(
        embedded_programs(), "fsync=on", "synchronous_commit=on", "full_page_writes=on", "autovacuum=off"
    )
    try:
        for scale in chosen.scales:
            settings = load_titan(cluster, scale)
            with connect(settings) as database:
                mb = database.value("SELECT pg_database_size(current_database())") / 1e6
            lines.append(measure(Bench(cluster, settings, folder / "run"), drills, mb, chosen.runs).line())
            print("\n".join(lines), flush=True)
            drop_database(cluster, settings.database)
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)
    if chosen.markdown:
        page, _old = parted(chosen.markdown)
        chosen.markdown.write_text("\n".join([page.rstrip(), "", *heading(chosen), *lines, ""]), encoding="utf-8")


def heading(chosen: argparse.Namespace) -> list[str]:
    command = f"python -m benchmarks.backup.sizes --scales {' '.join(f'{scale:g}' for scale in chosen.scales)} --runs {chosen.runs}"
    return [
        SIZES,
        "",
        f"Titan; PostgreSQL 18, fsync on; {os.cpu_count()} cores, load average {os.getloadavg()[1]:.0f}, Python "
        f"{platform.python_version()}. Medians of {chosen.runs} run(s), methods in turn.",
        "",
        f"    {command} --markdown docs/benchmark-backup.md",
        "",
        '"By hand" is `pg_dump -Fc` and `pg_restore -j 2`; "redump" is a backup with `proof: redump` that is read back and not '
        'drilled; "restored" is the whole proof, of the rows, too. The drill\'s room is what its directory took at most, with the '
        "throw-away cluster's own 128 MB. Where other work loads the machine, only the ratios within a line say something.",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
