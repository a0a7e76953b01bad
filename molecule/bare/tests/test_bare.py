# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two playbooks make a production host of a machine that had SSH and Python: the server, a proven backup, green health."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT, Environment, machine, playbook, recap

PRIMARIES = ("titan-bare-twelve", "titan-bare-thirteen")
VERSIONS = {"titan-bare-twelve": "15", "titan-bare-thirteen": "17"}
GUIDE = (ROOT / "docs/bootstrap.md").read_text(encoding="utf-8")


@pytest.fixture(params=PRIMARIES)
def name(request):
    return request.param


@pytest.fixture
def environment(name):
    return Environment(machine(name), "production")


def said(done) -> str:
    """What a playbook printed, with the line breaks of its messages taken out."""
    return " ".join((done.stdout + done.stderr).split())


def setting(environment, name: str) -> str:
    return environment.value(f"SHOW {name}")


def test_the_server_is_the_distributions_with_checksums(environment, name):
    assert setting(environment, "server_version").split(".")[0] == VERSIONS[name]
    assert setting(environment, "data_checksums") == "on"
    clusters = environment.host.run("pg_lsclusters --no-header").stdout.splitlines()
    assert [line.split()[:4] for line in clusters] == [[VERSIONS[name], "main", "5433", "online"]]
    assert environment.host.service(f"postgresql@{VERSIONS[name]}-main").is_enabled
    assert not environment.host.file("/etc/postgresql-common/createcluster.d/titan-server.conf").exists


def test_settings_are_in_force_and_explained(environment, name):
    values = {
        each: setting(environment, each)
        for each in ("shared_buffers", "ssl", "password_encryption", "log_min_duration_statement")
    }
    assert values == {
        "shared_buffers": "256MB",
        "ssl": "on",
        "password_encryption": "scram-sha-256",
        "log_min_duration_statement": "5s",
    }
    assert environment.value("SELECT count(*) FROM pg_settings WHERE pending_restart") == "0"
    text = environment.host.file(f"/etc/postgresql/{VERSIONS[name]}/main/conf.d/titan-server.conf").content_string
    assert "# a quarter of 1024 MB memory\nshared_buffers = '256MB'" in text


def test_from_another_host_only_tls_is_let_in(environment, name):
    """Judged by psql of the other machine, with the password that the env file has."""
    url = environment.host.run("sed -n 's/^DATABASE_URL=//p' %s/.env", environment.home).stdout.strip().strip("'")
    other = machine(next(each for each in PRIMARIES if each != name))
    address = {"titan-bare-twelve": ".101", "titan-bare-thirteen": ".102"}[name]
    network = other.run("hostname -I").stdout.split()[0].rsplit(".", 1)[0]
    url = re.sub(r"@[^/:]+", f"@{network}{address}", url)
    tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    done = other.run("PGSSLMODE=require psql -X -A -t %s -c %s", url, tls)
    assert (done.rc, done.stdout.strip()) == (0, "t"), done.stderr
    done = other.run("PGSSLMODE=disable psql -X -A -t %s -c %s", url, tls)
    assert done.rc == 2 and "no encryption" in done.stderr


def test_the_first_schema_is_the_applications(environment):
    assert (
        environment.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'public.orders'::regclass")
        == "titan"
    )
    assert environment.value("SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'") == "1"


def test_tonight_works_and_ends_green(environment):
    done = environment.cron("backup")
    assert done.rc == 0, environment.log("backup")[-2000:]
    newest = environment.json("list")["newest_verified"]
    assert newest["verified_level"] == "restored"
    done = environment.titan_db("health", "--by-hand", expect=None)
    assert done.rc == 0, done.stdout


def test_the_guide_says_just_this():
    """What was typed here is what the guide has one type."""
    commands = re.findall(r"^ *(ansible-playbook .*)$", GUIDE, re.M)
    assert commands[0].startswith("ansible-playbook titan.database.bootstrap -l production")
    assert "ansible-playbook site.yml -l production" in commands


def test_the_standby_follows():
    standby = Environment(machine("titan-bare-standby"), "production")
    primary = Environment(machine("titan-bare-thirteen"), "production")
    query = "cd / && runuser -u postgres -- psql -X -A -t -p 5433 -d postgres -c %s"
    assert (
        standby.host.run(query, "SELECT pg_is_in_recovery(), (SELECT status FROM pg_stat_wal_receiver)").stdout.strip()
        == "t|streaming"
    )
    rows = "SELECT s.ssl, r.usename FROM pg_stat_replication r JOIN pg_stat_ssl s USING (pid)"
    assert primary.sql(rows) == [["t", "titan_replication"]]
    password = standby.host.file("/var/lib/postgresql/.titan-replication")
    assert (password.user, password.mode) == ("postgres", 0o600)


def test_what_the_server_would_not_take_is_put_back(environment, name):
    file = f"/etc/postgresql/{VERSIONS[name]}/main/conf.d/titan-server.conf"
    before = environment.host.file(file).content_string
    done = playbook(
        "playbooks/bootstrap.yml",
        "-l",
        name,
        "-e",
        '{"server_settings": {"work_mem": "lots"}}',
        "--tags",
        "server",
        check=False,
    )
    assert (
        done.returncode != 0 and "still runs with the former one" in said(done) and "Setting work_mem: " in said(done)
    )
    assert environment.host.file(file).content_string == before
    done = playbook(
        "playbooks/bootstrap.yml",
        "-l",
        name,
        "-e",
        '{"server_hba": ["hots all all all trust"]}',
        "--tags",
        "server",
        check=False,
    )
    assert done.returncode != 0 and "pg_hba.conf, line 3" in said(done)
    assert environment.value("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == "0"


def test_a_restart_is_said_or_done(environment, name):
    more = '{"server_max_connections": 120}'
    done = playbook("playbooks/bootstrap.yml", "-l", name, "-e", more, "--tags", "server")
    assert "max_connections: in force after the next restart" in said(done)
    assert setting(environment, "max_connections") == "100"
    done = playbook("playbooks/bootstrap.yml", "-l", name, "-e", more, "-e", "server_restart=true", "--tags", "server")
    assert setting(environment, "max_connections") == "120"
    done = playbook("playbooks/bootstrap.yml", "-l", name, "-e", more, "--tags", "server")
    assert recap(done) == {name: 0}


def test_what_another_file_overrules_is_named(environment, name):
    environment.sql("ALTER SYSTEM SET work_mem = '5MB'")
    done = playbook("playbooks/bootstrap.yml", "-l", name, "--tags", "server", check=False)
    environment.sql("ALTER SYSTEM RESET work_mem")
    assert done.returncode != 0 and "work_mem is set in" in said(done)
