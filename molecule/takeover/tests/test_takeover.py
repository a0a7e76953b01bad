# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One converge takes a hand-made installation over: proven, adopted, listed; nothing lost, nothing run twice."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from conftest import NINE, Environment, crontab, machine

HOSTS = {"production": "titan-production", "staging": "titan-staging"}


@pytest.fixture(params=list(HOSTS))
def environment(request):
    return Environment(machine(HOSTS[request.param]), request.param)


def test_the_history_records_what_was_there(environment):
    rows = environment.sql("SELECT version, outcome FROM titan_ops.migration_history ORDER BY id")
    assert [row[0] for row in rows] == ["0010", "0011"]
    [[found, built]] = environment.sql(
        "SELECT count(*) FILTER (WHERE i->>'outcome' = 'found'), count(*) FILTER (WHERE i->>'outcome' <> 'found') FROM "
        "titan_ops.migration_history, jsonb_array_elements(details->'indexes') i WHERE version = '0010'"
    )
    assert (int(found), int(built)) == (9, 0)


def test_no_index_was_lost_or_built_again(environment):
    rows = environment.sql(
        "SELECT relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE relname = ANY (string_to_array('"
        + ",".join(NINE)
        + "', ',')) AND indisvalid"
    )
    assert {row[0] for row in rows} == set(NINE)
    assert environment.value("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid "
                             "WHERE relnamespace = 'public'::regnamespace") == "47"  # fmt: skip


def test_the_functions_now_find_the_levels_that_are_there(environment):
    environment.sql(
        "INSERT INTO system_logs (level, service, message, created_at) VALUES ('info', 'api', 'old', now() - interval '300 days')"
    )
    row = environment.sql("SELECT deleted_count FROM cleanup_system_logs()")
    assert int(row[0][0]) >= 1


def test_the_five_lines_were_adopted_and_the_others_kept(environment):
    text = crontab(environment.host)
    assert "source .env" not in re.sub(r"^#.*$", "", text, flags=re.M)
    assert "*/5 * * * * /usr/bin/true # heartbeat of the application\n" in text
    assert "# not ours\n" in text and "# Titan maintenance\n" in text
    assert len(environment.block()) == {"production": 5, "staging": 2}[environment.name]
    running = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(running) == 5 + 2 + 1
    for word, count in (("backup", 2), ("cleanup", 1), ("stats", 1), ("reindex", 1), ("health", 2)):
        assert sum(re.search(rf"titan-db cron \w+ {word}\) >>", line) is not None for line in running) == count


def by_hand(environment):
    """Names of the dumps that were there before the take-over; the jobs' own names look alike when cron's hour comes."""
    lines = environment.host.run("cat %s", f"/root/sums.{environment.prefix}").stdout.splitlines()
    paths = [line.split("  ", 1)[1] for line in lines]
    return sorted(path.rsplit("/", 1)[1] for path in paths if path.endswith(".sql.gz"))


def test_old_files_are_listed_for_what_they_are(environment):
    done = environment.json("list", "--verify", "checksum", expect=None)
    listed = {entry["path"].split("/")[-1]: entry for entry in done["backups"]}
    old = by_hand(environment)
    assert len(old) == 7 and set(old) <= set(listed)
    assert all(listed[name]["verified_level"] != "restored" for name in old)
    cut = next(entry for name, entry in listed.items() if "_20250201_020003" in name)
    assert cut["problem"]
    # The one that counts is ours, taken and restored before anything was changed.
    assert done["newest_verified"] and done["newest_verified"]["path"].rsplit("/", 1)[1] not in old


def test_nothing_was_lost(environment):
    done = environment.host.run("sha256sum --quiet -c %s", f"/root/sums.{environment.prefix}")
    assert done.rc == 0, done.stdout + done.stderr
    assert f"old line of {environment.prefix}" in environment.host.run("cat /home/ubuntu/logs/db-cleanup.log").stdout


def test_directories_are_private_now(environment):
    assert environment.host.file(environment.backups).mode == 0o700


def young(environment, days):
    """Names of the files made by hand that are younger than the keep rule's days."""
    names = [
        name
        for name in environment.host.run("ls %s", environment.backups).stdout.split()
        if name in by_hand(environment)
    ]
    limit = (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y%m%d")
    return sorted(name for name in names if name.endswith("_020002.sql.gz") and name.split("_")[-2] > limit)


def test_an_old_dump_can_be_proven(environment):
    done = environment.titan_db("drill", "--by-hand", "--source", f"{environment.backups}/{young(environment, 30)[-1]}")
    assert "Traceback" not in done.stderr


def test_the_next_night_follows_the_keep_rule(environment):
    days = {"production": 30, "staging": 7}[environment.name]
    kept = young(environment, days)
    assert kept
    done = environment.cron("backup")
    assert done.rc == 0, environment.log("backup")[-2000:]
    assert young(environment, days) == kept
    for name in kept:
        done = environment.host.run(
            "sh -c %s", f"grep -F /{name} /root/sums.{environment.prefix} | sha256sum --quiet -c"
        )
        assert done.rc == 0, done.stdout + done.stderr
