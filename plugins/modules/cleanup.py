#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cleanup
short_description: Delete the rows that the retention policies say are due
version_added: "0.1.0"
author: titan.database contributors (@titan-database)
description:
  - Deletes (or marks) the rows of a PostgreSQL database that are due under the policies that
    M(titan.database.retention_policy) has stored. The command C(titan-db cleanup) does the same from cron.
  - The cut-off is computed once, on the server's clock. Rows strictly older than it are due, all others stay.
  - Partitions that are older than the cut-off as a whole are dropped, empty ones too, unless a trigger fires for each deleted row.
  - Rows of other tables that are deleted or changed, too, by C(ON DELETE CASCADE), C(SET NULL) or C(SET DEFAULT) are in no count;
    RV(findings) names their tables, and the backup has to have them.
  - Rows go in small committed batches, so that no other session waits long for a lock, and a run that is cut off keeps its
    work. How each table is worked through is chosen from its size, its indexes and the share of rows that are due. The
    choice and its reason are in the result.
  - Nothing is deleted unless the catalog of backups has a fresh verified backup of this very database, unharmed on disk.
  - A table that cannot be cleaned does not stop the others. The module fails at the end and names it, and the results of all
    tables are in its failure.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Counts exactly the rows that a run at the same moment deletes, and fails where that run would refuse.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  tables:
    description:
      - Clean up only these tables, each as V(table) or V(schema.table). All tables with policies without it.
    type: list
    elements: str
  backup_dest:
    description:
      - Directory on the target host whose backups are looked at before anything is deleted.
      - Needed unless O(require_backup_within=off).
    type: path
  backup_name:
    description:
      - Only backups with this name count, as O(titan.database.backup#module:name) has it.
    type: str
  require_backup_within:
    description:
      - How long ago the newest verified backup may have been started, for example V(26h) or V(2 days).
      - V(off) deletes without any backup.
      - The backup is looked for only if rows are due. It must list every table that loses rows, and its checksum is read again before it is trusted.
    type: str
    default: 26h
  require_verified:
    description:
      - What counts as verified. V(restored) needs a backup that was restored and compared, V(checksum) is content with one that was read back.
    type: str
    choices: [restored, checksum]
    default: restored
  require_row_within:
    description:
      - "How old the newest row of a table may be, as V(7 days) or V(36h), if rows used to be written more often: on at least 20 days of four times
        that age. Otherwise the table is refused: the server's clock may have jumped ahead, and then all rows look old."
      - Use V(off) for a database that nothing writes to any more. Rows whose time is in the future are not looked at.
    type: str
    default: "7 days"
  max_fraction:
    description:
      - The largest share of a table's rows that may be due under one policy, above 0 and up to 1. A policy that finds more is refused, which protects
        against a wrong policy or a wrong clock.
      - The first clean-up of a database that was never cleaned often finds more. Confirm it once with V(1.0) after reading the counts in check mode.
      - A O(titan.database.retention_policy#module:policies[].max_fraction) of the policy itself wins.
    type: float
    default: 0.5
  max_runtime:
    description:
      - End cleanly after this time, for example V(30 minutes). The state of what was not finished is then V(partial), which is no failure. The next
        run goes on.
      - A run that cannot end by itself then, because the network is silent, is ended within 5 seconds.
    type: str
    default: 1h
  batch_target_ms:
    description:
      - The size of batches, between 100 and 20000 rows, is steered so that they take a quarter of this many milliseconds. A batch that reaches all of
        it is cancelled and repeated with fewer rows; only one of the smallest size may take longer.
    type: int
    default: 100
  pause:
    description:
      - Pause after each batch, as a share of the time that it took. V(1) leaves half of the time to others.
      - After a batch that blocked another session, the pause is at least V(1) and the next batch half as large.
    type: float
    default: 0.1
  max_replica_lag_mb:
    description:
      - Wait between batches while a streaming standby has not replayed this many MiB of write-ahead log. After a minute of waiting the run ends with
        the state V(partial). V(0) does not look.
      - The connected role has to be a member of C(pg_monitor) to see standbys.
    type: int
    default: 256
  min_free_wal_mb:
    description:
      - Wait in the same way while the disk under the server's write-ahead log has less than this many MiB free. V(0) does not look.
      - It is looked at only where the server runs on the target host and the connected role may read its data directory's path.
    type: int
    default: 512
  accept_superuser:
    description:
      - Run as a superuser although something in the database belongs to a role that is none. Triggers and functions of that role then run with a
        superuser's rights. Each run warns of it.
      - Without it, such a run is refused.
    type: bool
    default: false
  allowed_archives:
    description:
      - The only directories in which stored policies may archive rows. A policy with another one is refused.
      - Without it, those of the stored policies. The jobs have the inventory's.
    type: list
    elements: str
  allowed_conditions:
    description:
      - The only SQL conditions that stored policies may have. A policy with another one is refused.
      - Without it, those of the stored policies. The jobs have the inventory's.
    type: list
    elements: str
  expected_policies:
    description:
      - The inventory's policies, as in O(titan.database.retention_policy#module:policies). A stored policy that is none of them, or that differs from
        the one of its name, is refused.
      - Without it, or with an empty list, the stored policies are not compared. The jobs have the inventory's.
    type: list
    elements: raw
  vacuum:
    description:
      - With V(auto), tables that lost more than 2 percent of their rows (and at least 50) are vacuumed and analyzed afterwards. A VACUUM that the
        server skips is a failure.
      - What a run that was killed before its VACUUM has left is vacuumed by the next run, also when nothing more is due. For this the connected role
        has to be the owner of the table (or a member of it) and able to write in the schema C(titan_ops); else it is left to autovacuum.
      - With V(never), this is left to autovacuum.
    type: str
    choices: [auto, never]
    default: auto
seealso:
  - module: titan.database.retention_policy
  - module: titan.database.backup
"""

EXAMPLES = r"""
- name: Delete what is due, if last night's backup is there
  titan.database.cleanup:
    env_file: /home/ubuntu/Titan/.env
    backup_dest: /home/ubuntu/backups/database
    backup_name: titan_prod

- name: Confirm the first clean-up, in which most of the old rows are due
  titan.database.cleanup:
    env_file: /home/ubuntu/Titan/.env
    backup_dest: /home/ubuntu/backups/database
    backup_name: titan_prod
    max_fraction: 1.0
    max_runtime: 4 hours

- name: Count what is due
  titan.database.cleanup:
    env_file: /home/ubuntu/Titan/.env
    require_backup_within: "off"
    max_fraction: 1.0
  check_mode: true
"""

RETURN = r"""
results:
  description: One entry for each policy. Also returned on failure.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  contains:
    policy:
      description: Name of the policy.
      type: str
    table:
      description: The table with its schema.
      type: str
    mode:
      description: What the policy does, V(delete) or V(mark).
      type: str
    cutoff:
      description: Rows strictly older than this are due.
      type: str
    rows:
      description: Rows of the table before the run.
      type: int
    due:
      description: Rows that were due.
      type: int
    deleted:
      description: Rows that were deleted, or would be in check mode.
      type: int
    marked:
      description: Rows that were marked, or would be in check mode.
      type: int
    left:
      description: Rows due under this cut-off that are still there, counted afterwards.
      type: int
    null_times:
      description: Rows under this policy that have no time and are never due.
      type: int
    never_times:
      description:
        - Rows over their time because that means 'never' (0001-01-01, 1970-01-01, -infinity).
        - They are due only with O(titan.database.retention_policy#module:policies[].never_values=delete).
      type: int
    referenced:
      description: Rows over their time that stay, because rows of other tables refer to them.
      type: int
    along:
      description:
        - Rows of other tables that were deleted or changed along (ON DELETE CASCADE, SET NULL, SET DEFAULT), or would be in check mode.
        - Of a run these are the server's own counters in the transactions that were committed.
      type: list
      elements: dict
      contains:
        table:
          description: The table, with its schema; a partitioned one as a whole.
          type: str
        action:
          description: V(deleted) or V(changed).
          type: str
        rows:
          description: How many; null where the role may not read the table.
          type: int
        at_least:
          description: In check mode, whether there may be more, because rows of a table that refer to each other were not followed to their end.
          type: bool
    strategy:
      description:
        - How the rows were found, V(keyset), V(pk_window), V(tid_sweep), V(drop_partition) or V(none).
        - Joined by C(+) where partitions differ.
      type: str
    reason:
      description: Why this strategy was chosen.
      type: str
    batches:
      description: Committed batches that had rows.
      type: int
    stepped_around:
      description: Batches that met a locked row, or one that had come meanwhile, and were repeated without it.
      type: int
    cut_short:
      description: Batches that took longer than O(batch_target_ms), were cancelled and repeated smaller.
      type: int
    waited_for:
      description: Batches that blocked another session. This is looked at up to five times a second.
      type: int
    dropped_partitions:
      description: Expired partitions that were dropped, or would be in check mode.
      type: list
      elements: str
    seconds:
      description: Time that the policy took.
      type: float
    longest_ms:
      description: Time of the longest batch, which is the longest time that a row stayed locked.
      type: float
    wal_bytes:
      description:
        - Bytes of write-ahead log that it wrote, without VACUUM. Before PostgreSQL 18 what other sessions wrote meanwhile is
          included.
      type: int
    state:
      description: V(planned) in check mode, V(done), V(partial) when O(max_runtime) or a limit ended it, or V(failed).
      type: str
    archive:
      description: The file that the rows were written to, if the policy archives.
      type: str
    ended_by:
      description: Why it is V(partial).
      type: str
    error:
      description: Why it failed.
      type: str
  sample:
    - policy: public.audit_logs
      table: public.audit_logs
      mode: delete
      cutoff: "2026-08-24 02:15:00.123456+00"
      rows: 50000
      due: 38750
      deleted: 38750
      marked: 0
      left: 0
      null_times: 0
      never_times: 0
      referenced: 0
      strategy: tid_sweep
      reason: reads each of the 1,316 pages once; no index starts with the time column
      batches: 39
      stepped_around: 0
      cut_short: 0
      waited_for: 0
      dropped_partitions: []
      along: []
      seconds: 0.412
      longest_ms: 21.7
      wal_bytes: 9876543
      archive: null
      state: done
      ended_by: null
      error: null
uncovered:
  description: Values of the filtered columns that no policy of the table covers, with the number of rows that have them.
  returned: always, except when no connection was made or an option is wrong
  type: list
  elements: dict
  sample:
    - table: public.notifications
      column: is_read
      value: "false"
      rows: 400
findings:
  description: What needs attention, in sentences. They are also given as warnings.
  returned: success
  type: list
  elements: str
  sample: ["public.system_logs: 12 rows have level = critical, which no policy covers."]
vacuumed:
  description: What VACUUM did, one entry for each vacuumed table or partition. Sizes are in bytes, without indexes.
  returned: success
  type: list
  elements: dict
  sample:
    - table: public.audit_logs
      seconds: 0.2
      bytes_before: 10780672
      bytes_after: 10780672
      returned_bytes: 0
      reusable_bytes: 8355020
      reusable_by: "estimate: the deleted rows' share of the relation"
      dead_rows_kept: 0
      held_by: []
backup:
  description: Path of the backup that was trusted, null if none was needed.
  returned: success
  type: str
  sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
clock:
  description: The server's time from which the cut-offs were computed.
  returned: success
  type: str
  sample: "2026-11-22 02:15:00.123456+00"
state:
  description: V(done), V(partial), or V(planned) in check mode.
  returned: success
  type: str
  sample: done
summary:
  description: One line that says what was done.
  returned: success
  type: str
  sample: "Deleted or marked 38,750 rows in 0.9 s."
"""

from ansible_collections.titan.database.plugins.module_utils._engine.retention import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(operation.cleanup, options.CLEANUP)


if __name__ == "__main__":
    main()
