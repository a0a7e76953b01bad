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
      database_size:
        description:
          - Size of the database in GB (10^9 bytes). The default is V([5, 10]).
        type: list
        elements: float
      active_connections:
        description:
          - Client sessions that run a statement or hold a transaction open. The default is V([50, 80]).
        type: list
        elements: float
      slow_queries:
        description:
          - Statements that ran longer than O(slow_query_seconds) within the last hour. They are sampled at each call, so this is a lower bound;
            without O(job_config) only those that run right now are counted. The default is V([10, 50]).
        type: list
        elements: float
      waiting_locks:
        description:
          - Sessions that wait for a lock. The default is V([5, 10]).
        type: list
        elements: float
      bloat:
        description:
          - Unused space in the worst table of at least 8 MB, in percent, estimated from the statistics of ANALYZE. The default is V([30, 50]).
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
      programs:
        description:
          - Number of the two copies of C(titan-db) that are missing or cannot be run, or 1 if they differ. Needs O(job_config). The default is V([0,
            0]).
        type: list
        elements: float
      invalid_indexes:
        description:
          - Number of indexes that a failed concurrent build left behind. The default is V([0, 5]).
        type: list
        elements: float
      migrations_pending:
        description:
          - Number of migrations that the last converge knew and the database has not had, as after a failed converge, a rollback, or the restore of
            an older backup. Needs O(job_config), and the record that M(titan.database.migration) leaves in the directory of the jobs' states. The
            default is V([0, 10]).
        type: list
        elements: float
      checksum_mismatches:
        description:
          - Number of applied migrations whose text was another than that of the file that the last converge knew. The default is V([0, 0]).
        type: list
        elements: float
      wraparound:
        description:
          - Age of the oldest unfrozen transaction or multixact in millions. The default is V([500, 1000]).
        type: list
        elements: float
      sequences:
        description:
          - Used part, in percent, of the sequence that is nearest to its end. The default is V([85, 95]).
        type: list
        elements: float
      disk:
        description:
          - Used part, in percent, of the fullest file system that holds the data, the backups or the records. The default is V([85, 95]).
        type: list
        elements: float
      replication_slots:
        description:
          - Write-ahead log in GB that is kept for the slot furthest behind. The default is V([1, 10]).
        type: list
        elements: float
      inactive_slots:
        description:
          - Number of replication slots that nobody reads. The default is V([0, 3]).
        type: list
        elements: float
      archiving:
        description:
          - Time in minutes since a segment of the write-ahead log was last archived, while C(archive_command) fails; 0 while it works. Checked only
            where the server archives. The default is V([0, 60]).
        type: list
        elements: float
      oldest_transaction:
        description:
          - Age in minutes of the oldest open transaction. The default is V([60, 240]).
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
      fix: psql -d titan_trading -c 'VACUUM ANALYZE public.system_logs'; then titan-db reindex
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
