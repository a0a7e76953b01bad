# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nine indexes do for the nine queries: python -m benchmarks.queries.run --scale 20 --markdown docs/benchmark-queries.md

Each round measures without the indexes, with them, and without them again (migration 0010 applied and taken back), so that
warm caches are not taken for the work of an index. The server is a throw-away one; nothing has to be installed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.migrations import (
    operation,
    options,  # noqa: E402
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete  # noqa: E402

TITAN = ROOT / "examples" / "titan"
QUERIES = sorted((TITAN / "queries").glob("[0-9]*.sql"))
# Whose rows a query asks for: the parent with the most rows, so that it has to read some.
PARAMETER = {
    "03": ("user_id", "price_alerts"), "04": ("user_id", "notifications"), "05": ("portfolio_id", "positions"),
    "06": ("user_id", "audit_logs"), "08": ("user_id", "user_sessions"), "09": ("market_id", "orders"),
}  # fmt: skip


@dataclass
class Seen:
    """One query: medians of milliseconds for each time the indexes were absent and present, and the plans.

    Attributes:
        without, having: Milliseconds, one median for each phase.
        plans: Scans of the plan without and with the indexes ("Seq Scan orders").
        buffers: Pages that one execution reads, without and with.
    """

    name: str
    without: list[float] = field(default_factory=list)
    having: list[float] = field(default_factory=list)
    plans: dict[bool, str] = field(default_factory=dict)
    buffers: dict[bool, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return median(self.without) / median(self.having)

    @property
    def spread(self) -> float:
        """How far apart the same thing was measured without the indexes; 1.0 for not at all."""
        return max(self.without) / min(self.without)

    @property
    def verdict(self) -> str:
        """What may be said. The same plan has no effect, whatever the clock says; neither has a gain inside the spread."""
        if self.plans[False] == self.plans[True]:
            return "no effect: the same plan"
        if max(self.having) < min(self.without):
            return f"{self.ratio:.1f} times faster"
        if min(self.having) > max(self.without):
            return f"{1 / self.ratio:.1f} times slower"
        return "no effect: inside the spread"


def scans(node: dict[str, Any]) -> Iterator[str]:
    """The scans of a plan, innermost last."""
    if "Index Name" in node:
        yield f"{node['Node Type']} {node['Index Name']}"
    elif "Relation Name" in node and node["Node Type"] != "Bitmap Heap Scan":
        yield f"{node['Node Type']} {node['Relation Name']}"
    for below in node.get("Plans", []):
        yield from scans(below)


def look(cursor: Any, seen: dict[str, Seen], present: bool, repeats: int) -> None:
    """One phase: plan, pages and the median time of each query."""
    for path in QUERIES:
        query = path.read_text(encoding="utf-8")
        if path.name[:2] in PARAMETER:
            column, table = PARAMETER[path.name[:2]]
            cursor.execute(f"SELECT {column} FROM public.{table} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
            query = query.replace("$1", f"'{cursor.fetchone()[0]}'")
        cursor.execute(query)  # what is read once by everybody is not the index's merit
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}")
        plan = cursor.fetchone()[0][0]["Plan"]
        times = []
        for _time in range(repeats):
            begun = time.perf_counter()
            cursor.execute(query)
            cursor.fetchall()
            times.append((time.perf_counter() - begun) * 1000)
        item = seen.setdefault(path.stem, Seen(path.stem))
        (item.having if present else item.without).append(median(times))
        item.plans[present] = ", ".join(scans(plan))
        item.buffers[present] = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def migrate(settings: ConnectionSettings, present: bool) -> None:
    """Apply migration 0010, or take it back."""
    files = [{"name": path.name, "content": path.read_text()} for path in (TITAN / "migrations").glob("0010_*")]
    wanted: dict[str, Any] = {"files": files}
    if not present:
        wanted |= {"state": "rolled_back", "target": "0", "allow_rollback": True}
    operation.migration(Call(complete(wanted, options.MIGRATION), settings, False, lambda line: None))


def measure(settings: ConnectionSettings, rounds: int, repeats: int) -> list[Seen]:
    """Rounds of absent, present, absent, on a database with the base schema."""
    seen: dict[str, Seen] = {}
    connection = psycopg2.connect(**settings.parameters())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        for _round in range(rounds):
            look(cursor, seen, False, repeats)
            migrate(settings, True)
            look(cursor, seen, True, repeats)
            migrate(settings, False)
            look(cursor, seen, False, repeats)
    connection.close()
    return list(seen.values())


def page(results: list[Seen], arguments: argparse.Namespace, version: str) -> str:
    lines = [
        "# What the nine indexes do",
        "",
        f"The nine queries of `examples/titan/queries/` at {arguments.scale:g} times the original's data, in {arguments.rounds} rounds of",
        f"indexes absent, present, absent; each figure is the median of {arguments.repeats} executions. The spread is the largest of the",
        "medians without the indexes divided by the smallest. A difference inside it is no effect, and neither is the same plan,",
        f"whatever the clock says. PostgreSQL {version}, {os.cpu_count()} cores with a load average of {os.getloadavg()[0]:.1f} at the end,",
        f"Python {platform.python_version()}. Read factors, not percents. Made by `python -m benchmarks.queries.run`.",
        "",
        "| query | without ms | with ms | spread | pages without | pages with | result | plan with the indexes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {item.name} | {median(item.without):.2f} | {median(item.having):.2f} | {item.spread:.1f} | {item.buffers[False]:,} "
        f"| {item.buffers[True]:,} | {item.verdict} | {item.plans[True]} |"
        for item in results
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1, help="times the original's data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--markdown", type=Path, help="write the page there too")
    arguments = parser.parse_args()
    from tests.conftest import embedded_programs, load_titan, start_server

    server = start_server(embedded_programs(), "autovacuum=off", "jit=off")
    try:
        settings = load_titan(server, arguments.scale)
        results = measure(settings, arguments.rounds, arguments.repeats)
        with psycopg2.connect(**settings.parameters()) as connection:
            version = str(connection.info.server_version // 10000) + f".{connection.info.server_version % 10000}"
    finally:
        server.remove()
    text = page(results, arguments, version)
    print(text)
    if arguments.markdown:
        arguments.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
