#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a file for another user."""

from __future__ import annotations

DOCUMENTATION = r"""
module: file
short_description: Write a file for another user
version_added: "0.1.0"
description:
  - Writes a small file, such as an env file, under a temporary name and renames it, or renames or removes one.
  - Root does that as the user who may replace what is in the directory. A link, or a directory that this user swaps meanwhile,
    leads to nothing that the user could not write to, as it would with M(ansible.builtin.template) and M(ansible.builtin.copy).
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows owner, group and mode, and whether the content differs, never the content.
  idempotent:
    support: full
options:
  path:
    description:
      - Absolute path of the file, on the target host. Its directory must exist.
      - Neither a link, a named pipe, a device nor a file with a second name (hard link) may be in its place.
    type: path
    required: true
  content:
    description:
      - The whole content. Shown in no log and no diff.
    type: str
  renamed_from:
    description:
      - Name of a file in the same directory, which takes the place of O(path) as it is. Instead of O(content).
    type: str
  owner:
    description:
      - Name of the user that the file belongs to. By default, the user who may replace what is in the directory; below a directory of another user it
        must be that user.
    type: str
  group:
    description:
      - Name of the file's group. By default, the first group of O(owner).
    type: str
  mode:
    description:
      - Mode, as octal digits in quotes.
    type: str
    default: "0600"
  state:
    description:
      - V(absent) removes the file.
    type: str
    choices: [present, absent]
    default: present
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Write the env file
  titan.database.file:
    path: /home/ubuntu/Titan/.env
    content: |
      DATABASE_URL='{{ vault_database_url }}'
    owner: ubuntu
"""

RETURN = r"""
path:
  description: Path of the file.
  returned: success
  type: str
  sample: /home/ubuntu/Titan/.env
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: /home/ubuntu/Titan/.env was written
"""

from ansible_collections.titan.database.plugins.module_utils._engine.environment.file import FILE, file
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(file, FILE)


if __name__ == "__main__":
    main()
