#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure on a copy what indexes are worth."""

from __future__ import annotations

DOCUMENTATION = r"""
module: index_effect
short_description: Measure on a copy what indexes are worth to queries, and what writers pay for them
version_added: "0.2.0"
description:
  - Restores a backup into a throw-away cluster, compares it with its manifest, and executes queries there with indexes and without, in
    rounds of without, with, without. An index is left out by C(DROP INDEX) in a transaction that is rolled back, so that its pages stay
    in memory as they are.
  - An effect is reported only where the plan is another one, a rank test over the rounds says so, and the difference is larger than that
    of two measurements of the same thing. Everything else is no effect.
  - For each index the result tells its size, how long it takes to build, what an inserted and an updated row pay for it, and which
    queries it serves.
  - Values of parameters are taken from the data of the copy, and are in no result.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Reads the queries and finds the backup; restores nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  queries:
    description:
      - "Files on the target host with one SELECT each, and directories with such files (C(NAME.sql)). A comment line C(-- plan: NAME) names the index
        that is expected, C(-- parameters: TYPE, TYPE) the types of C($1), C($2), C(-- values: SELECT ...) a query whose rows are values for them."
      - Without C(-- values:) the values are taken at random from the columns that the parameters are compared with.
    type: list
    elements: path
  top:
    description:
      - "Measure this many queries of production, too: those that have taken the most time by C(pg_stat_statements), which is read there over one
        connection before anything else. V(0) for none; then nothing connects to production."
    type: int
    default: 0
  indexes:
    description:
      - Names of indexes that are left out together, as C(NAME) or C(SCHEMA.NAME).
      - If neither this, O(migrations) nor O(suggest) is given, every index is left out alone, but for those of constraints.
    type: list
    elements: str
  migrations:
    description:
      - Directory on the target host with migrations. Those that are pending are applied to the copy, and the indexes that any of them creates are
        left out together.
    type: path
  naming:
    description:
      - How the files in O(migrations) are called.
    type: str
    choices: [plain, up_down, flyway, directory, golang_migrate, sqlx, diesel, prisma, atlas, drizzle, goose, dbmate, sql_migrate,
              node_pg_migrate, sqitch, liquibase]
    default: plain
  suggest:
    description:
      - "Propose indexes, too: those that might serve the queries which read whole tables are built on the copy and measured there. Those with an
        effect are written to this file on the target host as a migration (C(NAME.sql)), with its rollback (C(NAME.down.sql)) beside it. The file must
        not exist; nothing is written if no index has an effect."
      - Where the copy's server has the extension C(hypopg), only indexes that the planner would use are built.
      - With O(migrations), the pending ones are applied before.
    type: path
  rounds:
    description:
      - Rounds of without, with, without. Fewer than V(7) cannot show an effect.
    type: int
    default: 12
  samples:
    description:
      - How many rows the values of a query's parameters are taken from.
    type: int
    default: 5
  seed:
    description:
      - Where the random order, and the random rows, begin. The same one gives the same.
    type: int
    default: 1
  markdown:
    description:
      - File on the target host that the result is written to as a page in Markdown, too. An existing file is replaced.
    type: path
  job_config:
    description:
      - Path on the target host of the environment's configuration. The statistics report shows the last result of the environment.
    type: path
  without_sandbox:
    description:
      - Go on where this host can make no sandbox, although extensions of the database (C(postgres_fdw), C(dblink) and the like) could let what runs
        on the copy reach others. Without a sandbox, nothing runs there as a superuser.
    type: bool
    default: false
  source:
    description:
      - The backup on the target host that is restored. The newest verified one in O(dest) if not given.
    type: path
  dest:
    description:
      - Directory on the target host with the backups.
    type: path
  name:
    description:
      - Only backups of this name in O(dest).
    type: str
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
  - The database is connected to only if O(top) is not V(0).
  - Queries are executed in read-only transactions, as a role that reads every table. Triggers and foreign keys do not count in what writers
    pay.
seealso:
  - module: titan.database.reindex
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Propose indexes for the twenty queries that take the most time, after trying them
  titan.database.index_effect:
    login_unix_socket: /var/run/postgresql
    login_user: titan
    login_db: titan_trading
    dest: /home/ubuntu/backups/database
    top: 20
    suggest: /home/ubuntu/Titan/database/migrations/0014_suggested_indexes.sql

- name: Measure what the indexes of the migrations do for the queries
  titan.database.index_effect:
    dest: /home/ubuntu/backups/database
    queries: [/home/ubuntu/Titan/database/queries]
    migrations: /home/ubuntu/Titan/database/migrations
  register: measured

- name: Find the indexes that serve none of the twenty queries that take the most time
  titan.database.index_effect:
    login_unix_socket: /var/run/postgresql
    login_user: titan
    login_db: titan_trading
    dest: /home/ubuntu/backups/database
    top: 20
"""

