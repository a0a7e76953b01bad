"""Under Debian's real cron daemon, as an unprivileged user, with a clock that moves through days.

TITAN_CRON_DAYS sets how many days (4 or more; 4 take half a minute, 31 some minutes); without it the test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.integration.crontab import month

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
ISOLATED = """
set -e
mount -t tmpfs none /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
chgrp crontab /var/spool/cron/crontabs
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /run/lock
: > "$1/none"
mount --bind "$1/none" /etc/crontab
mount -t tmpfs none /var/run/crond.pid 2>/dev/null || : > "$1/pid"
# Throw-away clusters of other tests do not meet this one's clock.
case "$1 $2 $PWD" in
*/var/tmp/*) ;;
*) mkdir -m 1777 "$1/var_tmp"; chmod 1777 "$1/var_tmp"; mount --bind "$1/var_tmp" /var/tmp ;;
esac
exec "$2" -m tests.integration.crontab.month "$1" "$3" "$4" "$5"
"""


def needs() -> str:
    """What is missing here; "" when the test can run."""
    if not os.environ.get("TITAN_CRON_DAYS"):
        return "TITAN_CRON_DAYS"
    if os.geteuid() != 0:
        return "root"
    for path in (month.LIBRARY, f"{month.PROGRAMS}/initdb", "/usr/sbin/cron", "/usr/bin/unshare", "/usr/bin/setpriv"):
        if not os.path.exists(path):
            return path
    probe = subprocess.run(["/usr/bin/python3", "-c", "import psycopg2"], capture_output=True, check=False)
    if probe.returncode:
        return "python3-psycopg2"
    allowed = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return "the right to make a mount namespace" if allowed.returncode else ""


@pytest.mark.skipif(bool(needs()), reason=f"needs {needs()}")
def test_days_under_real_cron() -> None:
    days, gone_day, bad_day = int(os.environ["TITAN_CRON_DAYS"]), 0, 2
    folder = Path(tempfile.mkdtemp(prefix="tt-cron-"))
    given = (str(folder), sys.executable, str(days), str(bad_day), str(free_port()))
    folder.chmod(0o777)
    try:
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", ISOLATED, "sh", *given],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/collections:{ROOT}"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        seen = json.loads(done.stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    first = date.fromisoformat(seen["first"])
    every = [first + timedelta(days=number) for number in range(days)]
    sundays = [day for day in every if day.weekday() == 6]
    expected = {
        "backup": every,
        "cleanup": every,
        "stats": sundays,
        "reindex": [day for day in sundays if day.day <= 7],
        "health": every,
    }
    runs = seen["runs"]
    found = {
        name: [datetime.fromtimestamp(run["start"], timezone.utc).date() for run in runs[name]] for name in expected
    }
    assert found == expected, "every job fires on exactly its dates"
    failed = {name: [number for number, run in enumerate(runs[name]) if run["status"]] for name in expected}
    both = [gone_day, bad_day]
    assert failed == {"backup": both, "cleanup": both, "stats": [], "reindex": [], "health": []}, runs
    assert "titan-db is missing" in runs["backup"][gone_day]["message"]
    assert "has not succeeded since it was due" in runs["cleanup"][bad_day]["message"]
    told = [(each["kind"], each["job"]) for each in seen["messages"] if each["kind"] != "report"]
    # The blocked clean-up and the failed job, which health finds, are not told a second time.
    gone = [("failure", "backup"), ("failure", "health"), ("recovery", "backup"), ("recovery", "health")]
    assert told == [*gone, ("failure", "backup"), ("recovery", "backup")], seen["messages"]
    assert len([each for each in seen["messages"] if each["kind"] == "report"]) == len(sundays)
    strange = {name: [line.rpartition("/")[2] for line in lines] for name, lines in seen["strange_lines"].items()}
    missing = ["titan-db: not found"]
    # The first day is a Saturday of a month's first week: the line of reindex starts, and finds no program either.
    assert strange == {**{name: [] for name in expected}, **dict.fromkeys(("backup", "cleanup", "reindex"), missing)}
    assert seen["metrics"] == sorted(f"titan_db_month_{name}.prom" for name in expected)
    assert seen["pings"]["/backup/fail"] == 2
    assert seen["pings"]["/backup"] == days - 2
    kept = [name for name in seen["backups"] if not name.endswith(".json")]
    assert 0 < len(kept) <= min(days, 8), seen["backups"]
    counts = ", ".join(f"{name} {len(runs[name])}" for name in expected)
    print(
        f"{days} days from {first}: runs: {counts}; messages: {len(told)}, reports: {len(sundays)}; backups kept: {len(kept)}"
    )
