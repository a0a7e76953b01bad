# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password is in no command line and no output, whatever characters it has; and the command does what the module does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.drill_programs import drill_programs

from .helpers import damage
from .secrets import PASSWORD, CommandLines

_MEANT_FOR_THE_SOURCE = {
    "PGHOSTADDR": "127.0.0.1",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCHANNELBINDING": "require",
    "PGSSLNEGOTIATION": "direct",
    "PGSERVICE": "production",
    "PGOPTIONS": "--role=nobody",
}


@pytest.fixture
def config(guarded: ConnectionSettings, workdir: Path, dest: Path) -> Path:
    env_file, file = workdir / ".env", workdir / "titan-db.json"
    env_file.touch(mode=0o600)
    env_file.write_text(
        f"DATABASE_URL='postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{guarded.port}/postgres'\n"
    )
    options = {"dest": str(dest), "name": "guarded", "programs": drill_programs()}
    jobs = {
        "backup": {**options, "format": "plain", "keep": {"last": 2}},
        "drill": options,
        "list": {"dest": str(dest)},
    }
    file.write_text(json.dumps({"env_file": str(env_file), "jobs": jobs}))
    return file


def test_backup_drill_and_list_without_the_password_anywhere(
    config: Path, dest: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what the job's line gets from an env file that demands something of the server: a drill's own server has none of it."""
    with CommandLines() as lines:
        monkeypatch.setenv("PGREQUIREAUTH", "scram-sha-256")
        assert cli.main(["backup", "--config", str(config), "--json"]) == 0
        for name, value in _MEANT_FOR_THE_SOURCE.items():
            monkeypatch.setenv(name, value)
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
    assert "SHA-256" in said.err and "--format" in said.err


def test_a_wrong_password_is_one_clear_sentence(config: Path, dest: Path, capfd: pytest.CaptureFixture[str]) -> None:
    env_file = config.parent / ".env"
    env_file.write_text(env_file.read_text().replace("@127", "wrong@127"))
    assert cli.main(["backup", "--config", str(config)]) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and "password authentication failed" in said and "wrong" not in said
    assert list(dest.iterdir()) == []


def test_the_password_file_of_a_killed_run_is_removed(
    config: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is an hour old; that of a run that lives stays, and so do files of others."""
    folder = workdir / "tmp"
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))  # root that has acted for somebody meanwhile looks it up anew
    dead = 1 << 22 | 1  # more than a process number can be
    names = {f"titan-db-pass-{dead}-abcdefgh": 0, f"titan-db-pass-{os.getpid()}-abcdefgh": 1}
    names |= {f"titan-db-pass-{dead}-12345678": 1, "titan-db-pass-x": 1, f"other-{dead}-abcdefgh": 1}
    for name in names:
        (folder / name).mkdir(parents=True, mode=0o700)
        (folder / name / "pgpass").write_text("secret")
    for name in names:
        young = name.endswith("12345678")
        moment = time.time() - (60 if young else 7200)
        os.utime(folder / name, (moment, moment))
    assert cli.main(["backup", "--config", str(config), "--verify", "checksum"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(name for name, stays in names.items() if stays)
