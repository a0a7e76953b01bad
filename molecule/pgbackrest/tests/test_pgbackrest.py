# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with pgBackRest: its jobs back up, prove and clean as with dumps, and every moment can be had back."""

from __future__ import annotations

import json
import re
import time

from conftest import ROOT, Environment, machine, playbook, wait_until, without_sandbox

HOST = machine("titan-pgbackrest")
PRODUCTION = Environment(HOST, "production", "postgres", "/var/lib/postgresql")


def info() -> dict:
    """What pgBackRest itself says of the stanza."""
    done = HOST.run("runuser -u postgres -- pgbackrest --config=/etc/pgbackrest/main.conf --stanza=main info")
    assert done.rc == 0, done.stderr
    return {
        "stanza": re.search(r"status: (\w+)", done.stdout).group(1),
        "backups": re.findall(r"(full|diff|incr) backup: (\S+)", done.stdout),
    }


def answering() -> bool:
    """Whether the server takes connections and can be written to."""
    done = HOST.run("cd / && runuser -u postgres -- psql -X -A -t -p 5433 -c 'SELECT pg_is_in_recovery()'")
    return done.rc == 0 and done.stdout.strip() == "f"


def test_the_server_archives_and_nobody_else_reads_the_key():
    assert PRODUCTION.value("SHOW archive_mode") == "on"
    found = info()
    assert found["stanza"] == "ok" and [kind for kind, _label in found["backups"]] == ["full"], (
        "taken before the migrations"
    )
    file = HOST.file("/etc/pgbackrest/main.conf")
    assert (file.user, file.mode) == ("postgres", 0o600)
    key = re.search(r"cipher-pass=(.+)", file.content_string).group(1)
    for place in ("/etc/titan-db", "/var/spool/cron/crontabs", PRODUCTION.backups, f"{PRODUCTION.base}/logs"):
        assert HOST.run("grep -rF -- %s %s", key, place).rc == 1, place


def test_the_jobs_take_proven_backups():
    for count in (2, 3):
        done = PRODUCTION.cron("backup")
        assert done.rc == 0, PRODUCTION.log("backup")[-3000:]
        entries = PRODUCTION.json("list")["backups"]
        assert [entry["verified_level"] for entry in entries] == ["restored"] * count
        found = info()
        assert len(found["backups"]) == count and found["backups"][-1][0] == "incr"
        assert [entry["problem"] for entry in entries] == [""] * count
    assert HOST.run("pgrep -fa '[t]itan-drill'").stdout == ""


def test_the_clean_up_trusts_them_and_deletes_what_is_due():
    due, before = PRODUCTION.due(), PRODUCTION.counts()
    assert all(due.values()), due
    done = PRODUCTION.titan_db("cleanup", "--by-hand", "--max-fraction", "1.0")
    assert "Trusted backup: " in done.stdout + done.stderr
    after = PRODUCTION.counts()
    assert {table: before[table] - after[table] for table in due} == due
    assert {table: after[table] - before[table] for table in ("orders", "trades", "users")} == {
        "orders": 0,
        "trades": 0,
        "users": 0,
    }


def test_health_looks_at_the_archive():
    checks = {check["name"]: check["status"] for check in PRODUCTION.json("health", "--by-hand", expect=None)["checks"]}
    assert (checks["archiving"], checks["backup_age"], checks["jobs_failed"]) == ("ok", "ok", "ok"), checks


# Wherever a superuser runs it, it leaves a file.
DEED = """
SET ROLE titan;
CREATE FUNCTION public.deed(v int) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('COPY (SELECT 1) TO %L', '/srv/trace/' || current_setting('port'));
  END IF;
  RETURN v;
END $f$;
CREATE FUNCTION public.f(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.deed(v); END';
CREATE TABLE public.trap AS SELECT n AS id, n AS b FROM generate_series(1, 50) n;
CREATE INDEX ON public.trap ((id + public.f(1)));
CREATE STATISTICS public.trap_s ON (b + public.f(1)), id FROM public.trap;
RESET ROLE;
CREATE SUBSCRIPTION calls CONNECTION 'host=127.0.0.1 port=6543 dbname=x' PUBLICATION p WITH (connect = false);
ALTER SUBSCRIPTION calls SET (slot_name = calls);
"""
LISTENER = """import socket
with socket.create_server(("127.0.0.1", 6543)) as server:
    while True:
        server.accept()[0].close()
        open("/srv/trace/calls", "a").close()
"""


