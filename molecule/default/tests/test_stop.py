# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment to two hosts stops at the first that fails. After test_default: a failed attempt stays in the history."""

from __future__ import annotations

import json
import shutil

from conftest import ROOT, Environment, hosts_of, machine, playbook, recap


def test_a_deployment_stops_at_the_first_host_that_fails(tmp_path):
    shutil.copytree(ROOT / "examples" / "titan" / "migrations", tmp_path, dirs_exist_ok=True)
    (tmp_path / "0012_broken.sql").write_text("CREATE TABLE public.half (id int);\nSELECT 1/0;\n")
    variables = {"migrations_path": str(tmp_path), "deploy_rehearsed_on": "", "deploy_backup_within": 8760}
    done = playbook("titan.database.deploy", "-l", "production", "-e", json.dumps(variables), check=False)
    assert done.returncode != 0
    failed = [name for name, number in recap(done, "failed").items() if number]
    assert len(failed) == 1, done.stdout[-3000:]
    text = " ".join((done.stdout + done.stderr).split())
    assert "division by zero" in text and "rollback_target=0011" in text and f"-l {failed[0]} " in text
    for name in hosts_of("production"):
        host = Environment(machine(name), "production")
        assert host.value("SELECT to_regclass('public.half') IS NULL") == "t"
        attempts = host.value("SELECT count(*) FROM titan_ops.migration_history WHERE version = '0012'")
        assert (int(attempts) > 0) == (name == failed[0]), name
