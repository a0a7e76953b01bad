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


NO_ANSWER = "E: Failed to fetch http://deb.example/debian/dists/x/InRelease  Could not connect to 192.0.2.1:3128"


SILENT = [
    "silent http://deb.example/debian Could not connect to 192.0.2.1:3128",
    "silent http://sec.example/debian no answer in 20 s",
]


def stand_ins(path: Path, known: str, fetched: str, answers: dict[str, str]) -> dict[str, str]:
    """The environment in which dpkg-query, apt-get and apt-helper say these things."""
    sources = "".join(f"'http://user:secret@{name}.example/debian/dists/x/InRelease' a 0\n" for name in ("deb", "sec"))
    helper = "".join(f"*@{name}.*) echo '{words}' >&2; exit 100 ;; " for name, words in answers.items())
    for name, script in {
        "dpkg-query": f"echo '{known}'; exit 1",
        "apt-get": f'case $* in *update) echo "{sources}" ;; *) echo "{fetched}" ;; esac',
        "apt-helper": f"case $* in {helper} esac; exit 100",
    }.items():
        (path / name).write_text(f"#!/bin/sh\n{script}\n")
        (path / name).chmod(0o755)
    return {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "TITAN_APT_HELPER": str(path / "apt-helper")}


@pytest.mark.parametrize(
    ("known", "fetched", "answers", "said"),
    [
        ("installed other cronie", "", {}, ["other cronie"]),
        ("config-files other systemd-cron", "", {}, []),
        ("unknown", "'http://deb.example/zstd.deb'", {"deb": f"{NO_ANSWER}\nE: Download Failed"}, SILENT),
        (
            "unknown",
            "'http://deb.example/zstd.deb'",
            {"deb": NO_ANSWER, "sec": "E: Failed to fetch x  404  Not Found"},
            [],
        ),
        ("unknown", "", {"deb": NO_ANSWER}, []),
    ],
    ids=["cronie", "was there", "no source answers", "one answers", "nothing to fetch"],
)
def test_what_is_in_the_way_of_packages_is_found(
    tmp_path: Path, known: str, fetched: str, answers: dict[str, str], said: list[str]
) -> None:
    command = ["sh", str(ROOT / "roles" / "host" / "files" / "packages.sh"), "cron", "zstd"]
    env = {**stand_ins(tmp_path, known, fetched, answers), "http_proxy": "http://192.0.2.1:3128"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert (sorted(done.stdout.splitlines()), done.stderr, done.returncode) == (said, "", 0)


@pytest.mark.parametrize(
    ("known", "answers", "said"),
    [
        ("installed other cronie", {}, "take the place of cronie on localhost"),
        ("unknown", {"deb": NO_ANSWER}, "no source of packages answers: http://deb.example/debian: Could not connect to 192.0.2.1:3128; "
         "http://sec.example/debian: no answer in 20 s."),
    ],
)  # fmt: skip
def test_what_is_in_the_way_of_packages_is_said(tmp_path: Path, known: str, answers: dict[str, str], said: str) -> None:
    play = tmp_path / "play.yml"
    text = PLAY.replace("FAMILY", "Debian").replace("tasks_from: family", "tasks_from: before_packages")
    play.write_text(text + "  vars: {host_sought_packages: [cron, zstd]}\n")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(play)]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    env = stand_ins(tmp_path, known, "'http://deb.example/zstd.deb'", answers)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode and said in " ".join(done.stdout.split()), done.stdout
    assert "secret" not in done.stdout


def test_a_service_in_which_no_job_could_be_done_is_named(tmp_path: Path) -> None:
    """One play for all: the service's name is what systemctl says of it."""
    states = {
        "failed": ("failed 4915 infinity", "is failed. Run: journalctl -u failed -n 20"),
        "inactive": ("inactive 4915 infinity", "Run: systemctl enable --now inactive"),
        "narrow": ("active 3 infinity", "3 tasks (TasksMax); they need 32 tasks and 192 MiB. Run: systemctl set-property narrow TasksMax=infinity"),
        "small": ("active 32 12582912", "Run: systemctl set-property small MemoryMax=infinity"),
    }  # fmt: skip
    lines = "".join(
        f"*{name}) printf 'ActiveState=%s\\nTasksMax=%s\\nMemoryMax=%s\\n' {said} ;; "
        for name, (said, _words) in states.items()
    )
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\ncase $* in {lines} esac\n")
    (tmp_path / "systemctl").chmod(0o755)
    play = tmp_path / "play.yml"
    text = (
        PLAY.replace("FAMILY", "Debian")
        .replace("tasks_from: family", "tasks_from: tonight")
        .replace("localhost", "all")
    )
    play.write_text(text + "  vars: {host_cron_service: '{{ inventory_hostname }}'}\n")
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        f"{','.join(states)},",
        "-c",
        "local",
        str(play),
    ]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    said = " ".join(done.stdout.split())
    assert [words for _state, words in states.values() if words not in said] == [] and done.returncode, done.stdout
