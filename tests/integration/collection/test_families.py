"""The names of packages and services follow the family of the host's distribution, and a variable that is set wins."""

from __future__ import annotations

import json
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
