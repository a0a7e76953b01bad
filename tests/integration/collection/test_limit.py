# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without a limit no playbook acts, whichever tasks are selected; a host of two environments is refused with both names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

ANSIBLE = Path(sys.executable).parent / "ansible-playbook"
ACTING = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "guard")
INVENTORY = """
production: {hosts: {box: {}}, vars: {titan_environment: production}}
staging: {hosts: {box: {}}, vars: {titan_environment: staging}}
blue: {hosts: {one: {}, two: {}}, vars: {titan_environment: blue}}
green: {hosts: {one: {}, three: {}}, vars: {titan_environment: green}}
prod: {hosts: {wrong: {}}, vars: {titan_environment: development}}
database_servers: {hosts: {two: {}, three: {}}}
"""
TRY = """
- hosts: all
  gather_facts: false
  tasks: []
- hosts: "{{ query('titan.database.limited_hosts', titan_hosts | default('all')) }}"
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "acts on {{ inventory_hostname }}"}
"""


def playbook(*arguments: str, **env: str) -> tuple[int, str]:
    done = subprocess.run(
        [ANSIBLE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1", **env},
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def acted(said: str) -> bool:
    """Whether a task was done on a host: the guard's own play has one, which fails."""
    plays = said.split("PLAY [")[1:]
    return any("TASK [" in play and not play.startswith("Refuse to act") for play in plays)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All playbooks one after the other, so that Ansible is started once for all of them."""
    path = tmp_path_factory.mktemp("limit") / "every.yml"
    path.write_text(yaml.safe_dump([{"import_playbook": str(ROOT / "playbooks" / f"{name}.yml")} for name in ACTING]))
    return path


@pytest.mark.parametrize(
    "selected",
    [
        ["--skip-tags", "always"],
        ["--start-at-task", "Delete what is due"],
        ["--skip-tags", "always", "--tags", "crontab,cleanup,migrations"],
    ],
)
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_without_a_limit_no_playbook_acts(every: Path, selected: list[str], strategy: str) -> None:
    status, said = playbook(
        "-i",
        "inventories/demo",
        str(every),
        "--check",
        *selected,
        "-e",
        "restore_confirmed=true",
        ANSIBLE_STRATEGY=strategy,
    )
    assert not acted(said), said[-3000:]
    if selected[0] == "--skip-tags":
        assert said.count("skipping: no hosts matched") >= len(ACTING), said[-3000:]


def test_the_guard_names_the_environments_there_are() -> None:
    status, said = playbook("-i", "inventories/demo", "site.yml", "--check")
    assert status != 0 and "Add -l ENVIRONMENT with one of: demo." in said and not acted(said)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("production", "Host box is in the groups of the environments production and staging"),
        ("box", "Host box is in the groups of the environments production and staging"),
        ("one", "Host one is in the groups of the environments blue and green"),
        ("all:!two", "in the groups of the environments"),
        ("prod", "in the group of the environment prod, but its variables name the environment development"),
        ("blue:!one", ""),
        ("database_servers", ""),
        (" ", "names no host, which Ansible takes for no limit at all"),
        ("@EMPTY", "names no host, which Ansible takes for no limit at all"),
    ],
)
def test_a_host_of_two_environments_is_refused_with_both_names(tmp_path: Path, limit: str, words: str) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "try.yml").write_text(TRY)
    (tmp_path / "EMPTY").write_text("\n")
    limit = limit.replace("@", f"@{tmp_path}/")
    status, said = playbook(
        "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "try.yml"), "-l", limit, "--skip-tags", "always"
    )
    if words:
        assert status != 0 and words in said and "acts on" not in said, said
    else:
        assert status == 0 and "acts on two" in said, said
        assert ("acts on three" in said) == (limit == "database_servers"), said


def test_every_play_that_acts_has_this_line() -> None:
    for path in (ROOT / "playbooks").glob("*.yml"):
        for play in yaml.safe_load(path.read_text()):
            if "hosts" in play and path.stem != "guard":
                assert "titan.database.limited_hosts" in play["hosts"], f"{path.name}: {play['name']}"
                # Without it a module for another user than root needs the package acl on the host.
                assert play["vars"]["ansible_pipelining"] == "{{ titan_pipelining | default(true) }}", path.name


def test_a_host_without_an_environment_is_told_so() -> None:
    status, said = playbook("-i", "db1,", "-c", "local", "site.yml", "-l", "db1", "--check")
    assert (
        status != 0
        and "db1 has no crontab_environment, no titan_user: the variables of no environment reach it" in said
    ), said
    assert "TASK [titan.database.host" not in said and "Gather the facts" not in said


def test_a_misspelt_variable_stops_the_converge_before_anything_is_done() -> None:
    status, said = playbook("-i", "inventories/demo", "site.yml", "-l", "demo", "--check", "-e", "backup_verfy=full")
    assert status != 0 and "backup_verfy is no variable of the role backup; did you mean backup_verify?" in said, said
    assert "TASK [titan.database.host" not in said
