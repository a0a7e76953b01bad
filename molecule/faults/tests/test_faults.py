# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault: no false success, nothing lost, health red; and the next run heals without hands."""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import time
import urllib.parse

import pytest
from conftest import Environment, machine, playbook, recap, wait_until

PRODUCTION = Environment(machine("titan-faults"), "production")
HOST = PRODUCTION.host
CLEANUP = ("cleanup", "--by-hand", "--max-fraction", "1.0")
COMMAND, SPARE = "/usr/local/bin/titan-db", "/etc/titan-db/titan-db"


def server(action: str) -> None:
    version = HOST.run("ls /etc/postgresql").stdout.strip()
    assert HOST.run("systemctl %s postgresql@%s-main" % (action, version)).rc == 0  # noqa: UP031


def checks() -> dict[str, str]:
    """Status of every check of health, and of the whole."""
    # By hand: as the job it would find the lock held whenever cron's own health job is at work.
    done = PRODUCTION.titan_db("health", "--by-hand", "--json", expect=None)
    found = json.loads(done.stdout)
    return {**{check["name"]: check["status"] for check in found["checks"]}, "all": found["status"]}


def leftovers() -> list[str]:
    """Files that are neither a finished backup nor one of the known companions."""
    names = HOST.run("ls -A %s", PRODUCTION.backups).stdout.split()
    known = (".sql.gz", ".sql.gz.json", ".globals.sql", ".lock")
    return [name for name in names if not name.endswith(known)]


@pytest.fixture(autouse=True)
def _heals():
    """After each fault the next night is a good one, nothing half-done is left, and health is green again."""
    yield
    dumps = set(PRODUCTION.dumps())
    done = PRODUCTION.cron("backup")
    assert done.rc == 0, PRODUCTION.log("backup")[-3000:]
    assert len(set(PRODUCTION.dumps()) - dumps) == 1
    assert leftovers() == []
    assert [entry["problem"] for entry in PRODUCTION.json("list")["backups"]] == [""] * len(PRODUCTION.dumps())
    found = checks()
    assert (found["jobs_failed"], found["connection"], found["backup_age"]) == ("ok", "ok", "ok"), found
    assert HOST.run("pgrep -fa '[i]nitdb|[t]itan-drill'").stdout == ""


def failed_backup() -> str:
    """Run the night's backup, which must fail, be logged and turn health red; return its log."""
    before, log = PRODUCTION.dumps(), PRODUCTION.log("backup")
    done = PRODUCTION.cron("backup")
    assert done.rc != 0
    assert PRODUCTION.dumps() == before
    new = PRODUCTION.log("backup").removeprefix(log)
    assert "FAILED with status" in new and "Traceback" not in new, new
    found = checks()
    assert found["jobs_failed"] == "critical" and found["all"] == "critical", found
    return new


def mails() -> list[tuple[dict, email.message.EmailMessage]]:
    """What the mail server got: its own notes (login, from, to) and the mail."""
    done = HOST.run("cat /root/mails.jsonl")
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    return [(each, email.message_from_string(each["text"], policy=email.policy.default)) for each in kept]


def test_the_test_message_of_the_converge_arrived():
    subjects = [mail["Subject"] for _envelope, mail in mails()]
    assert "[production] test message (titan-faults)" in subjects


