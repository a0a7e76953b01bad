# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role backup with pgBackRest on a server that does not archive yet: refused, configured, restarted, backed up."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import unprivileged_user

from tests.conftest import ROOT
from tests.integration.backups.helpers import picture
from tests.integration.docs.blocks import run_by

from .conftest import require_programs
from .helpers import PROGRAMS, Place, make_place

# The guide's variables, with the paths of a test in the places of a host's.
GUIDE, S3 = (
    yaml.safe_load(block.text)
    for block in run_by("tests/integration/backups/pgbackrest/test_role.py", "docs/pgbackrest.md")
)
TEMPORARY = f"/var/tmp/.ansible-titan-{os.getpid()}"  # for two users
PLAY = """
- hosts: localhost
  gather_facts: false
  become: "{{ titan_become }}"
  become_method: ansible.builtin.su
  module_defaults:
    group/titan.database.database: "{{ login }}"
  roles:
    - titan.database.backup
  tasks:
    - titan.database.backup:
        engine: "{{ backup_engine }}"
        dest: "{{ backup_dest }}"
        verify: restored
      become_user: "{{ backup_user }}"
      when: take | default(false)
"""


@pytest.fixture(scope="module")
def bare() -> Iterator[Place]:
    require_programs()
    if os.geteuid() == 0 and subprocess.run(["/usr/bin/python3", "-c", "import psycopg2"], check=False).returncode:
        pytest.skip("/usr/bin/python3 has no psycopg2 (Debian package python3-psycopg2)")
    made = make_place(archiving=False)
    (made.folder / "dest").rmdir()
    yield made
    made.remove()
    shutil.rmtree(TEMPORARY, ignore_errors=True)


def own_directories(folder: Path) -> dict[str, str]:
    """Options of pgBackRest that keep it out of /var, where only the package's user may write."""
    return {**{f"{name}-path": f"{folder}/{name}" for name in ("log", "lock", "spool")}, "log-level-file": "off"}


def converge(place: Place, *arguments: str, expect: int = 0, **given: Any) -> tuple[dict[str, int], str]:
    owner = unprivileged_user() or pwd.getpwuid(os.geteuid())
    user, group = owner.pw_name, grp.getgrgid(owner.pw_gid).gr_name
    variables = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable if os.geteuid() else "/usr/bin/python3",
        "ansible_remote_tmp": TEMPORARY, "titan_become": os.geteuid() == 0,
        "login": {"login_unix_socket": place.cluster.socket, "login_port": place.cluster.port, "login_user": "postgres",
                  "login_db": place.settings.database},
        **GUIDE, "backup_configure_server": False, "backup_user": user, "backup_group": group, "backup_dest": str(place.dest),
        "backup_pgbackrest_package": "", "backup_pgbackrest_config": str(place.config), "backup_pg_path": place.cluster.data,
        "backup_pg_port": place.cluster.port, "backup_pg_socket": place.cluster.socket, "backup_pg_role": "postgres",
        "backup_repo_path": str(place.repository), "backup_repo_options": {"cipher-type": "aes-256-cbc", "cipher-pass": "s3cret-Pass"},
        "backup_global_options": own_directories(place.folder),
        "backup_programs": PROGRAMS, **given,
    }  # fmt: skip
    file = place.folder / "play.yml"
    file.write_text(PLAY, encoding="utf-8")
    extra = place.folder / "variables.json"
    extra.write_text(json.dumps(variables), encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-e", f"@{extra}", "--diff", "-vv", *arguments, str(file)],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_STDOUT_CALLBACK": "default"},
        cwd=place.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout[-4000:] + done.stderr[-2000:]
    assert "s3cret-Pass" not in done.stdout + done.stderr
    recap = done.stdout.rsplit("localhost", 1)[1]
    said = " ".join(done.stdout.split() + done.stderr.split())
    return {key: int(value) for key, value in (item.split("=") for item in recap.split()[1:])}, said


def restart(place: Place) -> None:
    place.cluster.run_program("pg_ctl", "-w", "-l", os.path.join(place.cluster.folder, "server.log"), "restart")


def test_what_cannot_work_is_refused_before_anything_is_written(bare: Place) -> None:
    bare.sql("CREATE ROLE plain LOGIN")
    with pytest.raises(TitanError, match=r"'configure_server' needs a superuser.* archive_mode = 'on'"):
        replace(bare, settings=bare.settings._replace(user="plain")).prepare(check=True, configure_server=True)
    _recap, said = converge(bare, expect=2, backup_pg_path=str(bare.folder / "nothing"))
    assert "backup_pg_path must be the data directory of the server" in said
    _recap, said = converge(bare, expect=2, backup_pg_path="/etc")
    assert " belongs to root, and backup_user is " in said
    assert not bare.config.exists() and not (bare.dest / "pgbackrest.json").exists()


def test_the_role_refuses_then_configures_then_backs_up(bare: Place) -> None:
    _recap, said = converge(bare, expect=2)
    assert "wal_level = 'replica' (now 'minimal')" in said and "archive_mode = 'on'" in said
    status = bare.config.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600 and "cipher-pass=s3cret-Pass" in bare.config.read_text()
    assert not (bare.dest / "pgbackrest.json").exists()

    before = picture(bare.repository)
    configure = GUIDE["backup_configure_server"]
    planned, said = converge(bare, "--check", backup_configure_server=configure)
    assert planned["changed"] == 1 and "create stanza main" in said
    assert picture(bare.repository) == before
    done, said = converge(bare, backup_configure_server=configure)
    assert done["changed"] == 1 and "Restart PostgreSQL to bring about wal_level, archive_mode" in said
    again, said = converge(bare, backup_configure_server=configure)
    assert again["changed"] == 0 and "Restart PostgreSQL" in said

    restart(bare)
    taken, said = converge(bare, take=True)
    assert taken["changed"] == 1 and "verified (restored), 3 tables, 4502 rows" in said
    assert "Restart PostgreSQL" not in said


def test_a_repository_on_s3_as_in_the_guide_is_what_pgbackrest_understands(bare: Place) -> None:
    """There is no bucket here: it gets as far as asking for the host of the endpoint."""
    options = {**S3["backup_repo_options"], "s3-endpoint": "nowhere.invalid"}
    _recap, said = converge(
        bare, expect=2, backup_repo_type=S3["backup_repo_type"], backup_repo_path=S3["backup_repo_path"],
        backup_repo_options=options, vault_s3_key="AKEY", vault_s3_key_secret="s3cret-Pass", backup_configure_server=True,
        backup_global_options={**own_directories(bare.folder), "io-timeout": "1"},
    )  # fmt: skip
    assert "titan-backups.nowhere.invalid" in said and "requires option" not in said and "invalid option" not in said
    written = bare.config.read_text().splitlines()
    values = {
        "s3-bucket": "titan-backups",
        "s3-region": "eu-central-1",
        "s3-key": "AKEY",
        "type": "s3",
        "path": "/titan",
    }
    assert {f"repo1-{name}={value}" for name, value in values.items()} <= set(written)
