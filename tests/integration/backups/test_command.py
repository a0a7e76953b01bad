# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password is in no command line and no output, whatever characters it has; and the command does what the module does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.titan.database.plugins.module_utils.titan_db import cli
from ansible_collections.titan.database.plugins.module_utils.titan_db.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils.titan_db.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils.titan_db.database import connect, sql

from tests.conftest import embedded_programs, free_port

from .helpers import SMALL, damage

PASSWORD = "p'a:s%s\\w o$r;d\"ü@/"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectionSettings]:
    """A server that asks for a password."""
    import tempfile

    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    try:
        cluster.create(passwords=True)
        cluster.start(THROW_AWAY)
        with connect(cluster.local_settings()) as admin:
            admin.execute(SMALL)
            admin.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(PASSWORD)))
        yield cluster.settings()
    finally:
        cluster.remove()


@pytest.fixture
def config(guarded: ConnectionSettings, workdir: Path, dest: Path) -> Path:
    env_file, file = workdir / ".env", workdir / "titan-db.json"
    env_file.touch(mode=0o600)
    env_file.write_text(
        f"DATABASE_URL='postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{guarded.port}/postgres'\n"
    )
    options = {"dest": str(dest), "name": "guarded", "programs": embedded_programs()}
    jobs = {
        "backup": {**options, "format": "plain", "keep": {"last": 2}},
        "drill": options,
        "list": {"dest": str(dest)},
    }
    file.write_text(json.dumps({"env_file": str(env_file), "jobs": jobs}))
    return file


class CommandLines(threading.Thread):
    """Collects the command lines of all processes while the block runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    self.seen.add(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))
                except OSError:
                    continue

    def __enter__(self) -> CommandLines:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.ended.set()
        self.join()


def test_backup_drill_and_list_without_the_password_anywhere(
    config: Path, dest: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with CommandLines() as lines:
        assert cli.main(["backup", "--config", str(config), "--json"]) == 0
        assert cli.main(["drill", "--config", str(config)]) == 0
        assert cli.main(["list", "--config", str(config), "--verify", "checksum"]) == 0
    said = capfd.readouterr()
    result = json.loads(said.out.splitlines()[0])
    assert result["backup"]["verified"]["rows"] == 4500
    assert any("pg_dump" in line for line in lines.seen) and any("psql" in line for line in lines.seen)
    hidden = (PASSWORD, quote(PASSWORD, safe=""), PASSWORD.replace("\\", "\\\\"))
    for text in (*lines.seen, said.out, said.err, *(path.read_text(errors="replace") for path in dest.glob("*.json"))):
        assert not any(secret in text for secret in hidden)


def test_the_exit_status_says_how_it_ended(config: Path, dest: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backup", "--config", str(config), "--verify", "checksum", "--check"]) == 0
    assert [path for path in dest.iterdir() if path.suffix != ".lock"] == []
    assert cli.main(["drill", "--config", str(config)]) == 1
    assert cli.main(["backup", "--config", str(config), "--verify", "checksum"]) == 0
    (path,) = dest.glob("*.sql.gz")
    damage(path)
    assert cli.main(["drill", "--config", str(config)]) == 1
    assert cli.main(["list", "--config", str(config), "--verify", "checksum"]) == 1
    assert cli.main(["backup", "--config", str(config), "--format", "tar"]) == 2
    said = capfd.readouterr()
    assert "SHA-256" in said.err and "'format'" in said.err


def test_a_wrong_password_is_one_clear_sentence(config: Path, dest: Path, capfd: pytest.CaptureFixture[str]) -> None:
    env_file = config.parent / ".env"
    env_file.write_text(env_file.read_text().replace("@127", "wrong@127"))
    assert cli.main(["backup", "--config", str(config)]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "password authentication failed" in said and "wrong" not in said
    assert list(dest.iterdir()) == []
