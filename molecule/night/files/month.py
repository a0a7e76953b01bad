# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live through the next calendar month on this host and print what happened, as JSON. Run as root inside the host.

Every program of the host, cron and PostgreSQL among them, sees the clock of libfaketime: an offset in a file. For each
moment at which something may be due, the clock is set a few seconds before it, cron is started anew, and cron itself
does the rest: nothing is started by this program.
"""

from __future__ import annotations

import calendar
import glob
import json
import os
import pwd
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

OFFSET, PRELOAD = "/etc/faketimerc", "/etc/ld.so.preload"
STATE = "/var/lib/titan-db/production"
BACKUPS = "/home/ubuntu/backups/database"
TABLES = ("audit_logs", "system_logs", "notifications", "user_sessions")


def run(*argv: str, user: str = "", check: bool = True) -> str:
    if user:
        argv = ("runuser", "-u", user, "--", *argv)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
    if check and done.returncode:
        sys.exit(f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def sql(query: str) -> list[str]:
    return run(
        "psql", "-XAt", "-F", ",", "-v", "ON_ERROR_STOP=1", "-p", "5433", "titan_trading", "-c", query, user="postgres"
    ).split("\n")


def fake_the_clock() -> None:
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
    with open(OFFSET, "w", encoding="ascii") as stream:
        stream.write("+0\n")
    for path in glob.glob("/etc/postgresql/*/main/environment"):
        with open(path, "a", encoding="ascii") as stream:
            stream.write("FAKETIME_NO_CACHE = '1'\n")
    os.environ["FAKETIME_NO_CACHE"] = "1"
    with open(PRELOAD, "w", encoding="ascii") as stream:
        stream.write(library + "\n")
    run("systemctl", "restart", "postgresql@*.service")


def set_clock(moment: datetime) -> None:
    """This program was started before the library was in force: its own clock is the real one."""
    with open(OFFSET + ".new", "w", encoding="ascii") as stream:
        stream.write(f"+{moment.timestamp() - time.time():.3f}\n")
    os.rename(OFFSET + ".new", OFFSET)


def record(job: str) -> dict:
    try:
        with open(f"{STATE}/{job}.json", encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return {}


def live(moment: datetime, jobs: tuple[str, ...], seconds: float = 60) -> dict[str, dict]:
    """Let cron come to the moment; wait until the jobs have run, or (without jobs) until cron has gone past it."""
    before = {job: record(job).get("runs_total", 0) for job in jobs}
    for lead in (2.0, 5.0, 15.0):
        run("systemctl", "stop", "cron")
        begun = time.time()
        set_clock(moment - timedelta(seconds=lead))
        run("systemctl", "start", "cron")
        # On a busy machine cron may have come up too late to see the moment: then again, with more time.
        if time.time() - begun < lead - 0.5:
            break
    if not jobs:
        time.sleep(lead + 1.5)
        return {}
    end = time.monotonic() + lead + seconds
    while any(record(job).get("runs_total", 0) <= before[job] or not record(job).get("last_end") for job in jobs):
        if time.monotonic() > end:
            sys.exit(f"{moment}: cron has not run {jobs} in {seconds} s: {[record(job) for job in jobs]}")
        time.sleep(0.1)
    return {job: record(job) for job in jobs}


def due(moment: datetime) -> list[int]:
    at = f"timestamptz '{moment.isoformat()}'"
    return [int(one) for one in sql(
        f"""SELECT (SELECT count(*) FROM audit_logs WHERE created_at < {at} - interval '90 days'),
        (SELECT count(*) FROM system_logs WHERE lower(level) IN ('debug','info') AND created_at < {at} - interval '30 days'
          OR lower(level) IN ('warn','error','fatal') AND created_at < {at} - interval '180 days'),
        (SELECT count(*) FROM notifications WHERE is_read AND created_at < {at} - interval '60 days'),
        (SELECT count(*) FROM user_sessions WHERE expires_at < {at})"""
    )[0].split(",")]  # fmt: skip


def counts() -> list[int]:
    return [
        int(one)
        for one in sql("SELECT " + ",".join(f"(SELECT count(*) FROM {table})" for table in TABLES))[0].split(",")
    ]


def titan_db(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["runuser", "-u", "ubuntu", "--", "titan-db", words[0], "--by-hand", "--config", "/etc/titan-db/production.json", *words[1:]],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def backups() -> list[str]:
    return sorted(os.path.basename(path) for path in glob.glob(f"{BACKUPS}/titan_prod_*.sql.gz"))


def month_after(now: datetime) -> list[datetime]:
    year, month = (now.year, now.month + 1) if now.month < 12 else (now.year + 1, 1)
    return [
        datetime(year, month, day, tzinfo=timezone.utc) for day in range(1, calendar.monthrange(year, month)[1] + 1)
    ]


def night(day: datetime, server_down: bool) -> dict:
    """02:00 and 02:15 of one day."""
    told = {"day": day.date().isoformat(), "files_before": backups()}
    if server_down:
        run("systemctl", "stop", "postgresql@*.service")
    told["backup"] = live(day + timedelta(hours=2), ("backup",))["backup"]
    at = day + timedelta(hours=2, minutes=15)
    if server_down:
        told["cleanup"] = live(at, ("cleanup",))["cleanup"]
        run("systemctl", "start", "postgresql@" + os.listdir("/etc/postgresql")[0] + "-main.service")
        time.sleep(1)
        told["health"] = titan_db("health")
        return {**told, "files_after": backups()}
    told["due"] = [due(at), due(at + timedelta(seconds=30))]
    before = counts()
    told["cleanup"] = live(at, ("cleanup",))["cleanup"]
    told["deleted"] = [a - b for a, b in zip(before, counts())]
    return {**told, "files_after": backups()}


def main() -> None:
    # The example's sessions end within a week: near the end of a month the first nights would have most of them to delete.
    days = month_after(datetime.now(timezone.utc) + timedelta(days=8))
    bad = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    fake_the_clock()
    nights, weekly = [], []
    # The tables were never cleaned: somebody confirms the first clean-up, on the evening before.
    set_clock(days[0] - timedelta(hours=2))
    first = [titan_db("backup"), titan_db("cleanup", "--max-fraction", "1.0")]
    sunday_seen = False
    for index, day in enumerate(days):
        nights.append(night(day, index == bad))
        if index == bad + 1:
            nights[-1]["health"] = titan_db("health")
        sunday = day.weekday() == 6
        if day.day <= 7 or sunday:
            jobs = ("reindex",) if sunday and not sunday_seen else ()
            runs = record("reindex").get("runs_total", 0)
            live(day + timedelta(hours=4), jobs)
            weekly.append(
                {
                    "day": day.date().isoformat(),
                    "sunday": sunday,
                    "reindex": record("reindex").get("runs_total", 0) - runs,
                }
            )
        if sunday:
            sunday_seen = True
            live(day + timedelta(hours=8), ("stats",))
    print(
        json.dumps(
            {"first": first, "nights": nights, "weekly": weekly, "stats": record("stats"), "reindex": record("reindex")}
        )
    )


assert pwd.getpwuid(os.geteuid()).pw_name == "root"
main()
