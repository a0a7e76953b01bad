# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two environments on one machine: nothing of one touches the other's files, rows, locks or cron lines."""

from __future__ import annotations

import json
import re
import shutil
import threading
from contextlib import contextmanager

from conftest import ROOT, Environment, crontab, machine, playbook, recap

FOREIGN = '# kept by hand\nMAILTO=""\n17 3 * * 6 /usr/bin/true   # "100\\%" of it\n'
PRODUCTION = Environment(machine("titan-production"), "production")
STAGING = Environment(machine("titan-staging"), "staging")
HOST = PRODUCTION.host


def without_comments(lines):
    return [line for line in lines.splitlines() if line and not line.startswith("#")]


def test_ansible_came_over_ssh_as_somebody_who_may_nothing_himself():
    """As deploy by SSH; as root, the jobs' user and the server's superuser by sudo; modules through the pipe, not as files."""
    logins = HOST.run("journalctl --no-pager -o cat -u ssh").stdout
    assert "Accepted publickey for deploy " in logins
    assert set(re.findall(r"Accepted \w+ for (\w+)", logins)) == {"deploy"}
    became = re.findall(
        r"deploy : .*?USER=(\w+) ; COMMAND=(.*)", HOST.run("journalctl --no-pager -o cat -t sudo").stdout
    )
    assert {user for user, _command in became} == {"root", "ubuntu", "postgres"}
    # Without pipelining sudo would be given the path of a module's file (and ubuntu could not read it in deploy's home).
    assert [command for _user, command in became if "AnsiballZ" in command] == []
    assert HOST.run("runuser -u deploy -- cat %s", f"{PRODUCTION.home}/.env").rc != 0


def test_one_machine_two_databases():
    assert PRODUCTION.host.run("hostname").stdout == STAGING.host.run("hostname").stdout
    assert PRODUCTION.database() == "titan_trading"
    assert STAGING.database() == "titan_trading_staging"


def test_the_crontab_has_two_blocks_and_the_foreign_lines():
    text = crontab(HOST)
    assert text.count("# BEGIN titan.database crontab ") == 2
    assert text.startswith(FOREIGN)
    assert len(PRODUCTION.block()) == 5 and len(STAGING.block()) == 2
    for mine, other in ((PRODUCTION, STAGING), (STAGING, PRODUCTION)):
        for line in mine.block():
            assert f"titan-db cron {mine.name} " in line and f"{mine.home}/.env" in line
            for foreign in (other.config, other.backups, f"{other.home}/", f"/{other.name}"):
                assert foreign not in line


def test_each_has_its_own_places():
    for path in ("/etc/titan-db", "/var/lib/titan-db", "/home/ubuntu/backups"):
        found = set(HOST.run("ls %s", path).stdout.split()) - {"titan-db"}  # both have one spare copy of the command
        assert len(found) == 2, path
    assert HOST.run("ls /etc/logrotate.d | grep titan").stdout.split() == ["titan-production", "titan-staging"]
    assert HOST.run("logrotate --debug /etc/logrotate.d/titan-production").rc == 0


