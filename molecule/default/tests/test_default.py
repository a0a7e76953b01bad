# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged host does what production needs: seen in its catalog, its files and its crontab, not in a play's recap."""

from __future__ import annotations

import json
import re

import pytest
from conftest import KEEP, NINE, ROOT, TWINS, Environment, crontab, hosts_of, machine, playbook, recap

PAIRS = [(name, group) for group in ("production", "staging") for name in hosts_of(group)]


@pytest.fixture(params=PAIRS, ids=[name for name, _group in PAIRS], scope="module")
def environment(request):
    name, group = request.param
    return Environment(machine(name), group)


def test_the_hosts_are_what_the_scenario_says(environment):
    debian = environment.host.run("cat /etc/debian_version").stdout.split(".")[0]
    server = environment.value("SHOW server_version").split(".")[0]
    assert (debian, server) in (("12", "15"), ("13", "17"))
    assert {group for _name, group in PAIRS} == {"production", "staging"}
    assert environment.host.run("systemctl is-active cron").stdout.strip() == "active"


def test_the_history_has_both_migrations_once(environment):
    rows = environment.sql("SELECT version, name, outcome FROM titan_ops.migration_history ORDER BY id")
    assert rows == [["0010", "add_performance_indexes", "applied"], ["0011", "add_data_retention_functions", "applied"]]


def test_the_indexes_are_there_and_valid(environment):
    there = dict(environment.sql(
        "SELECT c.relname, i.indisvalid AND i.indisready FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
    ))  # fmt: skip
    assert set(there.values()) == {"t"}
    assert set(NINE) - set(TWINS) <= set(there)
    assert not set(TWINS) & set(there), "an exact duplicate was built"
    assert set(TWINS.values()) <= set(there)
    assert len(there) == 38 + 7


def test_the_policies_are_the_inventory_s(environment):
    audit, low, high, read = KEEP[environment.name]
    rows = environment.sql("SELECT table_name, keep FROM titan_ops.retention_policy ORDER BY 1, 2")
    wanted = [
        ("audit_logs", audit),
        ("notifications", read),
        ("system_logs", low),
        ("system_logs", high),
        ("user_sessions", 0),
    ]
    assert sorted(rows) == sorted([table, "00:00:00" if not days else f"{days} days"] for table, days in wanted)


def test_the_functions_for_people_at_psql_answer(environment):
    rows = environment.sql("SELECT * FROM cleanup_statistics")
    due = environment.due()
    assert sum(due.values()) > 0
    assert {row[0] for row in rows} >= {"audit_logs", "system_logs", "notifications", "user_sessions"}


def test_directories_and_files_are_private(environment):
    host = environment.host
    for path, mode in (
        (environment.backups, 0o700),
        ("/home/ubuntu/logs", 0o750),
        (f"/var/lib/titan-db/{environment.name}", 0o750),
    ):
        place = host.file(path)
        assert (place.is_directory, place.user, place.mode) == (True, "ubuntu", mode), path
    env_file = host.file(f"{environment.home}/.env")
    assert (env_file.user, env_file.mode) == ("ubuntu", 0o600)
    assert host.file("/usr/local/bin/titan-db").mode == 0o755
    for dump in environment.dumps():
        assert host.file(dump).mode == 0o600
        assert host.file(f"{dump}.json").mode == 0o600


def test_the_packages_were_installed(environment):
    for package in ("python3-psycopg2", "zstd", "logrotate"):
        assert environment.host.package(package).is_installed, package


def test_no_password_lies_about(environment):
    """Not in the crontab, not in the configuration, not in logs or manifests, in any spelling."""
    spellings = ("w$o%r", "w%24o%25r", "%C3%A1")
    for path in (
        "/var/spool/cron/crontabs/ubuntu",
        environment.config,
        "/home/ubuntu/logs",
        environment.backups,
        "/var/log",
    ):
        for spelling in spellings:
            found = environment.host.run("grep -rlaF -- %s %s", spelling, path)
            assert found.rc == 1 and not found.stdout, f"{spelling} in {found.stdout} {found.stderr}"
    assert environment.host.run("grep -cE %s %s", "w.o.r|w%24o%25r", f"{environment.home}/.env").stdout.strip() == "1"


