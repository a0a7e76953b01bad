#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reindex
short_description: Rebuild bloated PostgreSQL indexes without blocking anybody
version_added: "0.1.0"
author: titan.database contributors (@titan-database)
description:
  - Measures the btree indexes of a database and rebuilds those that would give back enough space, with
    C(REINDEX INDEX CONCURRENTLY), one at a time, the largest gain first. The command C(titan-db reindex) does the same from cron.
  - With the extension pgstattuple installed (and readable for the connected role) bloat is measured, deleted pages included.
    Without it, bloat is estimated from the planner's statistics, and the result says so.
  - Indexes that an interrupted rebuild left behind (C(_ccnew) and C(_ccold), those of TOAST tables too) are dropped first.
  - Before each rebuild the free disk has to be twice the size of the index, where the server's disk can be seen from the
    target host, and transactions that would hold the rebuild up have to end. Otherwise the index is skipped with the reason.
  - Indexes that another index makes superfluous, and indexes that nobody uses, are reported with the statement that drops
    them. They are never dropped by this module.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  tables:
    description:
      - Look only at the indexes of these tables, each as V(schema.table). All tables of users without it.
    type: list
    elements: str
  min_reclaimable:
    description:
      - Rebuild an index when this share of its size, between 0 and 1, would be freed.
    type: float
    default: 0.3
  min_size_mb:
    description:
      - Leave indexes alone that are smaller than this, in MiB.
    type: int
    default: 1
  max_runtime:
    description:
      - Start no further rebuild after this time, for example V(90 minutes), and cancel the one that still runs. What it left behind is dropped.
      - A run that cannot end by itself then, because the network is silent, is ended within 5 seconds.
    type: str
    default: 2h
  lock_timeout_ms:
    description:
      - How many milliseconds to wait for a lock, and for old transactions to end, before an index is skipped.
    type: int
    default: 2000
seealso:
  - module: titan.database.cleanup
"""

EXAMPLES = r"""
- name: Rebuild indexes that would give back at least 30 percent
  titan.database.reindex:
    env_file: /home/ubuntu/Titan/.env

- name: See what would be rebuilt in two tables, and what is superfluous
  titan.database.reindex:
    env_file: /home/ubuntu/Titan/.env
    tables: [public.audit_logs, public.system_logs]
    min_reclaimable: 0.2
  check_mode: true
"""

RETURN = r"""
reindexed:
  description: The indexes that were rebuilt, or would be. Sizes are in bytes; in check mode the size afterwards is computed.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  sample:
    - index: public.audit_logs_pkey
      table: public.audit_logs
      bytes_before: 3170304
      bytes_after: 466944
      reclaimable: 0.85
      source: pgstatindex
      seconds: 0.12
rebuilt_invalid:
  description: Indexes that a failed build left invalid and that were rebuilt, or would be.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: str
  sample: [public.users_email]
dropped_leftovers:
  description: Invalid indexes of interrupted rebuilds and of C(pg_repack), and those beside a valid one like them, that were dropped, or would be.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: str
  sample: [public.audit_logs_pkey_ccnew]
skipped_indexes:
  description: Indexes that were not measured or not rebuilt, with the reason.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  sample:
    - index: public.orders_pkey
      reason: "not enough disk: 800 MiB are needed (twice the index), 512 MiB are free"
duplicates:
  description:
    - Indexes that another index makes superfluous, with the statement that drops them.
    - The kind is V(exact), V(prefix) when the other index starts with the same columns, or V(unique_duplicate) when the other one
      enforces a unique constraint.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  sample:
    - index: public.idx_users_email
      table: public.users
      kind: unique_duplicate
      keeper: public.users_email_key
      bytes: 16384
      sql: DROP INDEX CONCURRENTLY "public"."idx_users_email";
unused:
  description: Other indexes, neither unique nor of a constraint, that were not used since the statistics were reset. None while the
    statistics are younger than a week.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  sample:
    - index: public.idx_positions_status
      table: public.positions
      bytes: 40960
      sql: DROP INDEX CONCURRENTLY "public"."idx_positions_status";
unused_since:
  description: When the usage statistics were reset, null if the server does not know. Standbys count their own use.
  returned: always, except when no connection was made or an option is wrong
  type: str
  sample: "2026-10-01T00:00:00Z"
summary:
  description: One line that says what was done.
  returned: success
  type: str
  sample: Rebuilt 2 of 31 measured indexes (5.1 MiB freed), 0 leftovers dropped, 0 skipped, in 1.2 s.
"""

from ansible_collections.titan.database.plugins.module_utils._engine.reindex import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(operation.reindex, options.REINDEX)


if __name__ == "__main__":
    main()
