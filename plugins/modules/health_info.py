#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a database, its backups and its jobs with thresholds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: health_info
short_description: Compare a database, its backups and its jobs with thresholds
version_added: "0.1.0"
description:
  - Measures one database and what belongs to it, and says for each value whether it is fine, a warning, or critical, and what to do about it.
  - The size of the database, sessions, slow statements, waiting locks, bloat, invalid indexes, transaction wraparound, sequences near
    their end, replication slots and the oldest transaction are read from the server; the age and the proof of the backups from their
    directory; missed, failed and stuck jobs from the records of C(titan-db); and whether C(titan-db) itself is still there.
  - It changes nothing, and succeeds whatever it finds; look at RV(status) to decide. A server that cannot be reached is a critical finding.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  thresholds:
    description:
      - Pairs of limits, the warning first. A value above a limit exceeds it. Whatever is not given keeps its default.
      - An empty list leaves the check out.
    type: dict
    suboptions:
      database_jobs:
        description:
          - Active jobs of pg_cron, pgAgent, pg_timetable or TimescaleDB in this database that vacuum, reindex, delete, truncate or drop, which the
            jobs may do, too. The default is V([0, 1000]).
        type: list
        elements: float
      unencrypted_connection:
        description:
          - Whether this check's own connection goes to another host without encryption (1), so that a network sees rows. The default is V([0, 1]).
        type: list
        elements: float
      database_size:
        description:
          - Size of the database in GB (10^9 bytes). The default is V([5, 10]).
        type: list
        elements: float
      checksum_failures:
        description:
          - Pages of the database that were found damaged, as their checksum says. The default is V([0, 0]).
        type: list
        elements: float
      collation_versions:
        description:
          - Collations whose rules changed with the operating system since the indexes were sorted by them. The default is V([0, 0]).
        type: list
        elements: float
      extensions_behind:
        description:
          - Extensions of which the server has a newer version than the database. The default is V([0, 100]).
        type: list
        elements: float
      requested_checkpoints:
        description:
          - Checkpoints that had to be made before checkpoint_timeout, because max_wal_size was reached, in percent. The default is V([50, 90]).
        type: list
        elements: float
      slow_statements:
        description:
          - Mean time of the slowest statement that pg_stat_statements has seen at least 20 times in this database, in milliseconds. The default is
            V([1000, 10000]).
        type: list
        elements: float
      connections:
        description:
          - "Sessions as a part of what is allowed: of the server (without the reserved ones), the database, or the role, in percent. The default is
            V([80, 95])."
        type: list
        elements: float
      active_connections:
        description:
          - Client sessions that run a statement or hold a transaction open. The default is V([50, 80]).
        type: list
        elements: float
      waiting_locks:
        description:
          - Sessions that wait for a lock. The default is V([5, 10]).
        type: list
        elements: float
      oldest_transaction:
        description:
          - Age in minutes of the oldest open transaction that is at work; a session that is idle in one counts for idle_in_transaction. The default
            is V([60, 240]).
        type: list
        elements: float
      idle_in_transaction:
        description:
          - Time for which a session has held a transaction open without doing anything, in minutes. The default is V([10, 60]).
        type: list
        elements: float
      prepared_transactions:
        description:
          - Age of the oldest transaction that was prepared (PREPARE TRANSACTION) and neither committed nor rolled back, in minutes. The default is
            V([10, 60]).
        type: list
        elements: float
      xmin_horizon:
        description:
          - Transactions since the oldest one whose rows VACUUM must keep, because a snapshot may still need them, in millions. The default is V([10,
            100]).
        type: list
        elements: float
      bloat:
        description:
          - "Unused space in the worst table of at least 8 MB, in percent, estimated from the statistics of ANALYZE. A table with a retention policy
            is never more than a warning: new rows use what its clean-up left free. The default is V([30, 50])."
        type: list
        elements: float
      dead_rows:
        description:
          - Dead rows in the worst table with at least 10,000 of them, in percent. The default is V([40, 80]).
        type: list
        elements: float
      stale_statistics:
        description:
          - Tables of which at least half, and 10,000 rows, changed since ANALYZE saw them, or of 8 MB that it never saw. The default is V([0, 20]).
        type: list
        elements: float
      autovacuum_off:
        description:
          - Whether autovacuum is switched off, and tables for which it is. The default is V([0, 20]).
        type: list
        elements: float
      wraparound:
        description:
          - Age of the oldest unfrozen transaction or multixact in millions. The default is V([500, 1000]).
        type: list
        elements: float
      skipped_indexes:
        description:
          - "Indexes that a migration left out as duplicates, and whose duplicates are gone: the next run builds them. The default is V([0, 0])."
        type: list
        elements: float
      invalid_indexes:
        description:
          - Number of indexes that a failed build left behind. The default is V([0, 5]).
        type: list
        elements: float
      unvalidated_constraints:
        description:
          - Constraints that were never checked against the rows that are there (NOT VALID). The default is V([0, 20]).
        type: list
        elements: float
      disabled_triggers:
        description:
          - Tables with disabled triggers, foreign keys or rules, and disabled event triggers. The default is V([0, 5]).
        type: list
        elements: float
      foreign_keys_without_index:
        description:
          - "Foreign keys of tables of at least 8 MB whose columns no index starts with: deleting a referenced row reads the whole table. The default
            is V([5, 1000])."
        type: list
        elements: float
      partitions_ahead:
        description:
          - 1 if the table's next partition by time is missing, 2 if rows of now already have none. The default is V([0, 1]).
        type: list
        elements: float
      default_partition_rows:
        description:
          - "Default partitions that hold rows: a partition for them is missing, and cannot be created while they exist. The default is V([0, 10])."
        type: list
        elements: float
      integer_keys:
        description:
          - Used part of the numbers that a key's type allows (smallint, integer), of the key that is nearest to its end, in percent. The default is
            V([75, 90]).
        type: list
        elements: float
      sequences:
        description:
          - Used part, in percent, of the sequence that is nearest to its end. The default is V([85, 95]).
        type: list
        elements: float
      replication_lag:
        description:
          - "Time by which the standby is behind: of the slowest one on a primary, its own on a standby, in seconds. The default is V([60, 600])."
        type: list
        elements: float
      standbys_missing:
        description:
          - Standbys that synchronous_standby_names requires and that are not connected. The default is V([0, 0]).
        type: list
        elements: float
      replication_slots:
        description:
          - Write-ahead log in GB that is retained for the slot furthest behind. The default is V([1, 10]).
        type: list
        elements: float
      inactive_slots:
        description:
          - Number of inactive replication slots. The default is V([0, 3]).
        type: list
        elements: float
      lost_slots:
        description:
          - "Replication slots whose write-ahead log was removed: their consumers can never continue. The default is V([0, 0])."
        type: list
        elements: float
      archiving:
        description:
          - Time in minutes since a segment of the write-ahead log was last archived, while archive_command fails or hangs; 0 while it works. Checked
            only where the server archives. The default is V([0, 60]).
        type: list
        elements: float
      slow_queries:
        description:
          - Statements that ran longer than O(slow_query_seconds) within the last hour. They are sampled at each call, so this is a lower bound;
            without O(job_config) only those that run right now are counted. The default is V([10, 50]).
        type: list
        elements: float
      deadlocks:
        description:
          - Deadlocks of the last day. The default is V([0, 20]).
        type: list
        elements: float
      temporary_files:
        description:
          - Temporary files that sorts and joins wrote within the last day, in GB (10^9 bytes). The default is V([20, 200]).
        type: list
        elements: float
      disk:
        description:
          - Used part, in percent, of the fullest file system that holds the data, the backups or the records. The default is V([85, 95]).
        type: list
        elements: float
      programs:
        description:
          - Number of the two copies of C(titan-db) that are missing or cannot be run, or 1 if they differ. Needs O(job_config). The default is V([0,
            0]).
        type: list
        elements: float
      cron_daemon:
        description:
          - 1 if no cron daemon runs, while jobs are scheduled. The default is V([0, 1]).
        type: list
        elements: float
      clock:
        description:
          - Difference between this host's clock and the server's, or how far records lie in the future, in seconds. The default is V([5, 60]).
        type: list
        elements: float
      other_crontab_lines:
        description:
          - Lines outside the jobs' block, of the user's crontab, of cron's and anacron's files, of the services behind systemd's enabled timers and
            of the user's at jobs, that dump, vacuum, reindex or delete, call a backup script, or name a directory of the jobs. The crontabs, timers
            and at jobs of other users are read at each converge only. Needs O(job_config). The default is V([0, 1000]).
        type: list
        elements: float
      jobs_not_ready:
        description:
          - "Number of things that will keep scheduled jobs from their work: a right in the database, a program, a directory, a log, the env file, or
            room for the backup and its drill. Asked as the jobs' user. Needs O(job_config). The default is V([0, 0])."
        type: list
        elements: float
      job_lines:
        description:
          - Jobs whose line in the crontab is missing, changed or there twice, and lines that start a job which is not in the schedule. Needs
            O(job_config). The default is V([0, 1000]).
        type: list
        elements: float
      backup_age:
        description:
          - Age in hours of the newest backup without a problem. With O(job_config) the default is an hour more than the time between two scheduled
            backups, and twice that time. The default is V([25, 48]).
        type: list
        elements: float
      verified_backup_age:
        description:
          - Age in hours of the newest backup that a restore has proven. With O(job_config) the default is that of O(thresholds.backup_age). The
            default is V([25, 48]).
        type: list
        elements: float
      jobs_missed:
        description:
          - Number of scheduled jobs whose last due start did not happen. The default is V([0, 0]).
        type: list
        elements: float
      jobs_failed:
        description:
          - Number of jobs whose last run failed or was interrupted. The default is V([0, 0]).
        type: list
        elements: float
      jobs_stuck:
        description:
          - Number of jobs that have been running longer than their time limit. The default is V([0, 0]).
        type: list
        elements: float
      migrations_pending:
        description:
          - Number of migrations that the last converge knew and that are not applied, as after a failed converge, a rollback, or the restore of an
            older backup. Needs O(job_config), and the record that M(titan.database.migration) leaves in the directory of the jobs' states. The
            default is V([0, 10]).
        type: list
        elements: float
      checksum_mismatches:
        description:
          - Number of applied migrations whose text was another than that of the file that the last converge knew. The default is V([0, 0]).
        type: list
        elements: float
      kept_clusters:
        description:
          - Age in days of the oldest data directory that a recovery into the live cluster's place has kept beside it (O(backup_dest) says which).
            Nothing removes it by itself. The default is V([7, 90]).
        type: list
        elements: float
  slow_query_seconds:
    description:
      - From how many seconds on a statement is slow.
    type: float
    default: 5.0
  backup_dest:
    description:
      - Directory on the target host that holds the backups. Without it, and without O(job_config), backups are not checked.
    type: path
  backup_name:
    description:
      - Only backups of this name count, in a directory that holds several.
    type: str
  job_config:
    description:
      - Path on the target host of the configuration that the role P(titan.database.crontab#role) writes. It names the jobs, their records and the
        place of the backups.
    type: path
  timeout:
    description:
      - End after this many seconds, whatever the run waits for; V(0) is no limit.
    type: int
    default: 60
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Look at everything that belongs to production
  titan.database.health_info:
    env_file: /home/ubuntu/Titan/.env
    job_config: /etc/titan-db/production.json
  register: health

- name: Stop when something is critical
  ansible.builtin.assert:
    that: health.status != 'critical'
    fail_msg: "{{ health.report }}"

- name: Check a database that is backed up weekly
  titan.database.health_info:
    login_db: archive
    backup_dest: /srv/backups/archive
    thresholds:
      database_size: [200, 400]
      backup_age: [170, 340]
      verified_backup_age: [170, 340]
"""

RETURN = r"""
status:
  description: The worst status of all checks; V(ok), V(warning), V(unknown) or V(critical).
  returned: success
  type: str
  sample: warning
exit_status:
  description: The same as a number, as monitoring plugins use it; 0 ok, 1 warning, 2 critical, 3 unknown.
  returned: success
  type: int
  sample: 1
checks:
  description: Every check with what was measured and, if something is wrong, a command or sentence that helps.
  returned: success
  type: list
  elements: dict
  sample:
    - name: bloat
      status: warning
      value: 41.5
      unit: "%"
      message: "41.5%: public.system_logs"
      fix: "to shrink the table itself: psql -d titan_trading -c 'VACUUM (FULL, ANALYZE) public.system_logs'"
not_checked:
  description: The checks that say nothing of this database, with the reason, by name.
  returned: success
  type: dict
  sample:
    slow_statements: the extension pg_stat_statements is not installed in this database
report:
  description: The same as a table for people, the worst first.
  returned: success
  type: str
  sample: "status  check  finding"
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: "warning: bloat"
"""

from ansible_collections.titan.database.plugins.module_utils._engine.health import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.health_info, options.HEALTH_INFO)


if __name__ == "__main__":
    main()
