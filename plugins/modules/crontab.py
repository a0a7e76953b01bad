#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manage one block of jobs in a crontab."""

from __future__ import annotations

DOCUMENTATION = r"""
module: crontab
short_description: Manage one block of jobs in a crontab
version_added: "0.1.0"
description:
  - Makes one block of a crontab hold exactly the given jobs, in one call. A job that is no longer listed vanishes.
  - The block lies between a C(BEGIN) and an C(END) marker that carry its name; every byte outside stays as it is. Several blocks
    (for example one for each environment) can share a crontab.
  - Everything is judged before anything is written. Line feeds, unescaped C(%), lines that are too long, dates that never come, and
    expressions that run on other days than they read like are refused, with the field and the reason. Where the host has
    C(crontab -n), it is asked as well. What was written is read back and compared.
  - Each line works under C(/bin/sh) in the almost empty environment of cron, and everything it prints goes to the log of its job,
    also when the directory, the env file or the program is missing.
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the block, the hand-made lines that move into it, and O(files). Other lines never change and are not shown.
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the block, unique in the crontab; usually the environment.
      - Letters, digits, dot, underscore and hyphen, at most 63.
    type: str
    required: true
  user:
    description:
      - Whose crontab it is; the connecting (or become) user if not given.
      - With O(cron_file) it is required, and names whom the jobs run as.
    type: str
  cron_file:
    description:
      - Absolute path of a system crontab on the target host, for example V(/etc/cron.d/titan-production), instead of the crontab of a user.
      - It is replaced atomically, with mode C(0644). Its name may hold only letters, digits, V(_) and V(-), since cron skips other files.
    type: path
  jobs:
    description:
      - The jobs of the block, in the order of the lines.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name of the job, unique in the block.
        type: str
        required: true
      schedule:
        description:
          - When it runs, in the time zone of the host. Five cron fields, or a word such as V(@daily), or V(first sunday 04:00) (also V(second),
            V(third) and V(fourth), with any day of the week).
          - Restricting both day of month and day of week is refused, because cron then runs on days that match either of them.
        type: str
        required: true
      only_on:
        description:
          - Of the days in O(jobs[].schedule), run on this day of the week only.
          - C(titan-db cron) decides that itself, so the line does not contain it.
        type: str
        choices: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
      command:
        description:
          - What to run, as it stands in a crontab; a C(%) is written C(\%).
          - It must not hold secrets, since crontabs are readable by others. Put them into O(jobs[].env_file).
        type: str
        required: true
      log:
        description:
          - Absolute path of the file that all output is appended to, on the target host. Its directory has to exist when the job runs.
        type: str
        required: true
      directory:
        description:
          - Absolute path of the directory to run in; the home directory of the user if not given.
          - C(titan-db cron) changes to the directory of its configuration instead, so the line does not contain it.
        type: str
      env_file:
        description:
          - Absolute path of a file with C(NAME=value) lines, which is sourced with its variables exported.
          - It is checked at once that every line of it means the same to C(/bin/sh) as to this collection.
        type: str
      on_failure:
        description:
          - "A command to run when the job fails, so that somebody is notified: when O(jobs[].log), O(jobs[].directory) or O(jobs[].env_file) cannot
            be used, or O(jobs[].command) ends with a status other than 0. C($?) is the status, 127 or 126 for a command that cannot be found or
            executed."
          - It does not get the variables of O(jobs[].env_file), and what it prints is mailed by cron. It must not contain a comment, and its quotes
            have to be closed.
        type: str
  files:
    description:
      - Files that the jobs need, such as their configuration. They are written before the crontab, and removed with the block.
      - Missing parent directories are created with mode C(0755).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Absolute path on the target host.
        type: str
        required: true
      content:
        description:
          - The whole text of the file. It is shown in the diff, so it must not hold secrets.
        type: str
        required: true
      mode:
        description:
          - Its mode, in octal digits.
        type: str
        default: "0644"
      group:
        description:
          - Its group; left alone if not given.
        type: str
  adopt:
    description:
      - Move hand-made lines outside the block that certainly do the same as a job into the block, as comments, so that nothing runs twice.
      - Recognised are lines equal to ours, and the lines of the Titan maintenance document for the jobs C(backup), C(cleanup), C(stats) and
        C(reindex) in the same O(jobs[].directory). What only resembles a job is reported in RV(conflicts) and left alone.
    type: bool
    default: true
  state:
    description:
      - With V(absent) the block and O(files) are removed, and adopted lines go back to where they were.
    type: str
    choices: [present, absent]
    default: present
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Schedule the jobs of production
  titan.database.crontab:
    name: production
    user: ubuntu
    jobs:
      - name: backup
        schedule: "0 2 * * *"
        directory: /home/ubuntu/Titan
        env_file: /home/ubuntu/Titan/.env
        command: /usr/local/bin/titan-db cron production backup
        on_failure: /etc/titan-db/titan-db note production backup $?
        log: /home/ubuntu/logs/db-backup-production.log
      - name: reindex
        schedule: first sunday 04:00
        directory: /home/ubuntu/Titan
        env_file: /home/ubuntu/Titan/.env
        command: /usr/local/bin/titan-db cron production reindex
        on_failure: /etc/titan-db/titan-db note production reindex $?
        log: /home/ubuntu/logs/db-reindex.log

- name: Use a system crontab instead of the crontab of the user
  titan.database.crontab:
    name: production
    user: ubuntu
    cron_file: /etc/cron.d/titan-production
    jobs:
      - name: disk
        schedule: "*/15 * * * *"
        command: df -h /var/lib/postgresql
        log: /home/ubuntu/logs/disk.log

- name: Remove the jobs of staging
  titan.database.crontab:
    name: staging
    user: ubuntu
    state: absent
"""

RETURN = r"""
lines:
  description: The lines of the block, with its markers; empty if it is absent.
  returned: success
  type: list
  elements: str
  sample:
    - "# BEGIN titan.database crontab production (managed: edits in this block are overwritten)"
    - "# backup"
    - >-
      0 2 * * * (set -a; . /home/ubuntu/Titan/.env && exec /usr/local/bin/titan-db cron production backup)
      >>/home/ubuntu/logs/db-backup.log 2>&1 || /etc/titan-db/titan-db note production backup $?
    - "# END titan.database crontab production"
next_runs:
  description: For each job its next three runs, on the clock of the host and in UTC; C(note) is set on days when the clocks change.
  returned: success
  type: list
  elements: dict
  sample:
    - name: backup
      schedule: "0 2 * * *"
      only_on: null
      runs:
        - {local: Mon 2026-03-02 02:00 CET, utc: "2026-03-02T01:00:00Z", note: ""}
time_zone:
  description: The time zone of the host, by which cron runs.
  returned: success
  type: str
  sample: Europe/Berlin
adopted:
  description: Hand-made lines that this run moved into the block, with the number that each line had.
  returned: success
  type: list
  elements: dict
  sample:
    - {number: 3, line: "0 2 * * * cd /home/ubuntu/Titan && source .env && ./scripts/backup-production-db.sh"}
conflicts:
  description: Lines outside the block that resemble a job and were left alone, with the reason.
  returned: success
  type: list
  elements: dict
  sample:
    - number: 7
      line: 30 5 * * * /home/ubuntu/Titan/scripts/backup-production-db.sh
      job: backup
      reason: the same work at a time that no document names
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: "block 'production' of crontab of ubuntu written: 5 jobs"
"""

from ansible_collections.titan.database.plugins.module_utils._engine.crontab import operation, options
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(operation.crontab, options.CRONTAB)


if __name__ == "__main__":
    main()