RETURN = r"""
queries:
  description:
    - Each query with what the indexes do for it. If every index was left out alone, each pair of a query and an index whose plans differ.
    - C(effect) is V(faster), V(slower), V(none), or V(unknown) on a host that was too busy to tell. C(factor) is how many times as
      long it takes without, C(spread) the factor between two measurements of the same thing, C(chance) the probability of such
      ranks if there is no effect.
    - Times are milliseconds, medians over the rounds; null if it was not measured because the plan is the same. They are what the server's
      process and the client have computed; with C(by_clock) those of the clock, because it waits for a disk or another process, or its own
      is not seen.
  returned: success
  type: list
  elements: dict
  sample:
    - name: 01_newest_orders
      statement: null
      indexes: [idx_orders_created_at]
      effect: faster
      result: 60.6 times faster
      factor: 60.6
      spread: 1.04
      chance: 0.0000038
      without_ms: 15.58
      with_ms: 0.26
      by_clock: false
      pages_without: 1037
      pages_with: 4
      plan_changed: true
      plan_without: Seq Scan orders
      plan_with: Index Scan idx_orders_created_at
indexes:
  description:
    - Each index, its size, the seconds of its build, the queries that are faster for it (C(serves)) or may be (C(unknown), where the host
      was too busy to tell), and what an inserted and an updated row pay, in microseconds (null if unknown).
  returned: success
  type: list
  elements: dict
  sample:
    - name: idx_orders_created_at
      table: orders
      bytes: 1130496
      unique: false
      build_seconds: 0.03
      insert: {without_us: 9.1, with_us: 11.0, factor: 1.21, spread: 1.03, seen: true}
      update: {without_us: 10.4, with_us: 12.2, factor: 1.17, spread: 1.04, seen: true}
      serves: [01_newest_orders]
      unknown: []
not_measured:
  description: Queries that could not be measured, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - name: 10_new_column
      reason: 'PostgreSQL says: column "channel" does not exist'
needed:
  description: Indexes that were not left out because something else needs them.
  returned: success
  type: list
  elements: str
  sample: ["orders_pkey: the constraint orders_pkey"]
missing:
  description: Indexes that the migrations create and the copy does not have, because another index has the same definition.
  returned: success
  type: list
  elements: str
  sample: [idx_audit_logs_user_timestamp]
suggestion:
  description:
    - What is proposed; null without O(suggest). C(indexes) are their definitions, C(file) and C(rollback_file) what was written (empty if
      no index has an effect), C(migration) and C(rollback) their contents, C(rejected) what was not kept, and why.
  returned: success
  type: dict
  sample:
    indexes: [CREATE INDEX idx_orders_created_at ON public.orders USING btree (created_at DESC)]
    rejected: [{index: 'public.price_alerts (user_id)', reason: no query is seen to be faster for it}]
    file: /home/ubuntu/Titan/database/migrations/0014_suggested_indexes.sql
    rollback_file: /home/ubuntu/Titan/database/migrations/0014_suggested_indexes.down.sql
    migration: "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_created_at ON public.orders USING btree (created_at DESC);\n"
    rollback: "DROP INDEX CONCURRENTLY IF EXISTS \"public\".\"idx_orders_created_at\";\n"
backup:
  description: The backup that was restored.
  returned: always
  type: str
  sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
rounds:
  description: Rounds of without, with, without.
  returned: success
  type: int
  sample: 12
seed:
  description: Where the random order began.
  returned: success
  type: int
  sample: 1
load:
  description: The host's load average at the end.
  returned: success
  type: float
  sample: 1.1
report:
  description: All of it as a text.
  returned: success
  type: str
"""

from ansible_collections.titan.database.plugins.module_utils._engine.index_effect import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.measure, options.MEASURE)


if __name__ == "__main__":
    main()
