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
      - Absolute path of the directory, on the target host. Missing parents are made with mode C(0755).
      - Its last part must not be a link. A link above it is followed if root made it, or if what it names belongs to the link's owner.
    type: path
    required: true
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
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Create the backup directory
  titan.database.directory:
    path: /home/ubuntu/backups/database
    owner: ubuntu
    mode: "0700"
"""

RETURN = r"""
path:
  description: Path of the directory.
  returned: success
  type: str
  sample: /home/ubuntu/backups/database
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: /home/ubuntu/backups/database was made
"""

from ansible_collections.titan.database.plugins.module_utils._engine.environment.directory import DIRECTORY, directory
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(directory, DIRECTORY, connection=False)


if __name__ == "__main__":
    main()