def test_a_failure_and_the_way_out_of_it_are_mailed():
    before = len(mails())
    PRODUCTION.sql("ALTER ROLE titan NOLOGIN")
    try:
        assert PRODUCTION.cron("backup").rc != 0
    finally:
        PRODUCTION.sql("ALTER ROLE titan LOGIN")
    assert PRODUCTION.cron("backup").rc == 0
    new = [(envelope, mail) for envelope, mail in mails()[before:] if "] backup " in mail["Subject"]]
    assert len(new) == 2, [mail["Subject"] for _envelope, mail in new]
    for envelope, mail in new:
        assert (mail["From"], mail["To"]) == ("titan-db@hosts.example", "oncall@people.example")
        assert envelope["login"] and "<titan-db@hosts.example>" in envelope["from"]
        assert ["<oncall@people.example>" in to for to in envelope["to"]] == [True]
        for secret in ("s3cret", "w$o%r", "w%24o%25r", "postgresql://"):
            assert secret not in envelope["text"] and secret not in mail.get_body(("plain",)).get_content()
    failed, works = (mail for _envelope, mail in new)
    assert failed["Subject"].startswith("[production] backup FAILED: ") and "titan-faults" in failed["Subject"]
    said = failed.get_body(("plain",)).get_content()
    assert "is not permitted to log in" in said
    assert re.search(r"^Log: /home/ubuntu/logs/db-backup-production.log", said, re.M), said
    assert works["Subject"] == "[production] backup works again (titan-faults)"


def subjects(since: int) -> list[str]:
    """Of the mails after the first so many."""
    return [mail["Subject"] for _envelope, mail in mails()[since:]]


@pytest.mark.parametrize("harm", ["rm", "chmod -x"])
def test_the_program_is_gone(harm):
    """The spare copy tells it in the job's place, and finds it as health; the next converge puts the program back."""
    before = len(mails())
    assert HOST.run(f"{harm} {COMMAND}").rc == 0
    status, why = (127, "is missing") if harm == "rm" else (126, "cannot be executed")
    assert PRODUCTION.cron("backup").rc == status
    assert f"[production] backup FAILED: the job could not start: {COMMAND} {why} (titan-faults)" in subjects(before)
    assert COMMAND in PRODUCTION.log("backup")
    # 75: cron's own health job is at work at this very moment, and says the same. The line's end is the program that is gone.
    assert PRODUCTION.cron("health").rc in (2, 75, status)
    wait_until(
        lambda: any("health FAILED: " in each and "programs" in each for each in subjects(before)), 60, "health speaks"
    )
    done = HOST.run("cd / && runuser -u ubuntu -- %s health --by-hand --json --config %s", SPARE, PRODUCTION.config)
    found = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    assert (done.rc, found["programs"], found["jobs_failed"]) == (2, "critical", "critical"), found
    assert recap(playbook("site.yml", "-l", "production", "--tags", "host")) == {"titan-faults": 1}
    assert checks()["programs"] == "ok"
    assert PRODUCTION.cron("backup").rc == 0
    assert "[production] backup works again (titan-faults)" in subjects(before)
    PRODUCTION.cron("health")  # as within a quarter of an hour: what it found is over


def test_a_full_disk():
    """The backups lie on a small file system of their own, which is full before the dump is done."""
    kept = "/root/backups-kept"
    folder = PRODUCTION.backups
    assert HOST.run("mkdir %s && cp -a %s/. %s/", kept, folder, kept).rc == 0
    assert (
        HOST.run("mount -t tmpfs -o size=300k,mode=700,uid=$(id -u ubuntu),gid=$(id -g ubuntu) tmpfs %s", folder).rc
        == 0
    )
    try:
        said = failed_backup()
        assert "space" in said
        assert leftovers() == []
    finally:
        assert HOST.run("umount %s", folder).rc == 0
    assert HOST.run("diff -r %s %s", kept, folder).rc == 0


def locked(seconds: int) -> None:
    """Hold a table so that a dump has to wait, in the background."""
    script = (
        "cd / && runuser -u postgres -- psql -X -q -p 5433 titan_trading -c "
        f"'BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds})' >/dev/null 2>&1 &"
    )
    HOST.run("sh -c %s", script)
    wait_until(
        lambda: PRODUCTION.value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'orders'::regclass") == "1",
        60, "the table is locked",
    )  # fmt: skip


