#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do another module's work with the engine of the installed titan-db."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_command_run
short_description: Do another module's work with the installed titan-db
version_added: "0.2.0"
description:
  - Other modules of this collection call it in their place, where the play has seen C(titan-db) on the host - it has their code, compiled, so that
    nothing has to be packed and sent. Name those modules in a play, never this one.
  - It returns what O(module) returns.
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
    details: As O(module) has it.
  diff_mode:
    support: full
    details: As O(module) has it.
  idempotent:
    support: full
    details: As O(module) has it.
seealso:
  - module: titan.database.host_command
options:
  module:
    description:
      - Name of the module whose work it is.
    type: str
    choices: [backup, backup_info, crontab, migration, migration_info, retention_policy]
    required: true
  command:
    description:
      - Path of the installed C(titan-db), on the target host. It is used only if nobody but root and the user of the task could replace it.
    type: path
    required: true
  digest:
    description:
      - The checksum that O(command) has to have.
    type: str
    required: true
  options:
    description:
      - The options of O(module).
    type: dict
    required: true
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Install titan-db
  titan.database.host_command:

- name: Take a backup, by the command that was installed
  titan.database.backup:
    dest: /srv/backups
    login_db: app
"""

RETURN = r"""
unusable:
  description: Why O(command) was not used, and nothing was done. Without it, the result is that of O(module).
  returned: if it was not used
  type: str
  sample: /usr/local/bin/titan-db is another version
"""

from ansible_collections.titan.database.plugins.module_utils._by_command import run_by_command


def main() -> None:
    run_by_command()


if __name__ == "__main__":
    main()
