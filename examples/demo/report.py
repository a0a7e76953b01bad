# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of make demo: read back from the database, the backup's manifest and the crontab file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import (
    newest_verified,
    read_catalog,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

WIDTH = 100
END = """Look around: .demo/ holds all of it, .demo/psql opens the database, .demo/README.md has the guides' commands for it.
Remove it with: make demo-clean
The report as a page: .demo/report.html"""


def render(demo: Path, cluster: Cluster, database: str, results: dict[str, Any]) -> str:
    """The whole table as text; results holds what the two converges and the two jobs returned."""
    with connect(cluster.local_settings(database)) as db:
        migrations, indexes = _migrations(db), _indexes(db)
        retention = _retention(db, results["cleanup"])
    parts = [
        "",
        "=" * WIDTH,
        " What is true now, read back from the database, the backup and the crontab",
        "=" * WIDTH,
        _section("Migrations applied", ("version", "name", "state", "took"), migrations),
        _section("The nine indexes of 0010", ("index", "on table", "state", "size"), indexes),
        _section("Retention", ("table", "due", "deleted", "left of it", "rows now"), retention, numbers=True),
        _backup(demo),
        _schedule(demo, results["schedule"]),
        _converges(results),
    ]
    return "\n".join(parts)


def of_the_copy(then: dict[str, Any]) -> str:
    """What the copy that proved the backup has shown, too: the next release, and the nine queries without the indexes and with them."""
    rehearsed = [
        (f"{each['file']}:{each['line']}", f"{each['seconds'] * 1000:.0f} ms", textwrap.shorten(each["text"], 60))
        for each in then["rehearse"]["statements"]
        if each["line"] and not each["file"].endswith(".down.sql")
    ]
    measured = [
        (each["name"], f"{each['without_ms']:.2f}", f"{each['with_ms']:.2f}", each["result"])
        for each in then["measure"]["queries"]
    ]
    passed = "passed, taken back, and passed again" if then["rehearse"]["rolled_back"] else "passed"
    return "\n".join(
        [
            _section(
                f"The next release, rehearsed on the backup's copy: {passed}", ("statement", "took", ""), rehearsed
            ),
            _section(
                "The nine queries there, without the indexes of 0010 and with them",
                ("query", "without ms", "with ms", "verdict"),
                measured,
            ),
        ]
    )


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], numbers: bool = False) -> str:
    cells = [
        tuple(header),
        *(tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in rows),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        aligned = (
            cell.rjust(width) if numbers and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "   " + "   ".join(aligned).rstrip()

    rule = "   " + "   ".join("-" * width for width in widths)
    return "\n".join([title, line(cells[0]), rule, *map(line, cells[1:]), ""])


def _migrations(db: Database) -> list[tuple[str, str, str, str]]:
    rows = db.rows("SELECT version, name, outcome, milliseconds FROM titan_ops.migration_history ORDER BY id")
    return [(row["version"], row["name"], row["outcome"], f"{row['milliseconds']} ms") for row in rows]


def _indexes(db: Database) -> list[tuple[str, str, str, str]]:
    """What the history recorded for each index, confirmed by the catalog: a built one must be there and valid."""
    recorded = db.value(
        "SELECT details -> 'indexes' FROM titan_ops.migration_history WHERE version = '0010' ORDER BY id DESC"
    )
    valid = {
        row["name"]: row["size"]
        for row in db.rows(
            "SELECT c.relname AS name, pg_size_pretty(pg_relation_size(c.oid)) AS size "
            "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indisvalid"
        )
    }
    rows = []
    for index in recorded:
        if index["duplicate_of"]:
            state = f"left out: exact duplicate of {index['duplicate_of']}"
        else:
            state = "built, valid" if index["name"] in valid else "MISSING"
        rows.append((index["name"], index["table"], state, valid.get(index["name"], "")))
    return rows


def _retention(db: Database, cleanup: dict[str, Any]) -> list[tuple[str, int, int, int, int]]:
    left = {row["table_name"]: row for row in db.rows("SELECT * FROM public.cleanup_statistics")}
    rows: dict[str, list[int]] = {}
    for result in cleanup["results"]:
        table = result["table"].rpartition(".")[2]
        sums = rows.setdefault(table, [0, 0])
        sums[0] += result["due"]
        sums[1] += result["deleted"]
    return [
        (table, due, deleted, left[table]["rows_to_delete"], left[table]["total_rows"])
        for table, (due, deleted) in rows.items()
    ]


def _backup(demo: Path) -> str:
    entry = newest_verified(read_catalog(str(demo / "backups"), verify="checksum"))
    if entry is None or entry.manifest is None:
        return "Backup\n   NONE IS VERIFIED\n"
    tables = entry.manifest.fingerprint.tables
    return "\n".join(
        [
            "Backup",
            f"   .demo/backups/{Path(entry.path).name}, {entry.size:,} bytes",
            f"   proof: restored into a throw-away cluster and compared: {len(tables)} tables,"
            f" {sum(table.rows for table in tables):,} rows, equal",
            f"   sha256 {entry.sha256[:16]}... read back now: equal",
            "",
        ]
    )


def _schedule(demo: Path, jobs: Sequence[dict[str, Any]]) -> str:
    """Each line as it is installed (a comment above each line names its job), with its next runs."""
    lines = (demo / "crontab").read_text(encoding="utf-8").splitlines()
    installed = {above.removeprefix("# "): line for above, line in pairwise(lines) if above.startswith("# ")}
    text = ["Schedule, in .demo/crontab (your own crontab is untouched)"]
    for job in sorted(jobs, key=lambda job: list(installed).index(job["name"])):
        text.append(f"   {job['name']} ({job['schedule']}), next: {', '.join(job['runs'])}")
        wrapped = textwrap.wrap(installed[job["name"]], WIDTH - 6, break_long_words=False, break_on_hyphens=False)
        text += [" " * 6 + part for part in wrapped]
    return "\n".join([*text, ""])


def _converges(results: dict[str, Any]) -> str:
    rows = [
        (name, f"ok={run['ok']}", f"changed={run['changed']}", f"failed={run['failed']}", f"{run['seconds']} s")
        for name, run in (("first", results["first"]), ("second", results["again"]))
    ]
    return _section("ansible-playbook site.yml -l demo", ("run", "", "", "", ""), rows)


def save(demo: Path, text: str, results: dict[str, Any]) -> None:
    """Keep the table and the results for whoever looks later."""
    (demo / "result.txt").write_text(text + "\n", encoding="utf-8")
    (demo / "result.json").write_text(json.dumps(results, indent=1, default=str) + "\n", encoding="utf-8")