def start_backup() -> None:
    """Start the cron line in the background and wait until it is at work."""
    command = PRODUCTION.line("backup").split(None, 5)[5].replace("\\%", "%")
    subprocess.Popen(
        ["docker", "exec", "titan-faults", "runuser", "-u", "ubuntu", "--", "env", "-i", "HOME=/home/ubuntu", "PATH=/usr/bin:/bin",
         "/bin/sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(
        lambda: PRODUCTION.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass") != "0",
        60, "the backup waits for the table",
    )  # fmt: skip


def unlock() -> None:
    PRODUCTION.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    )


def test_a_killed_job():
    before = PRODUCTION.dumps()
    locked(180)
    start_backup()
    assert HOST.run("pkill -9 -u ubuntu -f 'titan-db cron production backup'").rc == 0
    unlock()
    wait_until(lambda: HOST.run("pgrep -u ubuntu -f 'titan-db cron production backup'").rc != 0, 20, "the job is gone")
    assert PRODUCTION.dumps() == before
    assert checks()["jobs_failed"] == "critical"


def test_the_server_restarts_under_a_backup():
    before = PRODUCTION.dumps()
    locked(180)
    start_backup()
    version = HOST.run("ls /etc/postgresql").stdout.strip()
    HOST.run("sh -c %s", f"kill -QUIT $(head -1 /var/lib/postgresql/{version}/main/postmaster.pid)")
    time.sleep(1)
    HOST.run("systemctl restart postgresql@%s-main", version)
    wait_until(
        lambda: HOST.run("pgrep -u ubuntu -f 'titan-db cron production backup'").rc != 0, 60, "the job has ended"
    )
    assert PRODUCTION.dumps() == before
    assert "FAILED with status" in PRODUCTION.log("backup").splitlines()[-1]
    assert checks()["jobs_failed"] == "critical"


def test_the_server_is_down():
    server("stop")
    try:
        before = PRODUCTION.dumps()
        assert PRODUCTION.cron("backup").rc != 0
        assert PRODUCTION.dumps() == before
        found = checks()
        assert (found["connection"], found["all"]) == ("critical", "critical")
        assert "Connection refused" in PRODUCTION.titan_db("cleanup", "--by-hand", expect=1).stderr
    finally:
        server("start")


def test_a_reboot_in_the_middle():
    locked(180)
    start_backup()
    subprocess.run(["docker", "restart", "-t", "1", "titan-faults"], check=True, capture_output=True)
    wait_until(lambda: HOST.run("systemctl is-active cron").stdout.strip() == "active", 60, "cron is up")
    wait_until(
        lambda: HOST.run("cd / && runuser -u postgres -- psql -XAtc 'SELECT 1' -p 5433").rc == 0, 60, "the server is up"
    )
    for word in ("backup", "cleanup", "stats", "reindex"):
        assert PRODUCTION.line(word)
    assert checks()["jobs_failed"] == "critical"


def test_a_table_that_cannot_be_read():
    PRODUCTION.sql("ALTER TABLE portfolios OWNER TO postgres; REVOKE ALL ON portfolios FROM PUBLIC, titan")
    try:
        said = failed_backup()
        assert "cannot read public.portfolios" in said
    finally:
        PRODUCTION.sql("ALTER TABLE portfolios OWNER TO titan")


