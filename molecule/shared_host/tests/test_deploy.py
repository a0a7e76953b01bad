# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment: staging first, the application stopped and started around it, stopped at the first failure, and taken back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Environment, machine, playbook, recap

PRODUCTION = Environment(machine("titan-production"), "production")
STAGING = Environment(machine("titan-staging"), "staging")
HOST = PRODUCTION.host
STATUS = "/home/ubuntu/app-status"


@pytest.fixture(scope="module")
def migrations(tmp_path_factory):
    """The shipped migrations and one more."""
    folder = tmp_path_factory.mktemp("deploy") / "migrations"
    shutil.copytree(ROOT / "examples" / "titan" / "migrations", folder)
    (folder / "0012_add_notes.sql").write_text("ALTER TABLE public.orders ADD COLUMN note text;\n")
    (folder / "0012_add_notes.down.sql").write_text("ALTER TABLE public.orders DROP COLUMN note;\n")
    return folder


def run(name, host, folder, check=True, **extra):
    hook = {f"deploy_{word}": ["sh", "-c", f"echo {word} >> {STATUS}"] for word in ("stop", "start")}
    variables = json.dumps({"migrations_path": str(folder), **(hook if name == "deploy" else {}), **extra})
    return playbook(f"titan.database.{name}", "-l", host, "-e", variables, check=check)


def said(done):
    return " ".join((done.stdout + done.stderr).split())


def column(environment):
    return (
        environment.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'note'")
        == "1"
    )


def test_production_waits_for_staging(migrations):
    done = run("deploy", "titan-production", migrations, check=False)
    assert done.returncode != 0
    assert "Not applied on staging yet: 0012" in said(done)
    assert not column(PRODUCTION) and not HOST.file(STATUS).exists


def test_staging_then_production(migrations):
    run("deploy", "titan-staging", migrations)
    assert column(STAGING) and not column(PRODUCTION)
    dumps = PRODUCTION.dumps()
    done = run("deploy", "titan-production", migrations)
    assert column(PRODUCTION)
    assert "rollback_target=0011" in said(done)
    assert HOST.file(STATUS).content_string.split() == ["stop", "start", "stop", "start"]
    assert PRODUCTION.dumps() == dumps, "the backup of the converge is fresh"
    assert recap(run("deploy", "titan-production", migrations)) == {"titan-production": 0}


def test_a_deployment_that_fails_says_how_to_go_back(migrations, tmp_path):
    folder = tmp_path / "migrations"
    shutil.copytree(migrations, folder)
    Path(folder, "0013_broken.sql").write_text("CREATE TABLE public.half (id int);\nSELECT 1/0;\n")
    done = run("deploy", "titan-production", folder, check=False, deploy_rehearsed_on="")
    assert done.returncode != 0
    text = said(done)
    assert "division by zero" in text and "rollback_target=0012" in text and "-l titan-production" in text
    assert PRODUCTION.value("SELECT to_regclass('public.half') IS NULL") == "t"
    assert column(PRODUCTION)


def test_an_edited_migration_is_refused(migrations, tmp_path):
    folder = tmp_path / "migrations"
    shutil.copytree(migrations, folder)
    with Path(folder, "0012_add_notes.sql").open("a") as stream:
        stream.write("-- an afterthought\nSELECT 1;\n")
    done = run("deploy", "titan-production", folder, check=False)
    assert done.returncode != 0 and "0012" in said(done) and "nothing was changed" in said(done)


def test_the_way_back(migrations):
    refused = run("rollback", "titan-production", migrations, check=False, rollback_target="0011")
    assert refused.returncode != 0 and column(PRODUCTION), "production asks for a confirmation"
    run("rollback", "titan-production", migrations, rollback_target="0011", rollback_confirmed=True)
    run("rollback", "titan-staging", migrations, rollback_target="0011")
    assert not column(PRODUCTION) and not column(STAGING)
    rows = PRODUCTION.sql("SELECT version, action FROM titan_ops.migration_history WHERE version = '0012' ORDER BY id")
    assert [row[1] for row in rows][-1] != "apply"


def test_the_nine_queries_are_planned_as_expected():
    assert HOST.run("rm -rf /opt/queries").rc == 0

    subprocess.run(
        ["docker", "cp", str(ROOT / "examples/titan/queries"), "titan-shared:/opt/queries"],
        check=True,
        capture_output=True,
    )
    HOST.run("chmod -R a+rX /opt/queries")
    environment = "PGPORT=5433 PGDATABASE=titan_trading"
    done = HOST.run(f"cd / && runuser -u postgres -- env {environment} sh /opt/queries/plans.sh")
    assert done.rc == 0, done.stdout + done.stderr
    assert done.stdout.count("as expected") == 9