def test_the_crontab_has_the_environment_s_jobs_and_no_others(environment):
    jobs = {"production": ["backup", "cleanup", "stats", "reindex", "health"], "staging": ["backup", "health"]}
    wanted = jobs[environment.name]
    assert [
        re.search(rf"titan-db cron {environment.name} (\w+)\) >>", line).group(1) for line in environment.block()
    ] == wanted
    assert all(len(line.encode()) <= 220 for line in environment.block()), (
        "as long as a line may be that a person reads"
    )
    assert crontab(environment.host, "root") == ""
    if environment.name == "production":
        assert environment.line("backup").startswith("0 2 * * * ")
        assert environment.line("cleanup").startswith("15 2 * * * ")
        assert environment.line("stats").startswith("0 8 * * 0 ")
    # The host's own cron takes it.
    assert environment.host.run("sh -c 'crontab -l -u ubuntu | crontab -n -'").rc == 0


def test_a_backup_as_cron_runs_it_is_proven_and_logged(environment):
    before, log = environment.dumps(), environment.log("backup")
    done = environment.cron("backup")
    assert (done.rc, done.stdout, done.stderr) == (0, "", ""), environment.log("backup")[-3000:]
    [dump] = set(environment.dumps()) - set(before)
    assert re.fullmatch(rf"{environment.backups}/{environment.prefix}_\d{{8}}_\d{{6}}\.sql\.gz", dump)
    new = environment.log("backup").removeprefix(log)
    assert dump in new and new.count("\n") >= 1
    listed = environment.json("list", "--verify", "checksum")
    assert listed["newest_verified"]["path"] == dump
    assert listed["newest_verified"]["verified_level"] == "restored"
    assert environment.host.run("gzip -t %s", dump).rc == 0
    manifest = json.loads(environment.host.run("cat %s", f"{dump}.json").stdout)
    assert "orders" in json.dumps(manifest)


def test_one_damaged_byte_is_found(environment):
    dump = environment.dumps()[-1]
    host = environment.host
    assert host.run("cp -a %s /root/kept.gz", dump).rc == 0
    size = int(host.run("stat -c %%s %s", dump).stdout)
    assert host.run("sh -c %s", f"printf 'X' | dd of={dump} bs=1 seek={size // 2} conv=notrunc status=none").rc == 0
    try:
        listed = environment.json("list", "--verify", "checksum", expect=1)
        assert [entry["problem"] for entry in listed["backups"] if entry["path"] == dump] != [""]
        assert (listed["newest_verified"] or {}).get("path") != dump
    finally:
        host.run("cp -a /root/kept.gz %s", dump)
    assert environment.json("list", "--verify", "checksum")["newest_verified"]["path"] == dump


def test_a_first_clean_up_that_takes_most_of_a_table_asks_first(environment):
    if environment.name != "production":
        pytest.skip("staging has no clean-up job")
    before = environment.counts()
    done = environment.cron("cleanup")
    assert done.rc != 0
    assert "max_fraction" in environment.log("cleanup")
    assert environment.counts()["audit_logs"] == before["audit_logs"]


def test_clean_up_deletes_exactly_the_due_rows(environment):
    before, due = environment.counts(), environment.due()
    assert all(due.values()), due
    result = environment.json(
        "cleanup", "--max-fraction", "1.0", "--backup-dest", environment.backups, "--backup-name", environment.prefix
    )
    after = environment.counts()
    gone = {table: before[table] - after[table] for table in before}
    assert {table: gone[table] for table in due} == due
    assert all(gone[table] == 0 for table in ("orders", "trades", "users"))
    deleted: dict[str, int] = {}
    for row in result["results"]:
        table = row["table"].split(".")[-1]
        deleted[table] = deleted.get(table, 0) + row["deleted"]
    assert {table: deleted[table] for table in due} == due
    assert environment.due() == dict.fromkeys(due, 0)


