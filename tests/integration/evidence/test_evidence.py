# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed evidence of a year, checked by its schema and by OpenSSH itself; one altered byte is found."""

from __future__ import annotations

import base64
import json
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
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = 86400.0
SECRETS = {"ssh-keygen": "the key", "minisign": "the key.mini", "signify-openbsd": "the key.sec"}
PUBLIC = {"ssh-keygen": "the key.pub", "minisign": "the key.mini.pub", "signify-openbsd": "the key.pub"}


def need(program: str) -> str:
    if shutil.which(program) is None:
        package = {"ssh-keygen": "openssh-client"}.get(program, program)
        pytest.skip(f"needs {program} (Debian package {package})")
    return program


def make_key(program: str, secret: Path, public: Path) -> None:
    making = {
        "ssh-keygen": ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", secret],
        "minisign": ["minisign", "-G", "-W", "-s", secret, "-p", public],
        "signify-openbsd": ["signify-openbsd", "-G", "-n", "-c", "the auditor's", "-s", secret, "-p", public],
    }
    subprocess.run(making[program], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module", params=sorted(SECRETS))
def program(request: pytest.FixtureRequest) -> str:
    return need(request.param)


class Host:
    """An environment with a year of runs, one of which failed, and a key in a path with a space."""

    def __init__(self, folder: Path, program: str = "ssh-keygen") -> None:
        self.folder, self.key, self.out = folder, folder / SECRETS[program], folder / "evidence 1.txt"
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
        make_key(program, self.key, folder / PUBLIC[program])
        self.signers = folder / "signers"
        who = "dba@example.com " if program == "ssh-keygen" else ""
        self.signers.write_text(who + (folder / PUBLIC[program]).read_text())

    def make(self, **more: Any) -> Any:
        options = {"job_config": str(self.folder / "c.json"), "key": str(self.key), "out": str(self.out)}
        return evidence(Call({**options, **more}))

    def check(self, path: Path | None = None) -> Any:
        return evidence(Call({"verify": str(path or self.out), "signers": str(self.signers)}))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    need("ssh-keygen")
    return Host(tmp_path)


@pytest.fixture(scope="module")
def signed(program: str, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Evidence, signed by each program."""
    made = Host(tmp_path_factory.mktemp("signed"), program)
    made.make()
    return made


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


def altered(whole: bytes, kind: str, place: int, other: int, byte: int) -> bytes:
    """One change: a byte that is another one, one more or one less, or two that have changed places."""
    if kind == "changed":
        return whole[:place] + bytes([byte]) + whole[place + 1 :]
    if kind == "inserted":
        return whole[:place] + bytes([byte]) + whole[place:]
    if kind == "removed":
        return whole[:place] + whole[place + 1 :]
    low, high = sorted((place, other))
    if low == high:
        return whole
    return whole[:low] + whole[high : high + 1] + whole[low + 1 : high] + whole[low : low + 1] + whole[high + 1 :]


@settings(max_examples=60)
@given(
    st.sampled_from(("changed", "inserted", "removed", "swapped")), st.booleans(), st.integers(0, 10**9),
    st.integers(0, 10**9), st.sampled_from(b" \n\r\t\0=A/+\xff\x80-:u0") | st.integers(0, 255),
)  # fmt: skip
def test_one_altered_byte_makes_it_fail(
    signed: Host, kind: str, near_the_end: bool, place: int, other: int, byte: int
) -> None:
    """Also in the signature, which could be written in other ways; what is as it was signed is never refused."""
    whole, path = signed.out.read_bytes(), signed.folder / "altered"
    first = whole.rindex(b"\n}\n") if near_the_end else 0
    text = altered(whole, kind, *(first + each % (len(whole) - first) for each in (place, other)), byte)
    path.write_bytes(text)
    if text == whole:
        assert "365 runs" in signed.check(path).summary
        return
    with pytest.raises(TitanError, match="cannot be relied on"):
        signed.check(path)


def test_what_is_not_the_whole_of_it_is_refused(signed: Host) -> None:
    whole, path = signed.out.read_bytes(), signed.folder / "altered"
    begin = whole.rindex(b"\n}\n") + 3
    mark = whole[begin : whole.index(b"\n", begin) + 1]
    comment = whole.replace(b"titan-db-evidence\n", b"titan-db-evidence \n", 1)
    for text in (
        whole + b"\n", whole[:-1], b" " + whole, whole[:begin], b"", whole[begin:], whole.replace(b"\n", b"\r\n"),
        whole + mark, whole[:begin] + whole[begin:] * 2, mark, b"\n" + mark, comment + b"x",
    ):  # fmt: skip
        path.write_bytes(text)
        with pytest.raises(TitanError, match="cannot be relied on"):
            signed.check(path)


def test_the_program_itself_says_the_same(signed: Host, program: str) -> None:
    """What stands below the content is the program's own signature."""
    if program == "ssh-keygen":
        return  # the test of the year asks it
    whole = signed.out.read_bytes()
    begin = whole.rindex(b"\n}\n") + 3
    (signed.folder / "content").write_bytes(whole[:begin])
    (signed.folder / "sig").write_bytes(whole[begin:])
    judge = [program, "-V", "-p", signed.signers, "-m", signed.folder / "content", "-x", signed.folder / "sig"]
    assert subprocess.run(judge, capture_output=True, check=False).returncode == 0
    (signed.folder / "content").write_bytes(whole[: begin - 1])
    assert subprocess.run(judge, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("kind", ["minisign", "signify-openbsd"])
def test_of_several_public_keys_the_signers_is_named(kind: str, tmp_path: Path) -> None:
    host = Host(tmp_path, need(kind))
    other = tmp_path / "other.sec", tmp_path / "other.pub"
    make_key(kind, *other)
    host.make()
    host.signers.write_text(other[1].read_text())
    with pytest.raises(TitanError, match="signed by a key that .* does not hold"):
        host.check()
    own = (tmp_path / PUBLIC[kind]).read_text().splitlines()
    host.signers.write_text(
        "\n".join([*other[1].read_text().splitlines(), "untrusted comment: dba@example.com", own[1], ""])
    )
    assert "is as dba@example.com signed it" in host.check().summary
    text = host.key.read_bytes().splitlines()
    raw = bytearray(base64.b64decode(text[1]))
    raw[2 if kind == "minisign" else 7] = 1  # as of a key with a password
    host.key.write_bytes(text[0] + b"\n" + base64.b64encode(raw) + b"\n")
    with pytest.raises(OptionError, match="It has a password"):
        host.make(out=f"{tmp_path}/2")
    assert not (tmp_path / "2").exists()


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