def traces() -> list[str]:
    return HOST.run("ls /srv/trace").stdout.split()


def as_superuser_without_sandbox(*words: str) -> str:
    """What titan-db says to postgres."""
    url = "postgresql:///titan_trading?host=/run/postgresql&port=5433"
    done = without_sandbox(HOST, "postgres", *words, seconds=120, url=url)
    assert done.rc == 0, (words, done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def test_code_in_a_physical_backup_has_no_rights_and_calls_nobody():
    """That of a database's owner, with a superuser and without a sandbox: in the backup, its drill and a moment that is got back."""
    kept = ("--dest", PRODUCTION.backups)
    HOST.run(
        "install -d -m 0777 /srv/trace; (timeout 120 python3 -c %s & echo $! >/run/listener.pid) >/dev/null 2>&1",
        LISTENER,
    )
    PRODUCTION.sql(DEED)
    try:
        PRODUCTION.sql("ALTER SUBSCRIPTION calls ENABLE")
        wait_until(lambda: traces() == ["calls"], 20, "the source's own call")
        as_superuser_without_sandbox("backup", "--engine", "pgbackrest", *kept, "--verify", "checksum")
        PRODUCTION.sql("ALTER SUBSCRIPTION calls DISABLE; ALTER SUBSCRIPTION calls SET (slot_name = NONE)")
        PRODUCTION.sql("DROP SUBSCRIPTION calls")
        moment = PRODUCTION.value("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
        PRODUCTION.sql("SELECT pg_create_restore_point('after'); SELECT pg_switch_wal()")
        HOST.run("rm /srv/trace/calls")
        assert "this host cannot create a sandbox" in as_superuser_without_sandbox("drill", *kept)
        checks = json.dumps(["SELECT count(*) = 50 FROM public.trap WHERE id > 0"])
        as_superuser_without_sandbox("recover", *kept, "--to", f"{moment}+00", "--checks", checks)
        assert traces() == []
        PRODUCTION.sql("SELECT count(*) FROM public.trap WHERE id > 0")  # what this waits for
        assert traces() == ["5433"]
    finally:
        PRODUCTION.sql("DROP TABLE public.trap; DROP FUNCTION public.f, public.deed")
        HOST.run("kill $(cat /run/listener.pid); rm -r /srv/trace")


def recover(*arguments: str) -> str:
    """A run of the playbook from the controller; returns what it printed, without its line breaks."""
    return " ".join(playbook("titan.database.recover", "-l", "titan-pgbackrest", *arguments).stdout.split())


def test_a_table_dropped_at_a_known_second_comes_back_by_the_playbook():
    """Beside the live server: the plan and the proof to a second, then the table from before that DROP, and lost rows."""
    whole = "SELECT count(*) || ' ' || md5(string_agg(t::text, '|' ORDER BY t::text)) FROM notifications t"
    notifications, orders = PRODUCTION.value(whole), PRODUCTION.counts()["orders"]
    time.sleep(1.1)
    moment = PRODUCTION.value("SELECT date_trunc('second', clock_timestamp()) AT TIME ZONE 'UTC'")
    PRODUCTION.sql("SELECT pg_sleep_until(date_trunc('second', clock_timestamp()) + interval '1 second')")
    PRODUCTION.sql("DROP TABLE notifications CASCADE")
    said = recover(
        "-e",
        f"recover_to={moment}+00",
        "-e",
        json.dumps({"recover_checks": ["SELECT count(*) > 0 FROM notifications"]}),
    )
    assert re.search(r"last transaction before: \d+, .*; in the recovered cluster: committed", said), said
    assert re.search(r"first transaction after: \d+, .*; in the recovered cluster: (aborted|not begun)", said), said
    assert "It left timeline 1 at" in said

    what = {"recover_before_drop": "notifications", "recover_action": "tables", "recover_tables": ["notifications"]}
    planned = recover("-e", json.dumps(what), "--check")
    assert "Would recover just before the DROP of notifications" in planned
    recover("-e", json.dumps(what), "-e", "recover_confirmed=true")
    beside = PRODUCTION.value(
        "SELECT oid::regclass FROM pg_class WHERE relname LIKE 'notifications\\_restored\\_%' AND relkind = 'r'"
    )
    PRODUCTION.sql(f"ALTER TABLE {beside} RENAME TO notifications")
    assert PRODUCTION.value(whole) == notifications and PRODUCTION.counts()["orders"] == orders
    assert HOST.run("pgrep -fa '[t]itan-drill'").stdout == ""


def test_back_to_a_moment_by_the_guide():
    """A table is dropped, and a moment before that is had back; the next night is a good one."""
    guide = (ROOT / "docs/pgbackrest.md").read_text()
    lines = re.search(r"```sh\n(sudo systemctl stop postgresql.*?)```", guide, re.S).group(1)
    orders = PRODUCTION.counts()["orders"]
    moment = PRODUCTION.value("SELECT clock_timestamp()")
    time.sleep(1.1)
    PRODUCTION.sql("DROP TABLE orders CASCADE")
    PRODUCTION.sql("SELECT pg_switch_wal()")
    lines = re.sub(r'--target="[^"]+"', f'--target="{moment}"', lines).replace("@15-main", "@17-main")
    done = HOST.run("cd / && sh -ec %s", lines)
    assert done.rc == 0, done.stdout + done.stderr
    wait_until(answering, 60, "the server")
    assert PRODUCTION.counts()["orders"] == orders

    done = PRODUCTION.cron("backup")
    assert done.rc == 0, PRODUCTION.log("backup")[-3000:]
    assert {entry["verified_level"] for entry in PRODUCTION.json("list")["backups"]} == {"restored"}


def test_the_moment_takes_the_place_of_the_live_cluster_and_back():
    """By the playbook, under systemd: the dropped table is there again; then all is as it was before, by one command."""
    live = "/var/lib/postgresql/17/main"
    copy = "cd /var/lib/postgresql/17 && cp -a main copy && rm -r main && mv copy main"  # Docker renames no directory of an image
    done = HOST.run(f"systemctl stop postgresql@17-main && {copy} && systemctl start postgresql@17-main")
    assert done.rc == 0, done.stderr
    PRODUCTION.sql("CREATE TABLE public.at_risk AS SELECT 7 AS n")
    moment = PRODUCTION.value("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    time.sleep(0.5)
    PRODUCTION.sql("DROP TABLE public.at_risk")
    before = PRODUCTION.counts()
    what = {"recover_to": f"{moment}+00", "recover_action": "place", "recover_data_directory": live}
    said = recover("-e", json.dumps({**what, "recover_confirmed": True}))
    kept = re.search(rf"{live}\.before_\d{{8}}_\d{{6}}", said).group()
    assert PRODUCTION.value("SELECT n FROM public.at_risk") == "7" and watched()
    found = PRODUCTION.json("health", "--by-hand", expect=None)["checks"]
    assert [check["status"] for check in found if check["name"] == "kept_clusters"] == ["ok"]
    recover("-e", json.dumps({"recover_put_back": kept, "recover_confirmed": True}))
    assert PRODUCTION.value("SELECT to_regclass('public.at_risk') IS NULL") == "t" and watched()
    assert PRODUCTION.counts() == before
    assert {entry["verified_level"] for entry in PRODUCTION.json("list")["backups"]} == {"restored"}
    assert HOST.run(f"rm -r {live}.before_*").rc == 0


def watched() -> bool:
    """Whether systemd knows the server as its own, running one."""
    return HOST.run("systemctl is-active postgresql@17-main").stdout.strip() == "active" and answering()