def test_a_clean_up_that_is_cut_off_keeps_its_work():
    PRODUCTION.cron("backup")
    due = PRODUCTION.due()
    assert due["audit_logs"] > 100
    before = PRODUCTION.counts()
    # The tables are cleaned in turn; the last of them is held, and the job is killed while it waits.
    held = (
        "cd / && runuser -u postgres -- psql -X -q -p 5433 titan_trading -c "
        "'BEGIN; SELECT 1 FROM user_sessions FOR UPDATE; SELECT pg_sleep(60)' >/dev/null 2>&1 &"
    )
    HOST.run("sh -c %s", held)
    time.sleep(1)
    job = subprocess.Popen(
        ["docker", "exec", "titan-faults", "runuser", "-u", "ubuntu", "--", "titan-db", CLEANUP[0], "--config", PRODUCTION.config,
         *CLEANUP[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_until(lambda: PRODUCTION.due()["system_logs"] == 0 or job.poll() is not None, 60, "rows are gone")
    HOST.run("pkill -9 -u ubuntu -f 'titan-db cleanup'")
    job.wait(timeout=30)
    unlock()
    after = PRODUCTION.counts()
    assert before["audit_logs"] - after["audit_logs"] == due["audit_logs"]
    PRODUCTION.titan_db(*CLEANUP)
    assert set(PRODUCTION.due().values()) == {0}
    assert PRODUCTION.counts()["orders"] == before["orders"]


HANGING = ("portfolios", "positions", "orders", "trades", "strategy_executions", "portfolio_snapshots")


def rows_of(tables: tuple[str, ...]) -> dict[str, str]:
    """Of each table the number of rows and a hash of their text, by the server itself."""
    query = "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t"
    return {name: PRODUCTION.value(query.format(name)) for name in tables}


def test_rows_lost_by_a_cascade_come_back_while_writers_run():
    assert PRODUCTION.cron("backup").rc == 0
    before = rows_of(HANGING)
    written = "SELECT count(*) FROM audit_logs WHERE action = 'writer'"
    writer = (
        "cd / && printf '%s\\n' \"INSERT INTO audit_logs (user_id, action) SELECT id, 'writer' FROM users LIMIT 1\" "
        "'\\watch 0.1' | runuser -u postgres -- psql -X -q -p 5433 titan_trading >/dev/null 2>&1 &"
    )
    PRODUCTION.sql("DELETE FROM portfolios WHERE id IN (SELECT id FROM portfolios ORDER BY id LIMIT 3)")
    lost = rows_of(HANGING)
    assert all(lost[name] != before[name] for name in HANGING[:4])
    HOST.run("sh -c %s", writer)
    try:
        wait_until(lambda: PRODUCTION.value(written) != "0", 20, "the writer writes")
        began = int(PRODUCTION.value(written))
        options = ("--tables", "portfolios", "--record-dir", "/home/ubuntu/rescued")
        assert "would be put back" in PRODUCTION.titan_db("rescue", *options, "--check").stdout
        assert rows_of(HANGING) == lost
        PRODUCTION.titan_db("rescue", *options)
        assert rows_of(HANGING) == before
        assert int(PRODUCTION.value(written)) > began, "nobody waited for the rescue"
    finally:
        PRODUCTION.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%writer%' AND pid <> pg_backend_pid()"
        )
    undo = HOST.run("ls /home/ubuntu/rescued").stdout.split()
    assert len(undo) == 1 and HOST.file(f"/home/ubuntu/rescued/{undo[0]}").mode == 0o600
    PRODUCTION.titan_db("rescue", "--undo", f"/home/ubuntu/rescued/{undo[0]}")
    assert rows_of(HANGING) == lost
    PRODUCTION.titan_db("rescue", *options)
    assert rows_of(HANGING) == before
    HOST.run("rm -r /home/ubuntu/rescued")


@pytest.mark.parametrize("shift", ["-400d", "+400d"])
def test_a_wrong_clock_deletes_nothing(shift):
    """The machine's clock is off by more than a year: no backup is fresh then, or none can be believed."""
    PRODUCTION.sql(
        "INSERT INTO audit_logs (user_id, action, created_at) SELECT (SELECT id FROM users LIMIT 1), 'late', now() - interval '91 days' "
        "FROM generate_series(1, 3)"
    )
    before, dumps = PRODUCTION.counts(), PRODUCTION.dumps()
    words = f"cd / && runuser -u ubuntu -- faketime -f {shift} titan-db cleanup --by-hand --config {PRODUCTION.config} --max-fraction 1.0"
    done = HOST.run("sh -c %s", words)
    assert done.rc == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert PRODUCTION.counts() == before
    done = HOST.run(
        "sh -c %s",
        f"cd / && runuser -u ubuntu -- faketime -f {shift} titan-db health --by-hand --config {PRODUCTION.config} --json",
    )
    status = {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    if shift == "+400d":
        assert status["backup_age"] == "critical"
    assert PRODUCTION.dumps() == dumps


SETTINGS = "SELECT name, setting FROM pg_settings WHERE name NOT IN ('application_name', 'client_encoding') ORDER BY 1"
POOLED = "/home/ubuntu/.env.pooled"


def pooler(mode: str) -> urllib.parse.SplitResult:
    """Start Debian's PgBouncer in the mode, and write the env file of an application that goes through it."""
    text = HOST.run("cat %s", f"{PRODUCTION.home}/.env").stdout
    url = urllib.parse.urlsplit(re.search(r"^DATABASE_URL='(.*)'$", text, re.M).group(1))
    password = urllib.parse.unquote(url.password).replace('"', '""')
    write("/etc/pgbouncer/users", f'"{url.username}" "{password}"\n', "postgres")
    ini = (
        "[databases]\n* = host=127.0.0.1 port=5433\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = 6432\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = /etc/pgbouncer/users\npool_mode = {mode}\npidfile = /run/postgresql/pgbouncer.pid\n"
        "logfile = /var/log/postgresql/pgbouncer.log\n"
    )
    write("/etc/pgbouncer/titan.ini", ini, "postgres")
    write(POOLED, text.replace("localhost:5433", "127.0.0.1:6432"), "ubuntu")
    HOST.run("pkill -x pgbouncer")
    wait_until(lambda: HOST.run("pgrep -x pgbouncer").rc != 0, 20, "the pooler before it is gone")
    done = HOST.run("cd / && runuser -u postgres -- /usr/sbin/pgbouncer -d /etc/pgbouncer/titan.ini")
    assert done.rc == 0, done.stderr
    wait_until(lambda: application().rc == 0, 20, f"the application gets through: {application().stderr}")
    return url


def write(path: str, text: str, owner: str) -> None:
    assert HOST.run("printf %%s %s >%s && chown %s: %s && chmod 600 %s", text, path, owner, path, path).rc == 0


def application(query: str = "SELECT count(*) FROM orders"):
    """What the application sees, on the pool's session."""
    return HOST.run(
        "cd / && runuser -u ubuntu -- sh -c %s sh %s", f'. {POOLED}; psql -XAt "$DATABASE_URL" -c "$1"', query
    )


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_through_a_pooler(mode):
    """Each subcommand is refused where sessions are shared, and no session of the application is changed."""
    new = f"through_{mode}"
    pooler(mode)
    try:
        before = application(SETTINGS).stdout
        assert before
        PRODUCTION.sql("ALTER ROLE titan CREATEDB")
        subcommands = {
            "health": [], "stats": [], "backup": [], "cleanup": CLEANUP[2:], "reindex": [],
            "restore": ["--dest", PRODUCTION.backups, "--name", PRODUCTION.prefix, "--into", new],
        }  # fmt: skip
        for subcommand, options in subcommands.items():
            by_hand = [] if subcommand == "restore" else ["--by-hand"]
            done = PRODUCTION.titan_db(subcommand, "--env-file", POOLED, *by_hand, *options, expect=None)
            said = done.stdout + done.stderr
            assert done.rc == (2 if subcommand == "health" else 1) and "DIRECT_URL" in said, (subcommand, said)
            assert application(SETTINGS).stdout == before, subcommand
            assert "Traceback" not in said
        for subcommand in ("list", "drill"):  # ask no server
            PRODUCTION.titan_db(subcommand, "--env-file", POOLED)
    finally:
        HOST.run("pkill -x pgbouncer")
        PRODUCTION.sql("DROP DATABASE IF EXISTS " + new)
        PRODUCTION.sql("ALTER ROLE titan NOCREATEDB")
