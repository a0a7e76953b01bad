#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a server and a directory for backups by pgBackRest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_stanza
short_description: Prepare a server for physical backups by pgBackRest
version_added: "0.1.0"
description:
  - Checks that the server archives its write-ahead log to a pgBackRest stanza, creates the stanza where it is missing, lets
    C(pgbackrest check) try the whole way, and makes O(dest) the directory of that stanza's backups.
  - From then on M(titan.database.backup) with O(titan.database.backup#module:engine=pgbackrest), M(titan.database.backup_info), drills, the
    guard of M(titan.database.cleanup) and M(titan.database.health_info) work on the backups of the stanza by naming O(dest).
  - The server is never restarted. A server that is not set up is refused with the settings that it needs, unless O(configure_server) is
    true.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: C(pgbackrest check) is not run, because it makes the server begin a new segment of its write-ahead log.
  diff_mode:
    support: full
    details: Lists what is done.
  idempotent:
    support: full
    details: C(pgbackrest check) is run only when something else was done.
options:
  dest:
    description:
      - Directory on the target host for the records of the backups (their fingerprints and what drills have shown). It must exist, belong to the user
        that the module runs as (or to root), be no symbolic link and not be writable by group or others.
      - The backups themselves lie in the repository that O(pgbackrest_config) names.
    type: path
    required: true
  name:
    description:
      - Name of the backups in the catalog; O(stanza) if not given.
    type: str
  stanza:
    description:
      - Name of the stanza in O(pgbackrest_config).
    type: str
    required: true
  pgbackrest_config:
    description:
      - Path on the target host of pgBackRest's configuration file. It must not be readable by others, because it may hold the keys of the repository.
    type: path
    required: true
  configure_server:
    description:
      - Set C(wal_level), C(archive_mode) and C(archive_command) by C(ALTER SYSTEM) where they are not right, and reload the server. This needs a
        superuser.
      - What needs a restart is returned in RV(restart_required) and warned of. Run the module again after the restart.
    type: bool
    default: false
notes:
  - Run it as the user that owns the server's files (usually C(postgres)), as pgBackRest itself has to be run. Run as root, pgBackRest is
    started as C(postgres).
seealso:
  - module: titan.database.backup
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Prepare the stanza
  titan.database.backup_stanza:
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    login_db: titan_trading
    dest: /var/backups/titan-db
    stanza: main
    pgbackrest_config: /etc/pgbackrest/main.conf
    configure_server: true
  become: true
  become_user: postgres
  register: stanza

- name: Restart PostgreSQL in the maintenance window
  ansible.builtin.service:
    name: postgresql
    state: restarted
  when: stanza.restart_required | length > 0
"""

RETURN = r"""
stanza:
  description: The stanza's name.
  returned: success
  type: str
  sample: main
actions:
  description: What was (in check mode, would be) done.
  returned: success
  type: list
  elements: str
  sample: [create stanza main, write /var/backups/titan-db/pgbackrest.json]
restart_required:
  description: Settings that only a restart of PostgreSQL brings about. Until then no backup can be taken.
  returned: success
  type: list
  elements: str
  sample: [archive_mode]
summary:
  description: The result in one line.
  returned: success
  type: str
  sample: stanza main is ready
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.backup_stanza, options.BACKUP_STANZA)


if __name__ == "__main__":
    main()
