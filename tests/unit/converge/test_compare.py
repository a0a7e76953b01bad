"""A host compared with what is declared: up to the first step that has something to do, and only by a command that can be trusted."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.converge import ask, host
from ansible_collections.titan.database.plugins.module_utils._engine.converge.answer import Step, compare
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.plugin_utils import asking, piped_python
from ansible_collections.titan.database.plugins.plugin_utils.plain_values import with_plain_values

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


def made(path: Path, mode: int = 0o750) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


def directory(path: Path, mode: str = "0750", user: str = "") -> Step:
    return Step(name="directory", user=user, options={"path": str(path), "mode": mode})


def test_all_that_is_as_declared_is_settled(tmp_path: Path) -> None:
    folder = made(tmp_path / "a b'c")
    wanted = {"path": str(folder / "env"), "content": "A='1'\n"}
    Path(wanted["path"]).write_text(wanted["content"])
    Path(wanted["path"]).chmod(0o600)
    steps = [directory(folder), Step(name="file", user="", options=wanted)]
    assert compare(steps) == {"settled": True, "step": "", "reason": "", "found": {}, "warnings": []}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "0700"}, "was changed"),
        ({"mode": "rwx"}, "rwx"),
        ({"mood": "0750"}, "no such option"),
        ({"path": "relative"}, "relative"),
    ],
    ids=["to do", "bad value", "unknown option", "not absolute"],
)
def test_the_first_step_with_work_ends_it_and_nothing_is_written(
    tmp_path: Path, options: dict[str, str], said: str
) -> None:
    folder = made(tmp_path / "there")
    later = directory(tmp_path / "later")
    step = directory(folder)
    step["options"].update(options)
    found = compare([directory(folder), step, later])
    assert (found["settled"], found["step"]) == (False, "directory")
    assert said in found["reason"]
    assert folder.stat().st_mode & 0o777 == 0o750
    assert not (tmp_path / "later").exists()


def test_what_cannot_be_compared_is_not_settled() -> None:
    assert "Known are" in compare([Step(name="firewall", user="", options={})])["reason"]
    nobody = compare([Step(name="user", user="no such user", options={"name": "root"})])
    assert (nobody["settled"], nobody["reason"]) == (False, "there is no user no such user")


@ROOT_ONLY
def test_another_user_looks_with_eyes_of_his_own(tmp_path: Path) -> None:
    """A configuration that root can read and the user cannot is in the way, and root is root again for the step after."""
    config = tmp_path / "config.json"
    config.write_text("{}")
    config.chmod(0o600)
    tonight = {"command": sys.executable, "config": str(config)}
    found = compare([Step(name="tonight", user="nobody", options=tonight)])
    assert found["reason"].endswith((f"nobody cannot read {config}", f"nobody cannot run {sys.executable}"))
    folder = made(tmp_path / "closed", 0o700)
    both = [Step(name="user", user="nobody", options={"name": "nobody"}), directory(folder, "0700")]
    assert compare(both)["settled"]
    assert os.geteuid() == 0


def call(command: Path, digest: str = "", interpreter: str = sys.executable) -> Call:
    request = json.dumps({"steps": [{"name": "user", "user": "", "options": {"name": "root"}}]})
    content = command.read_bytes() if command.exists() else b""
    options = {"command": str(command), "interpreter": interpreter, "request": request}
    return Call({**options, "digest": digest or hashlib.sha256(content).hexdigest()})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("installed command") / "titan-db"
    path.write_bytes(zipapp.build(sys.executable))
    return path


def test_the_installed_command_answers(installed: Path) -> None:
    outcome = ask.ask(call(installed))
    assert (outcome.changed, outcome.data["settled"], outcome.summary) == (False, True, "Nothing is to be done.")


def test_a_command_that_is_not_ours_is_not_asked(tmp_path: Path, installed: Path) -> None:
    seen = tmp_path / "was run"
    other = tmp_path / "titan-db"
    other.write_text(f"open({str(seen)!r}, 'w')")
    assert ask.ask(call(tmp_path / "missing")).data["settled"] is False
    assert "another version" in ask.ask(call(other, "0" * 64)).data["reason"]
    assert "gives no answer" in ask.ask(call(installed, interpreter="/nowhere/python")).data["reason"]
    assert "gives no answer" in ask.ask(call(installed, interpreter="/bin/true")).data["reason"]
    assert not seen.exists()
    with pytest.raises(OptionError):
        ask.ask(Call({"command": "x", "interpreter": "y", "request": None, "digest": ""}))


@ROOT_ONLY
def test_a_command_that_another_user_could_exchange_is_not_run_as_root(installed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "titan-db"
    copy.write_bytes(installed.read_bytes())
    os.chown(copy, 65534, 65534)
    outcome = ask.ask(call(copy))
    assert outcome.data["settled"] is False and str(copy) in outcome.data["reason"]
    assert asked(copy) == {**outcome.data, "summary": outcome.summary, "warnings": [], "changed": False}


def asked(command: Path, digest: str = "", path: str = "") -> dict[str, Any]:
    """What a pipelined connection answers, which has no module."""
    steps = [{"name": "directory", "user": "", "options": {"path": path, "mode": "0750"}}] if path else []
    content = command.read_bytes() if command.exists() else b""
    sent = asking.program(str(command), digest or hashlib.sha256(content).hexdigest(), steps)
    done = subprocess.run([sys.executable, "-I", "-"], input=sent, capture_output=True, check=True)
    found = piped_python.printed("Welcome\n" + done.stdout.decode())
    assert found is not None
    return asking.as_returned(asking.answer(found))


def test_a_pipelined_connection_answers_as_the_module_does(installed: Path, tmp_path: Path) -> None:
    hostile = made(tmp_path / "a '\"%s{}\\n$(x)ä\nb")
    assert asked(installed, path=str(hostile))["reason"] == ""
    hostile.rmdir()
    missing = asked(installed, path=str(hostile))
    assert (missing["settled"], missing["step"], missing["changed"]) == (False, "directory", False)
    seen = tmp_path / "was run"
    other = tmp_path / "titan-db"
    other.write_text(f"open({str(seen)!r}, 'w')")
    assert "another version" in asked(other, "0" * 64)["reason"] and not seen.exists()
    assert piped_python.printed("") is None


def test_only_what_has_no_template_is_taken_without_one() -> None:
    variables = {
        "own": {"a": {"one": "{{ x }}", "two": "{{ y }}", "three": "{{ x | default(1) }}", "four": "{{ nowhere }}"}},
        "x": [1, {"k": "v"}],
        "y": {"z": ["{{ x }}"]},
        "of_another": {"a": "{{ x }}"},
    }
    found = with_plain_values(variables, ("own", "missing"))
    assert found["own"] == {"a": {**variables["own"]["a"], "one": [1, {"k": "v"}]}}
    assert {**found, "own": variables["own"]} == variables
    for value in ("{% if 1 %}a{% endif %}", "{# a #}", " [1]", "{'a': 1}", object()):
        assert with_plain_values({"own": {"a": "{{ v }}"}, "v": value}, ("own",))["own"]["a"] == "{{ v }}"


def said_by(monkeypatch: pytest.MonkeyPatch, text: str) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(arguments: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        asked.append(arguments)
        return subprocess.CompletedProcess(arguments, 0, text.encode())

    monkeypatch.setattr(host, "run", run)
    return asked


@pytest.mark.parametrize(
    ("names", "said", "settled"),
    [
        (["cron", "zstd"], "installed\ninstalled\n", True),
        (["zstd", "zstd"], "installed\n", True),
        (["cron", "zstd"], "installed\n", False),
        (["cron"], "config-files\n", False),
        (["libc6"], "installed\ninstalled\n", False),  # of two architectures: the package manager knows
        (["zstd=1.5"], "", False),
        (["postgresql-*"], "installed\n", False),
        (["./local.deb"], "", False),
    ],
)
def test_packages(monkeypatch: pytest.MonkeyPatch, names: list[str], said: str, settled: bool) -> None:
    said_by(monkeypatch, said)
    assert compare([Step(name="packages", user="", options={"names": names})])["settled"] is settled


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        ("ActiveState=active\nUnitFileState=enabled\n", True),
        ("ActiveState=active\nUnitFileState=enabled\nTasksMax=4915\nMemoryMax=infinity\n", True),
        ("ActiveState=active\nUnitFileState=enabled\nTasksMax=3\nMemoryMax=infinity\n", False),
        ("ActiveState=active\nUnitFileState=enabled\nTasksMax=32\nMemoryMax=12582912\n", False),
        ("ActiveState=inactive\nUnitFileState=enabled\n", False),
        ("ActiveState=active\nUnitFileState=disabled\n", False),
        ("ActiveState=active\nUnitFileState=masked\n", False),
        ("", False),
    ],
)
def test_services(monkeypatch: pytest.MonkeyPatch, said: str, settled: bool) -> None:
    asked = said_by(monkeypatch, said)
    assert compare([Step(name="service", user="", options={"name": "cron"})])["settled"] is settled
    assert asked[0][-1] == "cron.service"
    assert compare([Step(name="service", user="", options={"name": "cron.target"})])["settled"] is settled
    assert asked[1][-1] == "cron.target"
