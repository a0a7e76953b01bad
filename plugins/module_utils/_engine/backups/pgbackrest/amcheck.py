# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every table and B-tree index of a restored cluster, read and checked by pg_amcheck."""

from __future__ import annotations

import os
from typing import Any

from ...errors import TitanError
from ...host.programs import run
from ...postgres.cluster import Cluster
from ...postgres.database import connect, sql
from ...postgres.programs import Programs
from ..programs.pgbackrest import plain


def _turn_off_event_triggers(cluster: Cluster, superuser: str) -> None:
    """One that forbids changes of definitions would forbid the extension amcheck in the copy."""
    with connect(cluster.settings("postgres", superuser), "drill") as server:
        names = [row["name"] for row in server.rows("SELECT datname::text AS name FROM pg_database WHERE datallowconn")]
    for name in names:
        with connect(cluster.settings(name, superuser), "drill") as database:
            for row in database.rows("SELECT evtname::text AS name FROM pg_event_trigger WHERE evtenabled <> 'D'"):
                database.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(row["name"])))


def amcheck_problem(cluster: Cluster, programs: Programs, superuser: str, jobs: int) -> str:
    """What pg_amcheck finds in any database of the restored cluster; empty for nothing.

    Every table and B-tree index is read and checked. The extension amcheck is installed in the copy for that.

    Raises:
        TitanError: it could not do its work.
    """
    _turn_off_event_triggers(cluster, superuser)
    options: dict[str, Any] = {"capture_output": True, "cwd": "/", **cluster.identity()}
    done = run(
        [
            programs.path("pg_amcheck"), f"--host={cluster.socket}", f"--port={cluster.port}", f"--username={superuser}",
            f"--jobs={jobs}", "--all", "--install-missing",
        ],
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}, **options,
    )  # fmt: skip
    said = plain((done.stdout + b"\n" + done.stderr).decode(errors="replace"))
    if done.returncode == 0:
        return ""
    if done.returncode == 2:
        return f"pg_amcheck found damage: {said}"
    raise TitanError(f"pg_amcheck could not check the restored cluster: {said}", of_the_backup="extension" not in said)
