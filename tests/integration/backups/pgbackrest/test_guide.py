# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back to a moment with pgBackRest, by the commands of the guide."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.integration.docs.blocks import run_by

from .conftest import require_programs
from .helpers import PROGRAMS, Place, make_place


@pytest.fixture(scope="module")
def host() -> Iterator[Place]:
    require_programs()
    made = make_place()
    yield made
    made.remove()


def stand_in(place: Place) -> Path:
    """A sudo for this place: systemctl is pg_ctl, and the user postgres is whom the server runs as."""
    owner = unprivileged_user()
    become = f"setpriv --reuid={owner.pw_uid} --regid={owner.pw_gid} --clear-groups" if owner else ""
    control = f'{become} {PROGRAMS}/pg_ctl -w -D "{place.cluster.data}" -l "{place.cluster.folder}/server.log"'
    folder = place.folder / "bin"
    folder.mkdir()
    sudo = folder / "sudo"
    sudo.write_text(
        f"""#!/bin/sh
case "$1 $2" in
  "systemctl stop" | "systemctl start") exec {control} "$2" >/dev/null ;;
  "-u postgres") shift 2; exec {become} "$@" ;;
esac
exit 64
"""
    )
    sudo.chmod(0o755)
    return folder


def test_back_to_a_moment(host: Place) -> None:
    """To the first, and then, because that took too much, to a later one."""
    (block,) = run_by("tests/integration/backups/pgbackrest/test_guide.py", "docs/pgbackrest.md")
    host.prepare()
    host.backup(verify="checksum")
    moments = []
    with connect(host.settings) as database:
        database.execute("CREATE TABLE public.good (n int)")
        for number in (1, 2):
            database.execute("INSERT INTO public.good VALUES (%s)", (number,))
            moments.append(str(database.value("SELECT clock_timestamp()::text")))
            database.execute("SELECT pg_sleep(0.1)")
        database.execute("DROP TABLE public.good")
        database.execute("SELECT pg_switch_wal()")
    env = {**os.environ, "PATH": f"{stand_in(host)}:{PROGRAMS}:{os.environ['PATH']}"}
    for rows, more in ((1, ""), (2, " --target-timeline=current")):
        text = block.text
        for guide, here in {
            "/etc/pgbackrest/main.conf": str(host.config),
            "2026-11-22 01:59:00+00": moments[rows - 1],
            "psql -p 5433": f"psql -h {shlex.quote(host.cluster.socket)} -p {host.cluster.port} -U postgres",
            "--type=time": f"--type=time{more}",
        }.items():
            assert guide in text
            text = text.replace(guide, here)
        done = subprocess.run(
            ["sh", "-eu", "-c", text],
            cwd=host.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with connect(host.settings) as database:
            assert database.value("SELECT count(*) FROM public.good") == rows
            database.execute("INSERT INTO public.good VALUES (3)")
    path = host.backup().data["backup"]["path"]
    newest = host.info().data["newest_verified"]
    assert newest["path"] == path and newest["verified_level"] == "restored", "a backup of the new timeline is proven"
