# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Primary and standby with one schedule: only the primary works, and after a promotion the other one does, unasked."""

from __future__ import annotations

from conftest import Environment, machine, wait_until

A = Environment(machine("titan-cluster-a"), "production")
B = Environment(machine("titan-cluster-b"), "production")


def is_standby(node):
    return node.value("SELECT pg_is_in_recovery()") == "t"


def caught_up():
    position = A.value("SELECT pg_current_wal_lsn()")
    wait_until(
        lambda: B.value(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t", 30, "the standby has replayed"
    )


def test_one_primary_and_one_standby():
    assert (is_standby(A), is_standby(B)) == (False, True)
    assert A.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"


def test_the_migrations_went_to_the_primary_once():
    caught_up()
    for node in (A, B):
        rows = node.sql("SELECT version, outcome, host FROM titan_ops.migration_history ORDER BY id")
        assert [row[:2] for row in rows] == [["0010", "applied"], ["0011", "applied"]]
        assert {row[2] for row in rows} == {"titan-cluster-a"}


def test_both_nodes_have_the_same_schedule():
    assert A.block() == B.block()
    for word in ("backup", "cleanup", "stats", "reindex"):
        assert A.line(word)


def test_at_night_only_the_primary_works():
    a, b = A.dumps(), B.dumps()
    for word in ("backup", "cleanup"):
        done = B.cron(word)
        assert done.rc == 0, B.log(word)
        assert "not the primary" in B.log(word)
    assert B.dumps() == b
    assert A.cron("backup").rc == 0
    assert len(A.dumps()) == len(a) + 1
    before, due = A.counts(), A.due()
    assert all(due.values())
    A.titan_db("cleanup", "--max-fraction", "1.0")
    after = A.counts()
    assert {table: before[table] - after[table] for table in due} == due
    caught_up()
    assert B.counts() == after


def test_a_backup_can_be_taken_from_the_standby():
    before = B.dumps()
    B.titan_db("backup", "--by-hand")
    [dump] = set(B.dumps()) - set(before)
    newest = B.json("list")["newest_verified"]
    assert (newest["path"], newest["verified_level"], newest["database"]) == (dump, "restored", "titan_trading")


def test_cleaning_on_the_standby_by_hand_is_refused_or_idle():
    counts = B.counts()
    done = B.titan_db("cleanup", "--by-hand", "--max-fraction", "1.0", expect=None)
    assert "Traceback" not in done.stderr
    assert B.counts() == counts


def test_after_a_promotion_the_next_night_is_right_without_a_converge():
    caught_up()
    A.host.run("systemctl stop 'postgresql@*.service'")
    version = B.host.run("ls /etc/postgresql").stdout.strip()
    assert B.host.run("pg_ctlcluster %s main promote", version).rc == 0
    wait_until(lambda: not is_standby(B), 30, "the standby is promoted")
    B.sql(
        "INSERT INTO audit_logs (user_id, action, created_at) SELECT (SELECT id FROM users LIMIT 1), 'late', now() - interval '91 days' "
        "FROM generate_series(1, 5)"
    )
    dumps, before, due = B.dumps(), B.counts(), B.due()
    assert due["audit_logs"] >= 5
    done = B.cron("backup")
    assert done.rc == 0, B.log("backup")[-2000:]
    assert len(B.dumps()) == len(dumps) + 1
    done = B.cron("cleanup")
    assert done.rc == 0, B.log("cleanup")[-2000:]
    after = B.counts()
    assert {table: before[table] - after[table] for table in due} == due
    # The old primary is down: its jobs say so, and delete nothing anywhere.
    done = A.cron("backup")
    assert done.rc != 0 and "FAILED" in A.log("backup")
