"""Lines that people leave beside the jobs: each is found, and what has nothing to do with the database is not."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.double_work import directories, risky_lines
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import Job

JOBS = [
    Job(
        "backup",
        "0 2 * * *",
        "titan-db backup",
        "/home/ubuntu/logs/b.log",
        "/home/ubuntu/Titan",
        "/home/ubuntu/Titan/.env",
    )
]
CONFIG = '{"jobs": {"backup": {"dest": "/home/ubuntu/backups/database/"}, "cleanup": {}}}'
PLACES = directories(JOBS, [CONFIG, "no JSON", "[]"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 2 * * * /home/ubuntu/Titan/scripts/backup-production-db.sh >> /home/ubuntu/logs/x.log 2>&1", "names the directory"),
        ("0 2 * * * cd /home/ubuntu/Titan && . ./.env && ./scripts/backup-production-db.sh", "names the directory"),
        ('0 2 * * * psql $DATABASE_URL -c "SELECT run_all_cleanups();" >> /home/ubuntu/logs/db.log 2>&1', "runs run_all_cleanups"),
        ("0 2 * * * /srv/Titan/scripts/backup.sh >> /home/ubuntu/backup.log 2>&1", "calls backup.sh"),
        ("0 9 * * 1 /home/ubuntu/Titan/scripts/weekly-report.sh", "names the directory /home/ubuntu/Titan"),
        ("30 3 * * * pg_dump -Fc titan_trading > /home/ubuntu/backups/database/nightly.dump", "calls pg_dump"),
        ("30 4 * * 0 vacuumdb -d titan_trading", "calls vacuumdb"),
        ("""15 3 * * * . ./.env && psql "$DATABASE_URL" -c "DELETE FROM audit_logs WHERE true\"""", "runs DELETE FROM"),
        ('15 4 * * * find /home/ubuntu/backups/database -name "*.gz" -mtime +7 -delete', "names the directory /home/ubuntu/backups/database"),
        ("@daily root /usr/local/bin/mysite-backup", "calls mysite-backup"),
        ("0 1 * * *\tpostgres\tpsql -c 'reindex database d'", "runs reindex"),
    ],
)  # fmt: skip
def test_what_does_the_same_work_is_found(line: str, reason: str) -> None:
    found = risky_lines(["# pg_dump here", line], PLACES)
    assert [each.number for each in found] == [2]
    assert reason in found[0].reason


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# 0 2 * * * pg_dump x",
        "PATH=/usr/lib/pg_dump/bin",
        "17 * * * * root cd / && run-parts --report /etc/cron.hourly",
        "0 5 * * * /usr/bin/certbot renew >> /var/log/backup.log 2>&1",
        "0 5 * * * /home/ubuntu/Titan2/run.sh",
        "*/5 * * * * curl -s https://example.org/delete",
    ],
)
def test_what_has_nothing_to_do_with_it_is_not(line: str) -> None:
    assert risky_lines([line], PLACES) == []


def test_a_block_of_ours_is_not() -> None:
    lines = [
        "# BEGIN titan.database crontab x (managed)",
        "0 2 * * * pg_dump x",
        "# END titan.database crontab x",
        "0 2 * * * pg_dump y",
    ]
    assert [each.number for each in risky_lines(lines, PLACES)] == [4]
