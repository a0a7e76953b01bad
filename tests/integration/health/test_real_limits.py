"""Limits that are really passed: a full file system, and a cluster whose transactions have come far."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import embedded_programs, free_port, login

MILLION = 1_000_000
# Transactions to a segment of pg_xact: 32 pages of 8 kB, four transactions to a byte.
SEGMENT = 32 * 8192 * 4


@pytest.fixture
def old_cluster(tmp_path: Path) -> Iterator[Callable[[int], Cluster]]:
    """Makes a throw-away server; called again, moves its next transaction on to so many million."""
    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-old-"), port=free_port(), listen=True)

    def at(millions: int) -> Cluster:
        if cluster.running():
            cluster.stop()
        else:
            cluster.create()
        number = millions * MILLION
        segment = Path(cluster.data, "pg_xact", f"{number // SEGMENT:04X}")
        if not segment.exists():  # the server expects the commit log of the transaction that is next
            segment.write_bytes(bytes(32 * 8192))
            status = os.stat(cluster.data)
            os.chown(segment, status.st_uid, status.st_gid)
            segment.chmod(0o600)
        cluster.run_program("pg_resetwal", "--force", f"--next-transaction-id={number}")
        # The server's own remedy would start at 200 million and be done before anybody looked.
        cluster.start([*THROW_AWAY, "autovacuum=off", "autovacuum_freeze_max_age=2000000000"])
        return cluster

    yield at
    cluster.remove()


def test_a_cluster_whose_transactions_have_come_far(
    old_cluster: Callable[[int], Cluster], call_module: Callable[..., dict[str, Any]]
) -> None:
    def found(cluster: Cluster) -> dict[str, Any]:
        result = call_module("health_info", **login(cluster.settings()), thresholds={})
        return next(each for each in result["checks"] if each["name"] == "wraparound")

    assert found(old_cluster(490))["status"] == "ok"
    warned = found(old_cluster(510))
    assert (warned["status"], 509 < warned["value"] < 511) == ("warning", True), warned
    cluster = old_cluster(1010)
    assert found(cluster)["status"] == "critical"
    # What the finding says, done for every database, mends it.
    fix = found(cluster)["fix"]
    assert re.search(r"psql -p \d+ -d (postgres|template1) -c 'VACUUM \(FREEZE\)'$", fix), fix
    for each in ("postgres", "template1"):
        connection = psycopg2.connect(**cluster.settings(each).parameters())
        connection.autocommit = True
        connection.cursor().execute("VACUUM (FREEZE)")
        connection.close()
    cleared = found(cluster)
    assert (cleared["status"], cleared["value"] < 1) == ("ok", True), cleared


MOUNTED = 'mount -t tmpfs -o size=4m,mode=0700 none "$1" && shift && exec "$@"'
LOOK = """
import json, os, subprocess, sys
command, folder = sys.argv[1:]
def look():
    done = subprocess.run([command, "health", "--by-hand", "--json", "--config", folder + "/c.json"], capture_output=True, text=True)
    return next(each for each in json.loads(done.stdout)["checks"] if each["name"] == "disk")
found = [look()]
for percent in (84, 87, 97):
    with open(folder + "/backups/fill", "wb") as stream:
        stream.write(b"x" * (4096 * 1024 * percent // 100))
    found.append(look())
os.unlink(folder + "/backups/fill")
print(json.dumps([*found, look()]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_file_system_that_fills_up(tmp_path: Path, settings: ConnectionSettings) -> None:
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a mount namespace")
    backups, program = tmp_path / "backups", tmp_path / "titan-db"
    backups.mkdir(mode=0o700)
    program.write_bytes(zipapp.build(sys.executable))
    program.chmod(0o755)
    # The server is out of reach, so that no other disk of this machine counts.
    config = {"environment": "t", "state_dir": str(backups), "jobs": {"health": {"backup_dest": str(backups)}}}
    (tmp_path / "c.json").write_text(json.dumps(config))
    env = {
        "PATH": os.environ["PATH"],
        "DB_HOST": "127.0.0.1",
        "DB_PORT": "1",
        "DB_USER": "u",
        "DB_NAME": "d",
        "DB_PASSWORD": "",
    }
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", MOUNTED, "sh", str(backups), sys.executable, "-c", LOOK, str(program), str(tmp_path)],
        capture_output=True, text=True, check=False, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["status"] for each in found] == ["ok", "ok", "warning", "critical", "ok"], found
    assert all(str(backups) in each["message"] for each in found)
    assert f"df -h {backups}" in found[3]["fix"]
