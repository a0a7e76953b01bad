#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a directory for another user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: directory
short_description: Create a directory for another user
version_added: "0.1.0"
description:
  - Creates a directory with owner, group and mode, or gives them to an existing one.
  - Each part of the path is opened by itself, and the open directory is changed. A symbolic link that a user has made on the way
    does not hand over another user's directory, as it does with M(ansible.builtin.file).
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - Absolute path of the directory, on the target host. Missing parents are created with mode C(0755).
      - Its last part must not be a link. A link above it is followed if root made it, or if what it names belongs to the link's owner.
      - Either it or O(directories) is required.
    type: path
  owner:
    description:
      - Name of the user that the directory belongs to. By default, the user of the task.
    type: str
  group:
    description:
      - Name of the directory's group. By default, the first group of O(owner).
    type: str
  mode:
    description:
      - Mode, as octal digits in quotes.
    type: str
    default: "0700"
  directories:
    description:
      - Several directories, in this order, instead of O(path). All are looked at before the first one is changed.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - As O(path).
        type: path
        required: true
      owner:
        description:
          - Its owner; O(owner) if not given.
        type: str
      group:
        description:
          - Its group; O(group) if not given.
        type: str
      mode:
        description:
          - Its mode; O(mode) if not given.
        type: str
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Create the directories of the jobs
  titan.database.directory:
    owner: ubuntu
    mode: "0750"
    directories:
      - path: /home/ubuntu/logs
      - path: /home/ubuntu/state
        mode: "0700"

- name: Create the backup directory
  titan.database.directory:
    path: /home/ubuntu/backups/database
    owner: ubuntu
    mode: "0700"
"""

RETURN = r"""
path:
  description: Path of the directory.
  returned: with O(path)
  type: str
  sample: /home/ubuntu/backups/database
paths:
  description: Paths of the directories.
  returned: with O(directories)
  type: list
  elements: str
  sample: [/home/ubuntu/logs, /home/ubuntu/state]
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: /home/ubuntu/backups/database was made
"""

from ansible_collections.titan.database.plugins.module_utils._engine.environment.directory import DIRECTORY, directory
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(
        directory,
        DIRECTORY,
        mutually_exclusive=[("path", "directories")],
        required_one_of=[("path", "directories")],
    )


if __name__ == "__main__":
    main()