def test_both_back_up_at_the_same_time():
    before = {each.name: each.dumps() for each in (PRODUCTION, STAGING)}
    done = {}

    def run(each):
        done[each.name] = each.cron("backup")

    threads = [threading.Thread(target=run, args=(each,)) for each in (PRODUCTION, STAGING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in (PRODUCTION, STAGING):
        assert done[each.name].rc == 0, each.log("backup")[-2000:]
        [dump] = set(each.dumps()) - set(before[each.name])
        listed = each.json("list")
        newest = listed["newest_verified"]
        assert (newest["path"], newest["database"], newest["verified_level"]) == (dump, each.database(), "restored")
        assert {entry["database"] for entry in listed["backups"]} == {each.database()}


def test_the_lock_of_one_does_not_stop_the_other():
    lock = f"{PRODUCTION.backups}/.titan_prod.lock"
    holder = HOST.run(
        "runuser -u ubuntu -- sh -c %s", f"flock {lock} sleep 20 >/dev/null 2>&1 & echo $!"
    ).stdout.strip()
    try:
        assert PRODUCTION.titan_db("backup", expect=None).rc == 75
        assert STAGING.titan_db("backup").rc == 0
    finally:
        HOST.run("pkill -P %s; kill %s", holder, holder)


def test_cleaning_staging_leaves_production_alone():
    before = PRODUCTION.counts()
    due, counts = STAGING.due(), STAGING.counts()
    assert all(due.values())
    STAGING.titan_db("cleanup", "--max-fraction", "1.0")
    after = STAGING.counts()
    assert {table: counts[table] - after[table] for table in due} == due
    assert PRODUCTION.counts() == before


def test_taking_staging_s_schedule_away_leaves_production_s_untouched():
    before = crontab(HOST)
    done = playbook("site.yml", "-l", "titan-staging", "--tags", "crontab", "-e", "crontab_state=absent")
    assert recap(done) == {"titan-staging": 1}
    after = crontab(HOST)
    assert "crontab staging" not in after
    assert after.startswith(FOREIGN)
    block = re.search(
        r"# BEGIN titan.database crontab production .*# END titan.database crontab production", before, re.S
    )
    assert block and block.group(0) in after
    # Both: the deployments of test_deploy left a record of other files on production.
    done = playbook("site.yml", "-l", "production,staging")
    assert recap(done)["titan-staging"] >= 1
    assert crontab(HOST) == before
    assert recap(playbook("site.yml", "-l", "production,staging")) == {"titan-production": 0, "titan-staging": 0}


# --- least privilege -------------------------------------------------------------------------------------------------


def role(kind: str, *words: str, expect: int | None = 0):
    """Run titan-db for production as the role of a kind."""
    return PRODUCTION.titan_db(words[0], "--env-file", f"{PRODUCTION.home}/.env.{kind}", *words[1:], expect=expect)


@contextmanager
def without(take: str, give: str):
    """One grant less for a while."""
    PRODUCTION.sql(take)
    try:
        yield
    finally:
        PRODUCTION.sql(give)


def play(name: str, *words: str, kind: str = "", check: bool = True, **extra):
    """Run a playbook for production, as the role of a kind if one is named; return its text."""
    variables = {**extra, **({"titan_env_file": f"{PRODUCTION.home}/.env.{kind}"} if kind else {})}
    done = playbook(name, "-l", "titan-production", *words, "-e", json.dumps(variables), check=check)
    assert check or done.returncode != 0
    return " ".join((done.stdout + done.stderr).split())


def test_migrations_as_the_owner(tmp_path):
    """Who owns the database and is no superuser migrates; a monitor is told what it lacks, and so is the owner."""
    assert PRODUCTION.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'titan'") == "f"
    (tmp_path / "0020_add_least.sql").write_text("CREATE TABLE public.least (id int);\n")
    (tmp_path / "0020_add_least.down.sql").write_text("DROP TABLE public.least;\n")
    shutil.copytree(ROOT / "examples" / "titan" / "migrations", tmp_path, dirs_exist_ok=True)
    text = play("titan.database.migrate", kind="monitor", check=False, migrations_path=str(tmp_path))
    assert "the role 'titan_monitor' needs " in text
    take = "REVOKE CREATE ON SCHEMA public FROM PUBLIC, titan, pg_database_owner"
    with without(take, "GRANT CREATE ON SCHEMA public TO pg_database_owner, titan"):
        text = play("titan.database.migrate", check=False, migrations_path=str(tmp_path))
        assert "the role 'titan' needs USAGE on schema public (and CREATE" in text
    assert PRODUCTION.value("SELECT to_regclass('public.least') IS NULL") == "t"
    play("titan.database.migrate", migrations_path=str(tmp_path))
    assert PRODUCTION.value("SELECT to_regclass('public.least') IS NOT NULL") == "t"
    play("titan.database.rollback", migrations_path=str(tmp_path), rollback_target="0011", rollback_confirmed=True)
    assert PRODUCTION.value("SELECT to_regclass('public.least') IS NULL") == "t"


def test_retention_policies_as_the_owner():
    before = PRODUCTION.sql("TABLE titan_ops.retention_policy")
    text = play("site.yml", "--tags", "retention", kind="monitor", check=False)
    assert "lacks SELECT or DELETE on public." in text
    with without("REVOKE DELETE ON notifications FROM titan", "GRANT DELETE ON notifications TO titan"):
        text = play("site.yml", "--tags", "retention", check=False)
        assert "lacks SELECT or DELETE on public.notifications" in text
    play("site.yml", "--tags", "retention")
    assert PRODUCTION.sql("TABLE titan_ops.retention_policy") == before


def test_a_backup_as_the_backup_role():
    assert "titan_prod_" in role("backup", "backup").stdout
    with without("REVOKE pg_read_all_data FROM titan_backup", "GRANT pg_read_all_data TO titan_backup"):
        done = role("backup", "backup", expect=1)
        assert "Grant it pg_read_all_data" in done.stderr and "Traceback" not in done.stderr


def test_a_drill_needs_no_role_at_all():
    with without("ALTER ROLE titan NOLOGIN", "ALTER ROLE titan LOGIN"):
        assert "compared after restore" in PRODUCTION.titan_db("drill", "--by-hand").stdout
    newest = PRODUCTION.json("list")["newest_verified"]["path"]
    assert HOST.run("chown root: %s", newest).rc == 0
    try:
        done = PRODUCTION.titan_db("drill", "--by-hand", "--source", newest, expect=None)
        assert done.rc == 1 and "Permission denied" in done.stderr and newest in done.stderr, done.stderr
    finally:
        assert HOST.run("chown ubuntu: %s", newest).rc == 0


def test_a_restore_needs_createdb_and_no_more():
    restore = ("restore", "--source", PRODUCTION.json("list")["newest_verified"]["path"], "--into", "titan_copy")
    done = PRODUCTION.titan_db(*restore, expect=1)
    assert "needs CREATEDB for the role 'titan'" in done.stderr
    with without("ALTER ROLE titan CREATEDB", "ALTER ROLE titan NOCREATEDB"):
        PRODUCTION.titan_db(*restore)
    assert PRODUCTION.value("SELECT count(*) FROM pg_database WHERE datname = 'titan_copy'") == "1"
    PRODUCTION.sql("DROP DATABASE titan_copy")


def test_the_backup_role_cannot_delete():
    before = PRODUCTION.counts()
    done = role("backup", "cleanup", "--max-fraction", "1.0", expect=1)
    assert "DELETE on public.user_sessions" in done.stderr and "Traceback" not in done.stderr
    assert PRODUCTION.counts() == before


def test_clean_up_as_the_maintenance_role():
    take = "REVOKE DELETE ON notifications FROM titan_maintenance; REVOKE titan FROM titan_maintenance"
    with without(take, "GRANT DELETE ON notifications TO titan_maintenance; GRANT titan TO titan_maintenance"):
        before, due = PRODUCTION.counts(), PRODUCTION.due()
        assert all(due.values())
        done = role("maintenance", "cleanup", "--max-fraction", "1.0", expect=1)
        said = done.stdout + done.stderr
        assert "DELETE on public.notifications" in said
        after = PRODUCTION.counts()
        assert after["notifications"] == before["notifications"]
        assert before["audit_logs"] - after["audit_logs"] == due["audit_logs"]
    role("maintenance", "cleanup", "--max-fraction", "1.0")
    assert set(PRODUCTION.due().values()) == {0}


def test_indexes_as_the_maintenance_role():
    """After the clean-up most of the indexes' pages are free. Before PostgreSQL 17 only a member of the owner may rebuild."""
    reindex = ("reindex", "--min-reclaimable", "0.1", "--min-size-mb", "0")
    with without("REVOKE titan FROM titan_maintenance", "GRANT titan TO titan_maintenance"):
        done = role("maintenance", *reindex, expect=1)
        assert "only the owner of public." in done.stderr and "'titan_maintenance' is not" in done.stderr
    text = role("maintenance", *reindex).stdout
    assert re.search(r"Rebuilt [1-9]\d* of ", text), text


def test_the_monitor_role_watches():
    done = role("monitor", "health", "--by-hand", expect=None)
    assert done.rc in (0, 1, 2) and "permission denied" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert "pg_monitor" not in done.stdout
    assert "public.orders" in role("monitor", "stats", "--by-hand").stdout
    with without("REVOKE pg_monitor FROM titan_monitor", "GRANT pg_monitor TO titan_monitor"):
        done = role("monitor", "health", "--by-hand", expect=None)
        assert "grant pg_monitor to 'titan_monitor'" in done.stdout, done.stdout
    take = "REVOKE SELECT ON titan_ops.migration_history FROM titan_monitor"
    with without(take, "GRANT SELECT ON titan_ops.migration_history TO titan_monitor"):
        done = role("monitor", "health", "--by-hand", expect=None)
        assert "titan_ops.migration_history TO" in done.stdout, done.stdout
    take = "REVOKE CONNECT ON DATABASE titan_trading FROM titan_monitor"
    with without(take, "GRANT CONNECT ON DATABASE titan_trading TO titan_monitor"):
        done = role("monitor", "health", "--by-hand", expect=None)
        assert done.rc == 2 and "CONNECT privilege" in done.stdout, done.stdout
        assert "CONNECT privilege" in role("monitor", "stats", "--by-hand", expect=1).stderr


# --- passwords -------------------------------------------------------------------------------------------------------


def login(password_file: str) -> bool:
    """Whether the connection of an env file is let in, asked with libpq itself."""
    script = f'set -a; . {password_file}; set +a; psql -X -A -t "$DATABASE_URL" -c "SELECT 1"'
    return HOST.run("runuser -u ubuntu -- sh -c %s", script).rc == 0


def test_a_rotated_password():
    env_file = f"{PRODUCTION.home}/.env"
    assert HOST.run("install -o ubuntu -m 600 %s /home/ubuntu/.env.old", env_file).rc == 0
    other = HOST.run("sha256sum %s", f"{STAGING.home}/.env").stdout
    assert login(env_file)

    done = playbook(
        "titan.database.bootstrap", "-l", "titan-production", "-e", '{"lab_password_owner": "new\'%pá$s;2"}'
    )
    assert recap(done)["titan-production"] >= 1
    for secret in ("new'%p", "new%27%25p", "w$o%r", "w%24o%25r"):
        assert secret not in done.stdout + done.stderr
    assert login(env_file) and not login("/home/ubuntu/.env.old")
    text = HOST.run("cat %s", env_file).stdout
    assert "NODE_ENV=production" in text and "APP_NAME='Titan \"AI\" Trader'" in text
    assert (HOST.file(env_file).user, HOST.file(env_file).mode) == ("ubuntu", 0o600)
    assert HOST.run("ls -A %s", PRODUCTION.home).stdout.split() == [
        ".env",
        ".env.backup",
        ".env.maintenance",
        ".env.monitor",
    ]
    assert HOST.run("sha256sum %s", f"{STAGING.home}/.env").stdout == other
    assert PRODUCTION.cron("backup").rc == 0

    # A password that cannot be tested is not kept: the server does not listen there.
    before = HOST.run("sha256sum %s", env_file).stdout
    failed = playbook(
        "titan.database.bootstrap", "-l", "titan-production", "-e",
        '{"lab_password_owner": "never", "access_host": "127.0.0.1:1"}', check=False,
    )  # fmt: skip
    assert failed.returncode != 0
    assert "The old password is back in force" in " ".join((failed.stdout + failed.stderr).split())
    assert HOST.run("sha256sum %s", env_file).stdout == before
    assert not HOST.file(f"{env_file}.new").exists
    assert login(env_file)
