#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a directory of migrations with a database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_info
short_description: Show which migrations have been applied to a PostgreSQL database
version_added: "0.1.0"
description:
  - Compares the migrations of a directory with the history in the database, and the database's objects with what they were after the last
    migration. It writes nothing.
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
  - module: titan.database.migration
options:
  path:
    description:
      - Directory B(on the controller) that holds the migrations as C(.sql) files in UTF-8. A relative path is searched for like the source of a copy
        task. The texts are sent to the target host in one round trip.
      - Required unless O(files) is given.
    type: path
  files:
    description:
      - The texts themselves, for migrations that are made in the play. O(path) is turned into this list on the controller.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the file.
        type: str
        required: true
      content:
        description:
          - What the file says.
        type: str
        required: true
      transaction:
        description:
          - V(none) if the file runs by statement, as a file beside it says.
        type: str
        choices: [none]
  naming:
    description:
      - How the files are called. Versions are compared as numbers, so C(9) comes before C(10) and C(0010) is C(10).
      - V(plain) is C(0010_name.sql) with its rollback in C(0010_name.down.sql), or C(0010_name.rollback.sql). A version may also be a date
        (C(20240101120000_name.sql), C(2024-01-01-120000_name.sql)) or a dotted number (C(01.02.00_01_name.sql)).
      - V(up_down) is C(0010_name.up.sql) and C(0010_name.down.sql), or C(0010-name-up.sql) and C(0010-name-down.sql).
      - V(flyway) is C(V1__name.sql), or C(V1.2__name.sql), and C(U1__name.sql), in the directory or any below it. C(B5__name.sql) stands for all
        versions up to 5 where the database has had none of them. C(${name}) is replaced by the value of O(placeholders), wherever it stands.
        C(executeInTransaction=false) in the file's C(.conf) is heeded.
      - "V(goose), V(dbmate), V(sql_migrate) and V(node_pg_migrate) are C(0010_name.sql) with both the migration and its rollback in it, told apart by
        the comments of that tool. V(sql_migrate) and V(node_pg_migrate) know a file by its whole name: of several with the number 12 the first by
        name is 12, the next ones are 12.2, 12.3."
      - V(sqitch) is a C(sqitch.plan) with C(deploy/NAME.sql) and C(revert/NAME.sql). The plan is the order, and the place in it is the version;
        C(verify) is not run.
      - V(liquibase) are files of its formatted SQL, in the directory or any below it. Each change set is a migration, its version is the number in
        the file's name with the place in the file, its C(--rollback) lines are its rollback, and C(runOnChange) makes it repeatable. Change sets for
        other servers are left out. Preconditions, contexts, labels and C(runAlways) are refused.
      - V(golang_migrate) is V(up_down), and passes over an SQL file of another name with a warning, as that tool does; V(diesel) and V(prisma) are
        V(directory); V(atlas) is V(plain), V(drizzle) is V(plain) for the files that C(meta/_journal.json) names; V(sqlx) is V(plain) or V(up_down).
      - V(directory) is C(20240101120000_name/up.sql) and C(20240101120000_name/down.sql). Where the file is called C(migration.sql), the whole name
        of the folder is the version, and versions sort as text, so two folders of one date are no duplicates.
      - A file C(R__name.sql) (with V(directory), C(R__name/up.sql)) is repeatable, it is applied after the versioned ones whenever its text has
        changed.
    type: str
    choices: [plain, up_down, flyway, directory, golang_migrate, sqlx, diesel, prisma, atlas, drizzle, goose, dbmate, sql_migrate,
              node_pg_migrate, sqitch, liquibase]
    default: plain
  placeholders:
    description:
      - Values for C(:"name"), which becomes a quoted identifier, and C(:'name'), which becomes a quoted literal. Nothing is replaced inside quotes
        and comments, and a placeholder without a value is an error.
      - The checksum of a file does not depend on these values.
    type: dict
    default: {}
  history:
    description:
      - Name of the history, where several applications with migrations of their own share one database. Each history has its own versions, its own
        lock and its own changes by hand; all are kept in the schema C(titan_ops). Empty is the history without a name.
    type: str
    default: ""
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Find out what is pending
  titan.database.migration_info:
    env_file: /home/ubuntu/Titan/.env
    path: migrations
  register: before

- name: Take a verified backup before migrating
  titan.database.backup:
    env_file: /home/ubuntu/Titan/.env
    dest: /home/ubuntu/backups/database
  when: before.pending | length > 0
"""

RETURN = r"""
migrations:
  description: Every migration of the directory, in order, with its status (C(applied), C(pending) or C(interrupted)).
  returned: success
  type: list
  elements: dict
  sample:
    - version: "0010"
      name: add_performance_indexes
      file: 0010_add_performance_indexes.sql
      status: applied
      action: apply
      started: "2026-01-02T03:04:05Z"
      ms: 147
      database_user: titan
      operating_user: ubuntu
      host: db1
      server_version: 150018
pending:
  description: The migrations that the next run would apply.
  returned: success
  type: list
  elements: dict
  sample:
    - {version: "0011", name: add_data_retention_functions, file: 0011_add_data_retention_functions.sql, status: pending, reversible: true}
missing:
  description: Applied versions that the directory does not hold.
  returned: success
  type: list
  elements: str
  sample: []
tampered:
  description: Applied migrations whose file was edited since, with the difference.
  returned: success
  type: list
  elements: dict
  sample: []
drift:
  description: Objects that were changed by hand since the last migration.
  returned: success
  type: list
  elements: dict
  sample:
    - {object: index public.idx_orders_market_id, change: dropped}
drift_known:
  description: Whether RV(drift) could be told. It cannot before the first migration, and after a run that was cut off or
    an upgrade to another major release until the next one.
  returned: success
  type: bool
  sample: true
history:
  description: The history that was compared; empty for the one without a name.
  returned: success
  type: str
  sample: ""
other_histories:
  description: The names of the other histories in this database.
  returned: success
  type: list
  elements: str
  sample: [billing]
summary:
  description: The result in one line.
  returned: success
  type: str
  sample: 1 migrations are applied, 1 are pending, 0 were edited.
"""

from ansible_collections.titan.database.plugins.module_utils._engine.migrations import information, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(information.migration_info, options.MIGRATION_INFO)


if __name__ == "__main__":
    main()
