"""Once a play has seen the installed titan-db, modules take their code from it, and return what they return without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import ROOT

PLAY = """
- hosts: box
  gather_facts: false
  module_defaults:
    group/titan.database.database:
      login_host: 127.0.0.1
      login_port: "{{ db_port }}"
      login_user: "{{ db_user }}"
      login_db: "{{ db_name }}"
      login_password: not-needed-but-secret
  tasks:
    - titan.database.host_command: {path: "{{ command }}", interpreter: "{{ ansible_python_interpreter }}"}
    - titan.database.retention_policy: {policies: [{name: old, table: public.a, column: at, keep: 90 days}]}
      check_mode: true
      register: first
    - titan.database.retention_policy: {policies: [{name: old, table: public.a, column: at, keep: 90 days}]}
      check_mode: true
      delegate_to: box  # a task for another host is not done by this one's command: the module is sent
      register: second
    - titan.database.backup_info: {dest: "{{ playbook_dir }}/at all", name: "ä'b"}
      register: listed
      ignore_errors: true
    - titan.database.backup_info: {dest: "{{ playbook_dir }}/at all", name: "ä'b"}
      delegate_to: box
      register: listed_too
      ignore_errors: true
    - titan.database.backup_info: {dest: "{{ playbook_dir }}", dset: here}
      register: misspelt
      ignore_errors: true
    - titan.database.rehearsal: {path: "{{ playbook_dir }}"}  # none of those that the command does
      register: rehearsed
      ignore_errors: true
    - shell: "echo '# other' >> {{ command | quote }}"
    - titan.database.backup_info: {dest: "{{ playbook_dir }}/at all", name: "ä'b"}
      register: after
      ignore_errors: true
    - vars:
        theirs: ["exception", "ansible_parsed", "failed_when_result", "deprecations"]
      assert:
        that:
          - first is changed and first.policies | length == 1 and listed.summary is defined
          - (first | dict2items | rejectattr("key", "in", theirs) | list) == (second | dict2items | rejectattr("key", "in", theirs) | list)
          - (listed | dict2items | rejectattr("key", "in", theirs) | list) == (listed_too | dict2items | rejectattr("key", "in", theirs) | list)
          - (after | dict2items | rejectattr("key", "in", theirs) | list) == (listed | dict2items | rejectattr("key", "in", theirs) | list)
          - rehearsed is failed and "must be one of" not in rehearsed.msg
          - misspelt is failed and "(titan.database.backup_info)" in misspelt.msg and "digest" not in misspelt.msg
"""


@pytest.mark.parametrize("pipelining", [True, False])
def test_the_result_is_the_modules(
    settings: ConnectionSettings, db: Database, tmp_path: Path, pipelining: bool
) -> None:
    db.execute("CREATE TABLE public.a (at timestamptz)")
    command = tmp_path / "its place" / "titan-db"
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    (tmp_path / "hosts").write_text(
        f"box ansible_connection=local ansible_python_interpreter='{sys.executable}' command='{command}' "
        f"ansible_pipelining={pipelining} db_port={settings.port} db_user={settings.user} db_name={settings.database}\n"
    )
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-vvv", "-i", tmp_path / "hosts", tmp_path / "play.yml"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(f"Done by {command}") == 3 and said.count("modules/host_command_run.py") == 4
    assert said.count("modules/backup_info.py") == 2 and said.count("modules/retention_policy.py") == 1
    assert said.count("modules/rehearsal.py") == 1
    assert said.count(f"The module is sent: {command} is another version") == 1
    assert "not-needed-but-secret" not in said
