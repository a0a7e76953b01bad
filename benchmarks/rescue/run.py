"""Lost rows and one lost table: python -m benchmarks.rescue.run --scale 20 --markdown docs/benchmark-rescue.md

Portfolios of the Titan database are deleted, and what hangs on them goes with them in five tables; titan-db rescue gets it back from a
proven backup. What it takes is compared with the bare restore of that backup by pg_restore. Afterwards each table's rows hash as before.
Scale 20 is about 800 MB on disk, and takes some five minutes of two quiet cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.backup.run import (
    Bench,
    connect,
    drop_database,
    embedded_programs,
    load_titan,
    our_backup,
    ours,
    shell,
    start_server,
)

LOST = 50_000
MOST, MOST_MEMORY = 1.5, 150  # x the bare restore; MB
_TABLES = """
SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'r' AND nspname = 'public' ORDER BY 1
"""
_SHARE = "SELECT greatest(1, (SELECT sum(reltuples) FROM pg_class WHERE relname = ANY(%s))::bigint / %s)"
_WITH_PORTFOLIOS = ["portfolios", "positions", "orders", "trades", "strategy_executions", "portfolio_snapshots"]


def content(bench: Bench) -> dict[str, str]:
    """Each table's number of rows and the sum of the hashes of their text, by PostgreSQL itself."""
    with connect(bench.settings) as database:
        names = [row["name"] for row in database.rows(_TABLES)]
        query = "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {} t"
        return {name: str(database.value(query.format(name))) for name in names}


def lose(bench: Bench) -> dict[str, int]:
    """Delete about LOST rows; how many went from each table."""
    with connect(bench.settings) as database:
        database.execute("ANALYZE")
        every = database.value(_SHARE, (_WITH_PORTFOLIOS, LOST))
        count = {name: database.value(f"SELECT count(*) FROM public.{name}") for name in _WITH_PORTFOLIOS}
        database.execute(f"DELETE FROM public.portfolios WHERE hashtextextended(id::text, 0) % {every} = 0")
        return {name: count[name] - database.value(f"SELECT count(*) FROM public.{name}") for name in _WITH_PORTFOLIOS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="write the page here")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="titan-bench-", dir="/var/tmp"))
    folder.chmod(0o755)  # root's throw-away clusters run as somebody else
    cluster = start_server(embedded_programs(), "fsync=on", "synchronous_commit=on", "full_page_writes=on")
    try:
        bench = Bench(cluster, load_titan(cluster, chosen.scale), folder / "run")
        bench.folder.mkdir(mode=0o700)
        lines = page(bench, chosen)
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(lines))
    if chosen.markdown:
        chosen.markdown.write_text("\n".join([*lines, ""]), encoding="utf-8")


def page(bench: Bench, chosen: argparse.Namespace) -> list[str]:
    """What was measured.

    Raises:
        SystemExit: the rows are not as before.
    """
    with connect(bench.settings) as database:
        mb = database.value("SELECT pg_database_size(current_database())") / 1e6
    bench.timed(our_backup("--verify", "checksum", "--compression", "gzip"))
    before = content(bench)
    drills = bench.folder.parent / "drills"
    drills.mkdir(mode=0o755)
    common = ["--dest", ".", "--drill-dir", str(drills)]
    rescue = ours("rescue", *common, "--record-dir", "rescued", "--tables", "portfolios")
    bare, plans, rescues, tables, memory = [], [], [], [], 0.0
    for _run in range(chosen.runs):
        with connect(bench.cluster.settings()) as admin:
            admin.execute("CREATE DATABASE restored TEMPLATE template0")
        bare.append(bench.timed(shell("pg_restore -j2 -d restored b_*.dump"))[0])
        drop_database(bench.cluster, "restored")
        lost = lose(bench)
        for taken, command in ((plans, [*rescue, "--check"]), (rescues, rescue)):
            wall, _cpu, _server, most = bench.timed(command)
            taken.append(wall)
            memory = max(memory, most)
        if content(bench) != before:
            sys.exit("the rows are not as before the loss")
        wall, _cpu, _server, most = bench.timed(ours("restore", *common, "--tables", "orders"))
        tables.append(wall)
        memory = max(memory, most)
        with connect(bench.settings) as database:
            for row in database.rows(_TABLES):
                if "_restored_" in row["name"]:
                    database.execute(f"DROP TABLE {row['name']}")
    floor = min(bare)
    return [
        "# Getting rows and a table back",
        "",
        f"Titan at scale {chosen.scale:g}, {mb:.0f} MB on disk; PostgreSQL 18, fsync on; {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, load average {os.getloadavg()[1]:.0f}. The best of {chosen.runs} run(s), caches warm. Where other "
        "work loads the machine, only the ratios say something.",
        "",
        f"    python -m benchmarks.rescue.run --scale {chosen.scale:g} --runs {chosen.runs} --markdown docs/benchmark-rescue.md",
        "",
        f"{sum(lost.values())} rows went by one DELETE and its cascade ({', '.join(f'{name} {rows}' for name, rows in lost.items())}). "
        "Afterwards each table hashes as before.",
        "",
        "| what | s | x the bare restore | at most |",
        "| --- | --- | --- | --- |",
        f"| pg_restore -j2 into the same server | {floor:.1f} | 1.00 | |",
        f"| rescue --check: the tables are restored and compared | {min(plans):.1f} | {min(plans) / floor:.2f} | {MOST} |",
        f"| rescue: the same, and the rows put back | {min(rescues):.1f} | {min(rescues) / floor:.2f} | {MOST} |",
        f"| restore --tables orders, beside the live one | {min(tables):.1f} | {min(tables) / floor:.2f} | |",
        f"| memory of the largest of our processes, MB | {memory:.0f} | | {MOST_MEMORY} |",
    ]


if __name__ == "__main__":
    main()
