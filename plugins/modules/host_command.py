#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the host command titan-db."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_command
short_description: Install the host command titan-db
version_added: "0.1.0"
description:
  - Builds the command C(titan-db) on the controller from the very engine that this collection's modules run on, and installs it
    on the target host as one executable file, in one round trip.
  - The same collection gives the same bytes on every controller, so a second run changes nothing.
  - The file is written under a temporary name and renamed, so a job that starts meanwhile sees the old or the new command, never half of one.
extends_documentation_fragment:
  - titan.database.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The diff shows the checksums of the file before and after.
  idempotent:
    support: full
options:
  path:
    description:
      - Where to install the command, on the target host. Missing parent directories are created with mode C(0755), whatever the umask. Beside it lies
        a compiled copy in a hidden directory, with which it starts faster. An existing directory C(titan-db) that other users cannot read and enter
        gets this mode.
    type: path
    default: /usr/local/bin/titan-db
  spare:
    description:
      - Where to install a second copy, on the target host, best in a directory that is not cleaned up. It reports jobs that could not start because
        O(path) is missing, and it runs the health check, which compares the two.
      - Without it there is no second copy; an old one is left alone.
    type: path
  interpreter:
    description:
      - Path of the Python that runs the command, on the target host. It needs psycopg2.
    type: path
    default: /usr/bin/python3
  content:
    description:
      - The command itself, compressed and base64-encoded. Filled in on the controller; never give it yourself.
    type: str
  env_files:
    description:
      - Environment files on the target host that the jobs will source. Each is checked before anything is written.
      - The check fails when a file is missing or not readable, and when a line of it means something else to C(/bin/sh) than to C(titan-db); the
        message names the line.
      - A file that users outside of its group can read gets the mode C(0600).
    type: list
    elements: path
    default: []
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Install titan-db
  titan.database.host_command:

- name: Install titan-db elsewhere, and check the env file of the application
  titan.database.host_command:
    path: /opt/titan/bin/titan-db
    spare: /etc/titan-db/titan-db
    env_files:
      - /home/ubuntu/Titan/.env
"""

RETURN = r"""
path:
  description: Where the command is, on the target host.
  returned: success
  type: str
  sample: /usr/local/bin/titan-db
spare:
  description: Where the second copy is, on the target host; null without one.
  returned: success
  type: str
  sample: /etc/titan-db/titan-db
sha256:
  description: Checksum of the installed file.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
size:
  description: Size of the installed file in bytes.
  returned: success
  type: int
  sample: 262144
summary:
  description: One sentence for people.
  returned: success
  type: str
  sample: /usr/local/bin/titan-db is up to date (sha256 2c26b46b68ff)
"""

from ansible_collections.titan.database.plugins.module_utils._engine.environment import host_command
from ansible_collections.titan.database.plugins.module_utils._host_module import run_host_module


def main() -> None:
    run_host_module(host_command.install, host_command.HOST_COMMAND)


if __name__ == "__main__":
    main()
