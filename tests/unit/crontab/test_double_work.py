"""Lines that people leave beside the jobs: each is found, and what has nothing to do with the database is not."""

from __future__ import annotations

import time

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.double_work import directories, risky_lines
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.known_jobs import job_options
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
PLACES = directories(
    [each.directory for each in JOBS], [option for text in (CONFIG, "no JSON", "[]") for option in job_options(text)]
)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 2 * * * /home/ubuntu/Titan/scripts/backup-production-db.sh >> /home/ubuntu/logs/x.log 2>&1", "calls backup-production-db.sh"),
        ("0 2 * * * cd /home/ubuntu/Titan && . ./.env && ./scripts/backup-production-db.sh", "calls backup-production-db.sh"),
        ('0 2 * * * psql $DATABASE_URL -c "SELECT run_all_cleanups();" >> /home/ubuntu/logs/db.log 2>&1', "runs run_all_cleanups"),
        ("0 2 * * * /srv/Titan/scripts/backup.sh >> /home/ubuntu/backup.log 2>&1", "calls backup.sh"),
        ("0 9 * * 1 /home/ubuntu/Titan/scripts/weekly-report.sh", "names the directory /home/ubuntu/Titan"),
        ("30 3 * * * pg_dump -Fc titan_trading > /home/ubuntu/backups/database/nightly.dump", "calls pg_dump"),
        ("30 4 * * 0 vacuumdb -d titan_trading", "calls vacuumdb"),
        ("""15 3 * * * . ./.env && psql "$DATABASE_URL" -c "DELETE FROM audit_logs WHERE true\"""", "runs DELETE FROM"),
        ('15 4 * * * find /home/ubuntu/backups/database -name "*.gz" -mtime +7 -delete', "names the directory /home/ubuntu/backups/database"),
        ("@daily root /usr/local/bin/mysite-backup", "calls mysite-backup"),
        ("0 4 * * * find ~/backups -mtime +7 -delete", "removes files below /home/ubuntu/backups, where"),
        ("0 4 * * * cd $HOME/backups && rm -rf database/*.gz", "removes files below /home/ubuntu/backups"),
        ("0 4 * * * tmpreaper 7d /home/*/backups/database", "names the directory"),
        ("0 4 * * * find /home -name '*.gz' -mtime +9 -exec rm {} +", "removes files below /home,"),
        ("0 4 * * * find ${HOME}//backups/./database -type f -delete", "names the directory"),
        ("5 4 * * * docker exec db pg_dumpall -U postgres | gzip >/srv/all.gz", "calls pg_dumpall"),
        ("5 4 * * * sudo -u postgres psql titan -f /srv/cleanup.sql", "runs the SQL of cleanup.sql"),
        ("5 4 * * * echo 'VACUUM FULL' | psql titan", "runs VACUUM"),
        ("5 4 * * * psql -c 'select cleanup_audit_logs()'", "runs cleanup_audit_logs"),
        ("5 4 * * * /opt/jobs/pg_maintenance.sh", "calls pg_maintenance.sh"),
        ("5 4 * * * root autopostgresqlbackup", "calls autopostgresqlbackup"),
        ("5 4 * * * cd /opt && ./dump-db.py", "calls dump-db.py"),
        ("5 4 * * * restic backup /srv; pgbackrest --stanza=x backup", "calls pgbackrest"),
        ("0 1 * * *\tpostgres\tpsql -c 'reindex database d'", "runs reindex"),
        ("0 2 * * * ionice -c3 nice /usr/lib/postgresql/16/bin/pg_dumpall > /mnt/all.sql", "calls pg_dumpall"),
        ("0 2 * * * flock -n /tmp/b.lock timeout 1h chronic pg_dump titan", "calls pg_dump"),
        ('0 2 * * * bash -lc "vacuumdb --all"', "calls vacuumdb"),
        ("0 2 * * * su - postgres -c 'pg_dumpall | gzip > /mnt/x'", "calls pg_dumpall"),
        ("0 2 * * * docker compose -f /srv/x.yml exec -T db psql -c 'VACUUM ANALYZE'", "runs VACUUM"),
        ("0 2 * * * kubectl exec deploy/db -- pg_dump app", "calls pg_dump"),
        ("0 2 * * * systemctl start pg-backup.service", "calls pg-backup.service"),
        ("0 2 * * * psql titan -c 'CALL purge_old_rows()'", "runs purge_old_rows"),
        ("0 2 * * * psql titan -c 'SELECT audit.delete_old_sessions();'", "runs delete_old_sessions"),
        ("0 2 * * * npm --prefix /srv/app run db:backup", "calls npm run db:backup"),
        ("0 2 * * * cd /srv/app && php artisan backup:run", "calls artisan backup:run"),
        ("0 2 * * * bundle exec backup perform -t db", "calls backup perform"),
        ("0 2 * * * make -C /srv/app backup", "calls make backup"),
        ("0 2 * * * root nice -n 10 /usr/local/bin/backup", "calls backup"),
        ('@daily sh -c "/opt/backup -q"', "calls backup"),
        ("0 1 * * * borg create /srv/borg::{now} /var/lib/postgresql", "copies the server's files with borg"),
        ("0 1 * * * root tar czf /mnt/pg.tgz -C / var/lib/pgsql/16/data /var/lib/pgsql", "copies the server's files with tar"),
        ("0 3 * * * cd /home/ubuntu/backups/database && ls -t | tail -n +8 | xargs rm -f", "names the directory"),
        ("0 3 * * * psql titan <<< 'DETACH'; psql titan -c 'alter table a detach partition b'", "runs detach partition"),
        ("0 2 * * * rsync -a --delete /mnt/empty/ /home/ubuntu/backups/", "removes files below /home/ubuntu/backups"),
        ("00 04 * * 1 /pg/bin/pg-repack", "calls pg-repack"),
        ("0 4 * * * vacuumlo -v shop", "calls vacuumlo"),
        ('0 5 * * * psql "$DB" -Atc "call upkeep.rotate_partitions()"', "runs rotate_partitions"),
        ("0 1 * * * sed s/A/B/ /opt/nightly.sql | psql shop", "runs the SQL of nightly.sql"),
        ("0 2 * * * ssh -i /root/.ssh/key operator@db1 /usr/local/bin/dump_all.sh", "calls dump_all.sh"),
        ("0 2 * * * cd /srv/shop && docker compose run --rm backup", "calls docker backup"),
        ("0 2 * * * kubectl -n db create job --from=cronjob/pg-backup by-cron", "calls pg-backup"),
        ("0 2 * * * cd /srv/shop && bundle exec rake db:sessions:trim", "calls rake db:sessions:trim"),
        ("0 2 * * * cd /srv/shop && ./manage.py clearsessions", "calls manage.py clearsessions"),
        ("0 2 * * * cd /srv/shop && php artisan model:prune", "calls artisan model:prune"),
        ("0 2 * * * cd /srv/social && RAILS_ENV=production bin/tootctl statuses remove", "calls tootctl remove"),
        ("0 3 * * * /opt/gitlab/bin/gitlab-rake gitlab:backup:create CRON=1", "calls gitlab-rake gitlab:backup:create"),
        ("0 3 * * * discourse backup", "calls discourse backup"),
        ("0 3 * * * systemctl start postgres-backup@main", "calls postgres-backup"),
        ("@weekly 15 by-week vacuumdb --all", "calls vacuumdb"),
        ("0 2 * * * pgbackrest --stanza=main info; pgbackrest --log-level-console info backup", "calls pgbackrest"),
        ("0 2 * * * root /opt/backup/run.sh --all", "calls backup/run.sh"),
        ("0 2 * * 0 postgres /usr/local/bin/maintenance-weekly.sh", "calls maintenance-weekly.sh"),
        ("0 2 * * 0 su - postgres -c '/srv/jobs/pg_data_bak.sh'", "calls pg_data_bak.sh"),
        ("0 2 * * 0 docker exec db /scripts/postgres_dump.sh", "calls postgres_dump.sh"),
        ("0 2 * * 0 postgres /srv/jobs/partition_maintenance.sh", "calls partition_maintenance.sh"),
        ("0 * * * * docker run -e PGHOST=db -e BACKUP_DIR=/b shop/pg-backup:16", "calls docker shop/pg-backup:16"),
        ("0 2 * * * cd /srv/shop && ./manage.py cleanup_comments", "calls manage.py cleanup_comments"),
        ("0 2 * * * heroku pg:backups:capture -a shop", "calls heroku pg:backups:capture"),
        ("0 2 * * * aws rds --region eu create-db-snapshot --db-instance-identifier shop", "calls aws create-db-snapshot"),
        ("*/15 * * * * psql -qc 'SELECT public.fn_rewarded_sweep()'", "runs fn_rewarded_sweep"),
        ("0 2 * * * psql -c 'CALL fn_cleanup_old(90)'", "runs fn_cleanup_old"),
    ],
)  # fmt: skip
def test_what_does_the_same_work_is_found(line: str, reason: str) -> None:
    found = risky_lines(["# pg_dump here", line], PLACES, "/home/ubuntu")
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
        "0 5 * * * root cd /var/backups && ls",
        "0 5 * * * root /usr/libexec/dpkg/dpkg-db-backup",
        "0 5 * * * find /tmp -mtime +7 -delete",
        "0 5 * * * journalctl --vacuum-time=7d",
        "0 5 * * * curl -fsS https://example.org/home/ubuntu/Titan/x",
        "0 5 * * * psql -c 'SELECT 1'",
        "*/5 * * * * curl -s https://example.org/delete",
        "0 5 * * * tar cf /srv/x.tar /srv/backups",
        "0 5 * * * ls /srv/backup",
        "0 5 * * * make -C /srv/app all",
        "0 5 * * * php artisan schedule:run",
        "0 5 * * * npm run report -- --to /srv/backup",
        "0 5 * * * psql titan -c 'REFRESH MATERIALIZED VIEW x'",
        "0 5 * * * psql titan -c 'SELECT delete_me FROM t'",
        "0 5 * * * curl -fsS https://example.org/backup-status",
        "0 5 * * * tail -n 1 /var/log/db-backup.log",
        "0 5 * * * rsync -a /var/lib/grafana /mnt/x",
        "0 5 * * * sqlite3 /srv/shop.db 'VACUUM'",
        "0 5 * * * docker system prune -af --filter until=168h",
        "0 5 * * * git -C /srv/shop gc --prune=now",
        "0 5 * * * cd /srv/shop && php artisan queue:restart",
        "0 5 * * * docker exec shop php /www/artisan schedule:run >> ~/backup.log 2>&1",
        "0 5 * * * mysqldump --all-databases > /srv/mysql.sql",
        "0 5 * * * kubectl -n shop get pods > /srv/backup/pods.txt",
        "1 5 cron.daily run-parts --report /etc/cron.daily",
        "0 5 * * * mail -s 'backup report' operator@example.org < /var/log/backup.log",
        "0 5 * * * psql shop -Atc 'select count(*) from queue' > /srv/queue.prom",
        "0 5 * * * root aws s3 sync /var/lib/pgbackrest s3://shop-backups/pgbackrest --delete",
        "0 5 * * * sqlite3 /srv/shop.db \".backup '/srv/shop-copy.db'\"",
        "0 5 * * * /srv/report.sh 2>&1 | logger -t shop-backup",
        "0 5 * * * postgres pgbackrest --stanza=main info --output=json",
        "0 5 * * * barman check main",
        "0 5 * * * restic -r s3:s3.example.org/shop-backup snapshots",
        "0 5 * * * aws s3 cp /srv/shop.tgz s3://shop/shop-backup.tgz",
        "0 5 * * * /opt/mongodb6/mongodb_data_bak.sh",
        "0 5 * * * cd /srv/shop && ./manage.py cleanup_temp_files",
        "0 5 * * * /usr/local/bin/disk-cleanup.sh",
        "0 5 * * * psql -c 'SELECT sum(deleted_rows(1))'",
    ],
)
def test_what_has_nothing_to_do_with_it_is_not(line: str) -> None:
    assert risky_lines([line], PLACES, "/home/ubuntu") == []


def test_a_long_line_is_judged_at_once() -> None:
    began = time.process_time()
    for word in (
        "barman info a ",
        "pgbackrest check ",
        "a_",
        "psql a_",
        "manage.py a:",
        "docker a/",
        "postgres x ",
        "-c 'x ",
    ):
        risky_lines([f"0 2 * * * {word * 200}!", f"0 2 * * * psql {word * 200}!"], PLACES, "/home/ubuntu")
    assert time.process_time() - began < 1


def test_a_block_of_ours_is_not() -> None:
    lines = [
        "# BEGIN titan.database crontab x (managed)",
        "0 2 * * * pg_dump x",
        "# END titan.database crontab x",
        "0 2 * * * pg_dump y",
    ]
    assert [each.number for each in risky_lines(lines, PLACES)] == [4]
