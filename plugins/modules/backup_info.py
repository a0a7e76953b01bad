#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List backups and check them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_info
short_description: List the backups of a directory and check them
version_added: "0.1.0"
description:
  - Reads the backups of a directory and their manifests. No database is needed, and nothing is changed.
  - A damaged or missing file, one that is not the one the manifest describes, and one whose last drill failed have a C(problem) and
    do not count as verified.
  - Files with such names that have no manifest, made by other programs, are listed with C(adopted) true and are not verified.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Nothing is ever changed.
  diff_mode:
    support: none
    details: Nothing is ever changed.
  idempotent:
    support: full
options:
  dest:
    description:
      - Directory on the target host with the backups. For one that is not there, or holds none, the result says what is there.
    type: path
    required: true
  name:
    description:
      - List only backups of this name; all if not given.
    type: str
  verify:
    description:
      - V(none) compares sizes with the manifests.
      - V(checksum) reads every byte and compares SHA-256; a dump without a manifest is decoded to its end.
    type: str
    choices: [none, checksum]
    default: none
  timeout:
    description:
      - Seconds after which the whole run is ended as failed; V(0) for no limit.
    type: int
    default: 21600
notes:
  - The connection options are accepted, so that they can be given once for all modules, but they are not used.
seealso:
  - module: titan.database.backup
  - module: titan.database.backup_pin
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Check every byte of the backups
  titan.database.backup_info:
    dest: /home/ubuntu/backups/database
    name: titan_prod
    verify: checksum
  register: catalog

- name: Insist on a proven backup
  ansible.builtin.assert:
    that: catalog.newest_verified is not none
"""

RETURN = r"""
backups:
  description: All backups, newest first; each with its manifest's facts and what was found now.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The dump on the target host.
      type: str
      sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
    started:
      description: When the backup began, in UTC.
      type: str
      sample: "2026-11-22T02:00:00Z"
    verified_level:
      description: V(none), V(checksum) or V(restored); V(none) as soon as there is a problem.
      type: str
      sample: restored
    problem:
      description: Why the backup must not be relied on; empty if nothing is known against it.
      type: str
      sample: ""
    adopted:
      description: Whether there is no manifest, because another program made the file.
      type: bool
      sample: false
    pinned:
      description: Whether it is never removed.
      type: bool
      sample: false
exit_status:
  description: The status that C(titan-db list) ends with; 1 if there is no backup, or one has a problem, otherwise 0.
  returned: success
  type: int
  sample: 0
newest_verified:
  description: The newest backup whose restore equalled its source; null if there is none.
  returned: success
  type: dict
  sample: {path: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz, verified_level: restored}
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import information, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(information.backup_info, options.BACKUP_INFO)


if __name__ == "__main__":
    main()
