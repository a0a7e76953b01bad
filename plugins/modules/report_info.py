#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one environment tells of itself, and its page."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report_info
short_description: Make the report of one environment, as a page and as data
version_added: "0.2.0"
description:
  - Gathers what the report C(titan-db stats --html) shows, and what the page of all environments needs of this one - the state of health, the
    recovery point and the recovery time that are reached, and when a restore last proved a backup.
  - It changes nothing on the target host. With O(site) the page is written on the controller.
  - A server that cannot be reached is a critical finding, and there is no page then.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Nothing is written on the controller either.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: titan.database.report_index
  - module: titan.database.health_info
options:
  site:
    description:
      - Directory B(on the controller) that the site is written to. It is created if it does not exist.
      - The page goes into it, and what the index of all environments needs; RV(page) is not returned then.
    type: path
  rpo:
    description:
      - Recovery point objective. The report says if a disaster now would cost more time than this, as V(26h).
    type: str
  rto:
    description:
      - Recovery time objective. The report says if the newest restore that proved a backup took longer than this, as V(30m).
    type: str
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
    default: 300
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Collect the report
  titan.database.report_info:
    job_config: /etc/titan-db/production.json
    site: /srv/www/databases
    rpo: 26h
    rto: 30m
"""

RETURN = r"""
record:
  description:
    - What the environment tells. Times are seconds since 1970, lengths of time are seconds, sizes are bytes; null is unknown.
    - C(recovery_point) and C(recovery_time) have what is reached now, the worst, the target and the trend.
  returned: success
  type: dict
  sample:
    environment: production
    state: critical
    findings:
      - name: recovery_point
        status: critical
        message: recovery point 30 h, the target is 26 h
        fix: titan-db backup --config /etc/titan-db/production.json
page:
  description: The page; empty if the database could not be asked.
  returned: success, if O(site) is not given
  type: str
  sample: "<!DOCTYPE html>"
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: "ok; a disaster now would cost 13 h"
"""

from ansible_collections.titan.database.plugins.module_utils._engine.fleet import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.report_info, options.REPORT_INFO)


if __name__ == "__main__":
    main()
