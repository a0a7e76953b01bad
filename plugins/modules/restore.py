#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a backup into a new database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Restore a backup, or single tables of it, and swap it in if wanted
version_added: "0.1.0"
description:
  - Restores a backup into a new database, stops at the first error, and compares every table's rows, the schema and the sequences with
    what the backup's manifest says. If anything differs the new database is dropped again and the module fails.
  - With O(swap=true) the restored database then takes the place of the live one, in one transaction. The live one is kept
    under a dated name, so that it can be renamed back.
  - With O(tables) or O(schemas), only these are restored, with what they need, and compared. Without O(into) they come beside the live
    ones, in the connected database, in one transaction.
  - No live table is ever written to. Owners and grants are restored; roles and tablespaces that the target server
    does not have are named before anything starts.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Checks the backup, the names, the roles and the programs; restores nothing.
  diff_mode:
    support: full
  idempotent:
    support: none
    details: Each run restores.
options:
  source:
    description:
      - The backup on the target host. A dump that others made may have any name, as in a drill.
      - The newest verified one in O(dest) if not given.
    type: path
  database:
    description:
      - Of a dump that holds several databases (by C(pg_dumpall)), the one that is meant.
    type: str
  dest:
    description:
      - Directory on the target host with the backups.
    type: path
  name:
    description:
      - Only backups of this name in O(dest).
    type: str
  into:
    description:
      - Name of the database to restore into. It must not exist, unless O(swap=true).
      - "Required, unless O(tables) or O(schemas) name what is wanted: these then come beside the live ones, in the connected database."
    type: str
  tables:
    description:
      - Restore only these tables, each as C(SCHEMA.TABLE), or C(TABLE) in C(public), with their partitions, indexes, constraints and rows, and with
        the types, sequences and functions that they need.
      - With O(into), into a new database. Without it, into the connected database, beside the live table as C(<table>_restored_YYYYMMDD_HHMMSS);
        nothing else there is changed.
      - Foreign keys to tables that are not restored are left out; the result names them.
    type: list
    elements: str
  schemas:
    description:
      - The same for all that is in these schemas. Without O(into), each comes beside the live one as C(<schema>_restored_YYYYMMDD_HHMMSS).
    type: list
    elements: str
  no_owner:
    description:
      - Objects of O(tables) and O(schemas) belong to the role that restores them, or to the owner of the database if that is a superuser. The owners
        of the source need not exist.
    type: bool
    default: false
  no_privileges:
    description:
      - Leave out the privileges on objects of O(tables) and O(schemas).
    type: bool
    default: false
  swap:
    description:
      - If the database O(into) exists, end the connections to it, rename it to C(<into>_before_YYYYMMDD_HHMMSS), and give the restored one its name.
        This happens after the restore was compared.
    type: bool
    default: false
  accept_superuser:
    description:
      - Let a superuser load the dump, with whose rights the dump's own code then runs. The result warns of it.
      - Without it, a superuser makes a role for the load that is none, and drops it afterwards; what the dump has that could run programs is refused
        by name.
    type: bool
    default: false
  identity:
    description:
      - Path on the target host of an C(age) identity, the key to restore encrypted backups with.
    type: path
  programs:
    description:
      - Directory on the target host with PostgreSQL's programs of the server's major version or newer.
      - If not given, the distribution's directories (such as C(/usr/lib/postgresql/17/bin)) and then E(PATH) are searched.
    type: path
  jobs:
    description:
      - Parallel connections of C(pg_restore) in the drill, and of C(pg_dump) with C(format=directory).
    type: int
    default: 2
  timeout:
    description:
      - Seconds after which the whole run is ended as failed; V(0) for no limit.
    type: int
    default: 21600
  drill_dir:
    description:
      - Directory on the target host in which the throw-away cluster is made; it needs room for the database. At most 80 bytes long.
      - C(/var/tmp) if not given.
    type: path
notes:
  - The role needs C(CREATEDB), must own the database that is swapped, and must be able to give objects to their owners; usually a
    superuser.
  - The connection goes to the database C(postgres) (or C(template1)) of the server, whatever O(login_db) says; but O(tables) and
    O(schemas) without O(into) come into the database that it names. For that the role needs no C(CREATEDB), and this host the
    server's programs, as for a drill.
seealso:
  - module: titan.database.backup
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Look at last night's data
  titan.database.restore:
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    dest: /home/ubuntu/backups/database
    name: titan_prod
    into: titan_yesterday

- name: Go back to a certain backup
  titan.database.restore:
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    source: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
    into: titan_trading
    swap: true

- name: Get one table back, beside the live one
  titan.database.restore:
    login_unix_socket: /var/run/postgresql
    login_user: postgres
    login_db: titan_trading
    dest: /home/ubuntu/backups/database
    name: titan_prod
    tables: [notifications]
"""

RETURN = r"""
restored:
  description:
    - The name of the database, the backup it came from, and how many tables and rows came.
    - In check mode, what the manifest counts of them; for O(tables), a partitioned table counts without its partitions.
  returned: success
  type: dict
  sample: {database: titan_trading, path: /var/backups/titan_prod_20261122_020000.sql.gz, tables: 16, rows: 172000}
beside:
  description: The new name of each table that came beside the live one, by its name in the backup; of each schema of O(schemas).
  returned: with O(tables) or O(schemas) and without O(into)
  type: dict
  sample: {public.notifications: public.notifications_restored_20261122_091500}
previous_database:
  description: The name under which the database that was there is kept; null if there was none.
  returned: success
  type: str
  sample: titan_trading_before_20261122_091500
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.restore, options.RESTORE)


if __name__ == "__main__":
    main()
