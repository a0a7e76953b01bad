#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything is to be done on a host, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: converge_info
short_description: Compare a host with everything that is declared for it, in one call
version_added: "0.2.0"
description:
  - For a play that brings a host to its declared state, as its first task. Each step is what a later task of the play does, in check mode.
    Where no step has anything to do, the play can end for the host.
  - The installed C(titan-db) does it, in one process; it is not sent along. So nothing is compared before the first converge, and none
    after an update of this collection.
  - That a step cannot be compared is no failure - the task that does the step says what is wrong.
  - It changes nothing.
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
seealso:
  - module: titan.database.host_command
options:
  command:
    description:
      - Path of the installed C(titan-db), on the target host. It is asked only if it is the one that this collection would install, and if nobody but
        root and the user of the task could replace it.
    type: path
    default: /usr/local/bin/titan-db
  interpreter:
    description:
      - Path of the Python that runs the command, on the target host.
    type: path
    default: /usr/bin/python3
  steps:
    description:
      - What is declared, in the order in which a play would bring it about. The comparison ends at the first step that has something to do, or that
        cannot be compared.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - "What to compare: the name of a module of this collection, or V(user), V(packages), V(service), V(tonight) or V(channels)."
        type: str
        required: true
      user:
        description:
          - Name of the user as whom it is compared, if the task runs as root. By default, the user of the task.
        type: str
      options:
        description:
          - The options of the module, or of what is compared.
        type: dict
        default: {}
      when:
        description:
          - With V(false), the step is left out.
        type: bool
        default: true
  variable:
    description:
      - Name of a variable that holds the steps, instead of O(steps). It is evaluated inside the task - where that fails, nothing is compared, and the
        tasks of the play say what is wrong.
    type: str
  request:
    description:
      - The steps with what the controller has of them. Filled in on the controller; never give it yourself.
    type: str
  digest:
    description:
      - Checksum of the command. Filled in on the controller; never give it yourself.
    type: str
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Compare the host with what is declared
  titan.database.converge_info:
    steps:
      - name: directory
        options: {path: /srv/backups, owner: postgres, mode: "0700"}
      - name: migration
        user: postgres
        options: {path: migrations, apply_pending: false}
  register: compared

- name: End the play where nothing is to be done
  ansible.builtin.meta: end_host
  when: compared.settled
"""

RETURN = r"""
settled:
  description: Whether no step has anything to do.
  returned: success
  type: bool
  sample: true
step:
  description: The first step that has something to do, or cannot be compared; C(command) if C(titan-db) was not asked.
  returned: success
  type: str
  sample: crontab
reason:
  description: Why, as a sentence; empty if nothing is to be done.
  returned: success
  type: str
  sample: a package is not installed
found:
  description:
    - Of what the modules of the steps before it return, what a play shows, by the step's name.
  returned: success
  type: dict
  contains:
    migration:
      description: Of M(titan.database.migration), the status of the migrations.
      returned: success
      type: dict
    retention_policy:
      description: Of M(titan.database.retention_policy), the policies.
      returned: success
      type: dict
    crontab:
      description: Of M(titan.database.crontab), the next runs.
      returned: success
      type: dict
    backup_info:
      description: Of M(titan.database.backup_info), the newest verified backup.
      returned: success
      type: dict
  sample: {crontab: {next_runs: []}}
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: Nothing is to be done.
"""

from ansible_collections.titan.database.plugins.module_utils._engine.converge.ask import ask
from ansible_collections.titan.database.plugins.module_utils._engine.converge.options import CONVERGE_INFO
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.options import CONNECTION
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(ask, {**CONNECTION, **CONVERGE_INFO})  # the steps' connection goes with the request


if __name__ == "__main__":
    main()