def test_clean_up_as_cron_runs_it(environment):
    if environment.name != "production":
        pytest.skip("staging has no clean-up job")
    environment.sql(
        "INSERT INTO audit_logs (user_id, action, created_at) SELECT (SELECT id FROM users LIMIT 1), 'late', now() - interval '91 days' "
        "FROM generate_series(1, 7); INSERT INTO system_logs (level, service, message, created_at) VALUES "
        "('INFO', 'api', 'late', now() - interval '31 days'), ('Error', 'api', 'kept', now() - interval '179 days')"
    )
    before, log = environment.counts(), environment.log("cleanup")
    done = environment.cron("cleanup")
    assert (done.rc, done.stdout) == (0, ""), environment.log("cleanup")[-3000:]
    after = environment.counts()
    assert before["audit_logs"] - after["audit_logs"] == 7
    assert before["system_logs"] - after["system_logs"] == 1
    assert environment.log("cleanup") != log


def test_the_env_file_gone_leaves_a_trace_in_the_log(environment):
    host = environment.host
    assert host.run("mv %s /root/env.away", f"{environment.home}/.env").rc == 0
    try:
        log = environment.log("backup")
        done = environment.cron("backup")
        assert done.rc != 0
        assert ".env" in environment.log("backup").removeprefix(log)
    finally:
        host.run("mv /root/env.away %s", f"{environment.home}/.env")


def test_site_without_a_limit_touches_nothing():
    done = playbook("site.yml", check=False)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "No environment was named" in said and "production" in said and "staging" in said
    assert set(recap(done).values()) <= {0}


@pytest.mark.parametrize("group", ["production", "staging"])
def test_site_by_its_limit_has_nothing_left_to_do(group):
    done = playbook("site.yml", "-l", group)
    assert recap(done) == dict.fromkeys(hosts_of(group), 0)
    assert recap(done, "failed") == dict.fromkeys(hosts_of(group), 0)


def test_nothing_of_one_environment_is_on_the_other(environment):
    other = {"production": "staging", "staging": "production"}[environment.name]
    assert other not in crontab(environment.host)
    assert not environment.host.file(f"/etc/titan-db/{other}.json").exists
    assert not environment.host.file(f"/var/lib/titan-db/{other}").exists


def test_roles_have_what_they_need_and_no_more(environment):
    rows = environment.sql(
        "SELECT rolname, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication, rolconnlimit FROM pg_roles "
        "WHERE rolname LIKE 'titan%' ORDER BY 1"
    )
    limits = {name: int(limit) for name, more, limit in rows if more == "f"}
    assert len(limits) == len(rows)
    assert limits["titan"] == -1 and limits["titan_backup"] == 5
    assert environment.value("SELECT has_table_privilege('titan_backup', 'orders', 'SELECT')") == "t"
    assert environment.value("SELECT has_table_privilege('titan_backup', 'orders', 'INSERT,UPDATE,DELETE')") == "f"
    if "titan_maintenance" in limits:
        assert environment.value("SELECT has_table_privilege('titan_app', 'orders', 'DELETE')") == "t"
        assert environment.value("SELECT has_table_privilege('titan_monitor', 'orders', 'SELECT')") == "f"
        assert environment.value("SELECT has_table_privilege('titan_maintenance', 'audit_logs', 'DELETE')") == "t"
    assert (
        environment.value(
            "SELECT count(*) FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database() AND a.grantee = 0"
        )
        == "0"
    )


def test_the_checkout_is_what_was_tested():
    """The values of the lab's groups are the shipped inventories' own files."""
    for name in ("production", "staging"):
        shipped = ROOT / "inventories" / name / "group_vars" / f"{name}.yml"
        assert (ROOT / "molecule" / "shared" / "group_vars" / f"{name}.yml").resolve() == shipped.resolve()


def test_ansible_s_defaults_and_a_host_without_acl_are_enough(monkeypatch):
    for name in ("ANSIBLE_PIPELINING", "ANSIBLE_SSH_PIPELINING"):
        monkeypatch.setenv(name, "false")
    for name, _group in PAIRS:
        assert machine(name).run("command -v setfacl").rc != 0
    assert set(recap(playbook("site.yml", "-l", "production,staging")).values()) == {0}
