"""How long what has grown takes: python -m benchmarks.scale.run

Backups by the thousand are listed and removed, thousands of migrations are found to be applied, hundreds of policies to be
stored, and one crontab serves many environments. Each line is the processor time of this process and the time on the clock,
beside the target on a quiet machine.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_catalog  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.backups.keep.plan import KeepPlan  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.backups.keep.removal import remove_backups  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.operation import crontab  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.options import CRONTAB  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.operation import migration  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.retention.declaration import retention_policy  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.retention.options import RETENTION_POLICY  # noqa: E402
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete  # noqa: E402

from tests.conftest import embedded_programs, make_database, start_server  # noqa: E402

BACKUPS, REMOVED, MIGRATIONS, POLICIES = 5_000, 2_600, 10_000, 300
ENVIRONMENTS, JOBS = 60, 6
TABLES = 20  # in each manifest


def measured(what: str, target: float, action: Callable[[], Any]) -> Any:
    """Run the action, print what it took, and return its result."""
    clock, processor = time.perf_counter(), time.process_time()
    result = action()
    took = (time.process_time() - processor, time.perf_counter() - clock)
    print(f"{what:44} processor {took[0]:6.2f} s   clock {took[1]:6.2f} s   target {target:g} s", flush=True)
    return result


def manifest(name: str, started: datetime) -> dict[str, Any]:
    moment = started.strftime("%Y-%m-%dT%H:%M:%SZ")
    tables = [{"schema": "public", "name": f"t{number}", "rows": 1000, "hash": "1"} for number in range(TABLES)]
    return {
        "format_version": 2, "file": name, "name": "t", "database": "t", "system_identifier": "1", "started": moment,
        "finished": moment, "format": "custom", "compression": "zstd", "size": 10, "sha256": "0" * 64, "tables": tables,
        "large_objects": {"count": 0, "hash": "0"}, "row_hash": "columns",
        "verified": {"level": "restored", "at": moment, "problem": ""},
    }  # fmt: skip


def backups(folder: Path) -> None:
    """One backup each four hours."""
    newest = datetime.now(timezone.utc)
    for number in range(BACKUPS):
        started = newest - timedelta(hours=4 * number)
        name = f"t_{started:%Y%m%d_%H%M%S}.dump.zst"
        (folder / name).write_bytes(b"0123456789")
        (folder / f"{name}.json").write_text(json.dumps(manifest(name, started)))
    entries = measured(f"{BACKUPS:,} backups listed", 1.0, lambda: read_catalog(str(folder)))
    if len(entries) != BACKUPS or any(entry.problem for entry in entries):
        raise SystemExit(f"the backups are not what they should be: {entries[0]}")
    removed = measured(
        f"{REMOVED:,} backups removed", 5.0, lambda: remove_backups(KeepPlan(remove=tuple(entries[-REMOVED:])))
    )
    if len(removed) != REMOVED:
        raise SystemExit("not all were removed")


def migrations(settings: ConnectionSettings) -> None:
    """As many files that are all applied; baselined, because applying them is not what is measured."""
    files = [{"name": f"{number:05}_t.sql", "content": f"SELECT {number};\n"} for number in range(1, MIGRATIONS + 1)]
    given = {"files": files}
    migration(Call(complete(given, MIGRATION), settings))
    outcome = measured(
        f"{MIGRATIONS:,} migrations, none pending", 1.5, lambda: migration(Call(complete(given, MIGRATION), settings))
    )
    if outcome.changed:
        raise SystemExit("they were applied again")


def policies(settings: ConnectionSettings) -> None:
    with connect(settings, fixed_settings=False) as database:
        for first in range(0, POLICIES, 20):
            database.execute("; ".join(
                f"CREATE TABLE p{number} (id int PRIMARY KEY, at timestamptz NOT NULL, kind text)" for number in range(first, first + 20)
            ))  # fmt: skip
    given = {
        "policies": [
            {"table": f"public.p{number}", "column": "at", "keep": "90d", "where": {"column": "kind", "in": ["a", "b"]}}
            for number in range(POLICIES)
        ]
    }
    retention_policy(Call(complete(given, RETENTION_POLICY), settings))
    outcome = measured(
        f"{POLICIES} policies, unchanged",
        1.0,
        lambda: retention_policy(Call(complete(given, RETENTION_POLICY), settings)),
    )
    if outcome.changed:
        raise SystemExit("they were stored again")


def crontabs(folder: Path) -> None:
    """The jobs of many environments in one crontab; another run changes nothing."""
    path = str(folder / "crontab")
    user = pwd.getpwuid(os.geteuid()).pw_name

    def converge() -> list[bool]:
        return [
            crontab(Call(complete(_crontab_of(f"e{number}", path, user), CRONTAB))).changed
            for number in range(ENVIRONMENTS)
        ]

    if not all(measured(f"{ENVIRONMENTS} environments, new in one crontab", 1.0, converge)):
        raise SystemExit("an environment was there already")
    if any(measured(f"{ENVIRONMENTS} environments, unchanged", 1.0, converge)):
        raise SystemExit("they were written again")


def _crontab_of(name: str, path: str, user: str) -> dict[str, Any]:
    jobs = [
        {
            "name": f"job{number}",
            "schedule": f"{number} 2 * * *",
            "command": f"/usr/local/bin/titan-db backup --config /etc/titan-db/{name}.json",
            "log": f"/var/log/{name}.log",
        }
        for number in range(JOBS)
    ]
    return {"name": name, "cron_file": path, "user": user, "jobs": jobs}


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="titan-scale-", dir="/var/tmp"))
    server = start_server(embedded_programs())
    try:
        backups(folder)
        crontabs(folder)
        policies(make_database(server))
        migrations(make_database(server))
    finally:
        server.remove()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
