"""The names of packages and services follow the family of the host's distribution; another cron than Debian's keeps its place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {os_family: FAMILY, cacheable: true}
    - ansible.builtin.import_role: {name: titan.database.host, tasks_from: family}
    - ansible.builtin.debug: {msg: "names={{ [host_packages, host_cron_service] | to_json }}"}
"""
DEBIAN = [["python3-psycopg2", "postgresql-client", "cron", "logrotate", "zstd"], "cron"]


@pytest.mark.parametrize(
    ("family", "given", "names"),
    [
        ("Debian", {}, DEBIAN),
        ("Suse", {}, DEBIAN),
        ("RedHat", {}, [["python3-psycopg2", "postgresql", "cronie", "logrotate", "zstd"], "crond"]),
        ("RedHat", {"host_packages": ["zstd"], "host_cron_service": ""}, [["zstd"], ""]),
    ],
    ids=["Debian", "without a file", "Red Hat", "set"],
)
def test_the_names_follow_the_family(
    tmp_path: Path, family: str, given: dict[str, object], names: list[object]
) -> None:
    play = tmp_path / "play.yml"
    play.write_text(PLAY.replace("FAMILY", family))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(play)]
    done = subprocess.run([*command, "-e", json.dumps(given)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"names=(\[.*\])", done.stdout)
    assert found and json.loads(found[1].replace('\\"', '"')) == names


@pytest.mark.parametrize(
    ("known", "said"),
    [("installed cronie", "take the place of cronie on localhost"), ("config-files systemd-cron", "")],
)
def test_another_cron_is_not_exchanged(tmp_path: Path, known: str, said: str) -> None:
    play = tmp_path / "play.yml"
    play.write_text(PLAY.replace("FAMILY", "Debian").replace("tasks_from: family", "tasks_from: other_cron"))
    fake = tmp_path / "bin" / "dpkg-query"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\nprintf '%s\\n' '{known}'\nexit 1\n")
    fake.chmod(0o755)
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(play)]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert (done.returncode == 0) is not bool(said) and " ".join(said.split()) in " ".join(done.stdout.split()), (
        done.stdout
    )
