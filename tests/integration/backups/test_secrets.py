# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook's run with -vvv: passwords and tokens are in no line of it and in no process's arguments."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import ROOT, embedded_programs

from .helpers import info
from .secrets import PASSWORD, CommandLines

TOKEN = "tok3n-$(id)'\"\\%s"
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
  tasks:
    - titan.database.backup: &backup
        login_host: 127.0.0.1
        login_port: {port}
        login_user: postgres
        login_db: postgres
        login_password: "{{{{ lookup('file', '{folder}/password') }}}}"
        dest: {folder}/backups
        programs: {programs}
        name: by_option
        keep: {{days: 3}}
        copy_to: ["{folder}/copy", "{{path}}", "{folder}/away/{{file}}"]
        copy_back: [cat, "{folder}/away/{{file}}"]
    - titan.database.backup:
        env_file: {folder}/.env
        dest: {folder}/backups
        programs: {programs}
        name: by_env_file
        verify: checksum
        copy_to: ["{folder}/copy", "{{path}}", "{folder}/away/{{file}}"]
    - titan.database.backup_info:
        dest: {folder}/backups
    - titan.database.backup:
        <<: *backup
        login_password: "{{{{ lookup('file', '{folder}/wrong') }}}}"
      register: refused
      failed_when: "'password authentication failed' not in refused.msg"
    - titan.database.backup:
        <<: *backup
        verify: checksum
        copy_to: ["{folder}/copy", "{{path}}", "{folder}/no/such/directory/{{file}}"]
      register: refused
      failed_when: "'was not copied' not in refused.msg"
"""
# What a user's own copy program does: its token comes from a file that only the job's user can read.
COPY = """#!/bin/sh
. {folder}/copy.env
test "$TOKEN" = "$(cat {folder}/token)" || exit 7
exec cp "$1" "$2"
"""


def test_a_playbook_run_shows_no_secret(guarded: ConnectionSettings, workdir: Path) -> None:
    (workdir / "backups").mkdir(mode=0o700)
    (workdir / "away").mkdir(mode=0o700)
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{guarded.port}/postgres"
    quoted = TOKEN.replace("'", "'\\''")
    wrong = f"wrong-{PASSWORD}"
    for name, text in {
        "password": PASSWORD,
        "wrong": wrong,
        "token": TOKEN,
        "copy.env": f"TOKEN='{quoted}'\n",
        ".env": f"DATABASE_URL='{url}'\n",
    }.items():
        (workdir / name).touch(mode=0o600)
        (workdir / name).write_text(text)
    (workdir / "copy").write_text(COPY.format(folder=workdir))
    (workdir / "copy").chmod(0o700)
    play = workdir / "play.yml"
    play.write_text(PLAY.format(folder=workdir, port=guarded.port, programs=embedded_programs(), python=sys.executable))
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCAL_TEMP": str(workdir / "local")}
    env["ANSIBLE_REMOTE_TEMP"] = str(workdir / "remote")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-vvv", "--diff", "-i", "localhost,", str(play)]
    with CommandLines() as lines:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=540)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "by_option_" in said and "by_env_file_" in said and "password authentication failed" in said
    assert any("pg_dump" in line for line in lines.seen)
    assert len(list((workdir / "away").glob("*.dump*"))) >= 2 and len(info(workdir / "backups").data["backups"]) == 3
    written = [path.read_text(errors="replace") for path in workdir.glob("[ba]*/*.json")]
    assert written
    for secret in (PASSWORD, TOKEN, wrong):
        for form in forms(secret):
            assert form not in said
            assert not [line for line in (*lines.seen, *written) if form in line]


def forms(secret: str) -> set[str]:
    """How a secret could be written: as it is, in a URL, in JSON, in Python's and the shell's quotes, in base64."""
    return {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        secret.replace("'", "'\\''"),
        base64.b64encode(secret.encode()).decode(),
    }
