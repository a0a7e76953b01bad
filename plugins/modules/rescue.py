#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put back rows that were lost since a backup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rescue
short_description: Put back rows that were lost since a backup, or take that back
version_added: "0.2.0"
description:
  - Finds the rows that a backup, or a database restored beside, has and the live database lacks, and puts them back in one transaction.
    Rows written since stay as they are.
  - A backup is restored into a throw-away cluster and compared with its manifest first. Tables that are the same on both sides are passed
    over; in the others, rows are told apart by their primary key, by a unique index without NULL, or by all that is in them.
  - What is in the way is named before anything is changed - unique values that other rows have taken, parents that are not there, checks,
    columns that have come since. Triggers that fire, and sequences that are moved ahead, are named too. No sequence goes back.
  - The table C(titan_ops.rescue) and a file on the host tell what was done. With O(undo) that file takes the rescue back.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Restores, compares and plans; the live database gets temporary tables only. With O(undo), the transaction is rolled back.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  source:
    description:
      - The backup on the target host that still has the rows. It is restored into a throw-away cluster, compared with its manifest, and removed
        afterwards.
      - The newest verified one in O(dest) if not given.
    type: path
  from_database:
    description:
      - "A database of the same server that still has the rows, instead of a backup: one that a backup was restored into, for example. Nothing in it
        is changed."
    type: str
  dest:
    description:
      - Directory on the target host with the backups.
    type: path
  name:
    description:
      - Only backups of this name in O(dest).
    type: str
  tables:
    description:
      - Tables whose rows are wanted, as C(SCHEMA.TABLE), or C(TABLE) in C(public). Rows of other tables that they refer to are brought too, and rows
        that went with them by C(ON DELETE CASCADE).
      - If not given, every row that any table lacks.
    type: list
    elements: str
  where:
    description:
      - SQL condition over the columns of the one table in O(tables), such as V(created_at >= '2026-11-01'). It is looked at in the restored copy.
    type: str
  changed:
    description:
      - Also give rows that are in both, and differ, the values that the backup has.
    type: bool
    default: false
  skip_conflicts:
    description:
      - Leave out rows that the live table would refuse (a unique value that another row has taken meanwhile, a parent that is not there), and the
        rows that refer to them. Without it, nothing is changed if there is one.
    type: bool
    default: false
  without_triggers:
    description:
      - Do not fire the triggers of the tables for these rows. Only a table's owner can do that, and it locks the table against writers until the end.
    type: bool
    default: false
  accept_superuser:
    description:
      - Run as a superuser although something in the database belongs to a role that is none. Triggers and functions of that role then run with a
        superuser's rights. The result warns of it.
    type: bool
    default: false
  undo:
    description:
      - "Take back the rescue that this file on the target host tells of: rows that it brought go, and rows that it replaced get their former values,
        if they are still as the rescue left them."
    type: path
  record_dir:
    description:
      - Directory on the target host for the file that takes the rescue back. It holds rows of the database (mode 0600).
      - The directory C(rescued) in O(dest) if not given.
    type: path
  lock_timeout:
    description:
      - Seconds to wait for each lock on the live tables.
    type: int
    default: 10
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
  - The role reads all tables, inserts into those that lack rows, and needs C(TEMPORARY) and, the first time, C(CREATE) on the database.
  - Rows of tables by extensions, foreign tables and large objects are not brought.
seealso:
  - module: titan.database.restore
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: See which rows last night's backup has and the database lacks
  titan.database.rescue:
    login_unix_socket: /var/run/postgresql
    login_user: titan
    login_db: titan_trading
    dest: /home/ubuntu/backups/database
  check_mode: true
  register: lost

- name: Put the notifications of November back
  titan.database.rescue:
    login_unix_socket: /var/run/postgresql
    login_user: titan
    login_db: titan_trading
    dest: /home/ubuntu/backups/database
    tables: [notifications]
    where: created_at >= '2026-11-01'
"""

RETURN = r"""
tables:
  description:
    - Each table with rows to bring, parents first. How many are missing in it, differ, are only in the live database (null if O(where) was
      given), and are left out; up to ten keys of missing rows; why it is here if it was not asked for; notes.
    - With O(undo), how many rows were taken back, and how many were left because they have changed since.
  returned: success
  type: list
  elements: dict
  sample:
    - table: public.notifications
      missing: 5000
      changed: 0
      new: 12
      skipped: 0
      examples: ["1041", "1042"]
      reason: ""
      notes: []
rows:
  description: Rows that were put back; in check mode, that would be.
  returned: success, without O(undo)
  type: int
  sample: 5000
replaced:
  description: Rows that got their former values.
  returned: success, without O(undo)
  type: int
  sample: 0
source:
  description: Where the rows come from.
  returned: success, without O(undo)
  type: str
  sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
equal_tables:
  description: Tables that are the same on both sides.
  returned: success, without O(undo)
  type: int
  sample: 14
undo:
  description: The file that takes the rescue back; null if nothing was done.
  returned: success, without O(undo)
  type: str
  sample: /home/ubuntu/backups/database/rescued/rescue_1f2e3d4c_20261122_091500_ab12.undo
notes:
  description: Sentences about tables that only one side has.
  returned: success, without O(undo)
  type: list
  elements: str
  sample: []
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.rescue, options.RESCUE)


if __name__ == "__main__":
    main()
