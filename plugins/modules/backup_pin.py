#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep an existing backup for ever, or let it go again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_pin
short_description: Keep an existing backup for ever, or let it go again
version_added: "0.1.0"
description:
  - Notes in a backup's manifest that it is pinned. The O(titan.database.backup#module:keep) rules never remove a pinned backup.
  - No database is needed. A file without a manifest, made by another program, cannot be pinned before a drill has given it one.
  - The manifests of copies elsewhere stay as they are. Backups of pgBackRest are kept by its own rules and cannot be pinned.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows whether the backup is pinned, before and after.
  idempotent:
    support: full
options:
  source:
    description:
      - Path of the backup on the target host.
      - If not given, the newest verified backup in O(dest). To let one go it must be given.
    type: path
  dest:
    description:
      - Directory on the target host whose newest verified backup is meant.
    type: path
  name:
    description:
      - Of O(dest), only backups of this name.
    type: str
  state:
    description:
      - V(present) pins the backup, V(absent) lets the rules apply to it again.
    type: str
    choices: [present, absent]
    default: present
notes:
  - The connection options are accepted, so that they can be given once for all modules, but they are not used.
seealso:
  - module: titan.database.backup
  - module: titan.database.backup_info
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Keep the newest proven backup for ever
  titan.database.backup_pin:
    dest: /home/ubuntu/backups/database
    name: titan_prod

- name: Let an old one go by the rules again
  titan.database.backup_pin:
    source: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
    state: absent
"""

RETURN = r"""
backup:
  description: The backup as M(titan.database.backup_info) lists it.
  returned: success
  type: dict
  sample: {path: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz, verified_level: restored, pinned: true}
summary:
  description: The result in one line.
  returned: success
  type: str
  sample: "titan_prod_20261122_020000.sql.gz is pinned: it stays until it is unpinned."
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import information, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(information.pin, options.PIN)


if __name__ == "__main__":
    main()
