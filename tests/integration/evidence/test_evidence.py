# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed evidence of a year, checked by its schema and by OpenSSH itself; one altered byte is found."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.evidence.operation import evidence
from ansible_collections.titan.database.plugins.module_utils._engine.evidence.shape import schema
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call

DAY = 86400.0
pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="needs ssh-keygen (Debian package openssh-client)"
)


class Host:
    """An environment with a year of runs, one of which failed, and a key in a path with a space."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key, self.out = folder, folder / "the key", folder / "evidence 1.txt"
        state, now = folder / "state", time.time()
        state.mkdir(mode=0o700)
        runs: list[dict[str, Any]] = [
            {
                "job": "backup",
                "run": "b",
                "start": now - day * DAY,
                "seconds": 60.0,
                "status": int(day == 3),
                "message": "no\nroom",
            }
            for day in range(400, 0, -1)
        ]
        cleanup = {"job": "cleanup", "run": "c", "start": now - 100, "seconds": 1.0, "status": 0, "message": ""}
        runs.append({**cleanup, "policies": {"<logs>": [10, 9]}, "result": {"titan_db_rows_deleted": 9}})
        (state / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
        alert = {"state": "failed", "reason": "no room", "sent": now - 3 * DAY, "delivered": True}
        (state / "backup.json").write_text(json.dumps({"runs_total": 400, "failures_total": 1, "alert": alert}))
        (folder / "backups").mkdir()
        config = {
            "environment": "production",
            "state_dir": str(state),
            "jobs": {"backup": {"dest": str(folder / "backups")}},
        }
        (folder / "c.json").write_text(json.dumps(config))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.signers = folder / "signers"
        self.signers.write_text(f"dba@example.com {(folder / 'the key.pub').read_text()}")

    def make(self, **more: Any) -> Any:
        options = {"job_config": str(self.folder / "c.json"), "key": str(self.key), "out": str(self.out)}
        return evidence(Call({**options, **more}))

    def check(self, path: Path | None = None) -> Any:
        return evidence(Call({"verify": str(path or self.out), "signers": str(self.signers)}))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_evidence_of_a_year_holds_by_its_schema_and_by_openssh(host: Host) -> None:
    host.make()
    assert host.out.stat().st_mode & 0o777 == 0o640
    done = host.check()
    found = done.data["evidence"]
    assert "is as dba@example.com signed it: production on" in done.summary and "365 runs (1 failed)" in done.summary
    jsonschema.validate(found, schema(), cls=jsonschema.Draft202012Validator)
    [failed] = [run for run in found["runs"] if run["status"]]
    assert failed["message"] == "no room" and found["alerts"][0]["delivered"] is True
    assert found["runs"][-1]["deletions"] == [{"policy": "<logs>", "due": 10, "done": 9}]
    assert not any("Of runs" in each for each in found["limits"]), "they go back far enough"
    assert any(
        "the oldest is of" in each for each in host.make(since="2020-01-01", out=f"{host.folder}/2").data["limits"]
    )
    content, begin, rest = host.out.read_text().rpartition("-----BEGIN SSH SIGNATURE-----\n")
    (host.folder / "sig").write_text(begin + rest)
    judge = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        host.signers,
        "-I",
        "dba@example.com",
        "-n",
        "titan-db-evidence",
        "-s",
        host.folder / "sig",
    ]
    assert subprocess.run(judge, input=content.encode(), capture_output=True, check=False).returncode == 0
    assert subprocess.run(judge, input=content.encode() + b" ", capture_output=True, check=False).returncode != 0


def test_one_altered_byte_makes_it_fail(host: Host) -> None:
    host.make()
    whole, altered = host.out.read_bytes(), host.folder / "altered"
    begin = whole.index(b"-----BEGIN SSH")
    places = [0, begin - 1, begin, begin + 30, begin + 100, len(whole) - 40, len(whole) - 1]
    places += [random.Random(7).randrange(len(whole)) for _number in range(15)]
    for place in places:
        altered.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(TitanError, match="cannot be relied on"):
            host.check(altered)
    for text in (
        whole + b"\n",
        whole[:-1],
        b" " + whole,
        whole[:begin],
        b"",
        whole.replace(b"\n-----END", b"\n\n-----END"),
    ):
        altered.write_bytes(text)
        with pytest.raises(TitanError, match="cannot be relied on"):
            host.check(altered)
    host.check()


def test_a_key_that_nobody_allows_and_options_that_cannot_be_used(host: Host) -> None:
    host.make()
    with pytest.raises(OptionError, match="exists already"):
        host.make()
    other = host.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret-phrase", "-f", other], check=True)
    with pytest.raises(OptionError, match="without a passphrase"):
        host.make(key=str(other), out=f"{host.folder}/2")
    assert not (host.folder / "2").exists()
    host.signers.write_text(f"somebody {(host.folder / 'other.pub').read_text()}")
    with pytest.raises(TitanError, match="signed by a key that .* does not name"):
        host.check()
    for wrong in (
        {"since": "yesterday"},
        {"since": "2999-01-01"},
        {"out": f"{host.folder}/none/x"},
        {"key": f"{host.folder}/none"},
    ):
        with pytest.raises(OptionError):
            host.make(**{"out": f"{host.folder}/3", **wrong})
