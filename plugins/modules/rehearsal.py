#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the pending migrations on a copy, and tell what they do there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal
short_description: Run the pending migrations on a copy, and tell what production will feel
version_added: "0.2.0"
description:
  - Restores a backup into a throw-away cluster in a sandbox, compares it with its manifest, and runs the pending migrations there exactly as
    M(titan.database.migration) would. A second session looks at the locks meanwhile. Then it rolls the files back, compares the schema with
    the one before, runs them again, and removes the cluster.
  - For each statement the report says how long it takes, which locks it takes on which tables and for how long, what it rewrites, builds, reads
    and changes, and how much room it needs. Rows are counted and never shown.
  - The live server is asked nothing. One connection learns its version, and whether the role is a superuser, from what a server says by itself.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Says which backup would be restored. With O(state=checked), the same as otherwise.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description:
      - V(rehearsed) restores the backup into a throw-away cluster, runs the pending migrations there, rolls them back, runs them again, and removes
        the cluster.
      - V(checked) looks at O(record) only. It fails unless exactly these files were rehearsed, and passed, on a backup that is not older than
        O(backup_within).
    type: str
    choices: [rehearsed, checked]
    default: rehearsed
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
  history:
    description:
      - Name of the history, where several applications with migrations of their own share one database. Each history has its own versions, its own
        lock and its own changes by hand; all are kept in the schema C(titan_ops). Empty is the history without a name.
    type: str
    default: ""
  target:
    description:
      - The version to stop at. Required for O(state=rolled_back), where that version stays applied and V(0) takes all back.
      - Repeatable files are left alone when a target is given.
    type: str
  redundant_indexes:
    description:
      - What to do about a declared index that would be an exact duplicate of another one (same table, method, columns, order, operator classes,
        collations, included columns, predicate and uniqueness).
      - V(skip) leaves it out, records that, and names the index that it duplicates. One that a later statement names is built all the same.
    type: str
    choices: [skip, create, fail]
    default: skip
  allow_out_of_order:
    description:
      - Versions that may be applied although a later one has been. Others are refused.
    type: list
    elements: str
    default: []
  accept_edited:
    description:
      - Versions whose file was edited after it was applied, and whose new text the history is to take over without running it.
      - Edits of comments and white space only need no such permission; they are taken over and reported.
      - The history gets a row of the action C(amend) for each, with the new text, the system user, the host and the time. Its details say whether the
        edit was C(accepted) or C(harmless), and the checksum of the text before. The reason belongs into the commit that sets this option.
    type: list
    elements: str
    default: []
  placeholders:
    description:
      - Values for C(:"name"), which becomes a quoted identifier, and C(:'name'), which becomes a quoted literal. Nothing is replaced inside quotes
        and comments, and a placeholder without a value is an error.
      - The checksum of a file does not depend on these values.
    type: dict
    default: {}
  mixed:
    description:
      - What to do about a file whose statements cannot all run in one transaction although some should. V(refuse) names the lines; V(steps) runs it
        in parts, each of which is recorded.
    type: str
    choices: [refuse, steps]
    default: refuse
  without_transaction:
    description:
      - Versions whose files are run statement by statement, each of which commits by itself, as C(psql -f) would run them. Only for files that were
        written for that and cannot run in a transaction.
    type: list
    elements: str
    default: []
  lock_timeout:
    description:
      - How many milliseconds a statement may wait for a lock before it gives way.
    type: int
    default: 500
  concurrent_lock_timeout:
    description:
      - How many milliseconds a C(CONCURRENTLY) statement may wait. It blocks no readers and writers while it waits, and it has to wait for all
        transactions that are older than it.
    type: int
    default: 120000
  lock_retries:
    description:
      - How often a transaction that did not get its locks is tried again, with growing pauses.
    type: int
    default: 10
  lint:
    description:
      - "The levels of lint rules, by name (C(all) stands for every rule that is not named): V(error), V(warning), V(notice) or V(off). Without it,
        what blocks readers or writers of a table with more than O(plain_index_max_rows) rows is an error, what may break the application that runs is
        a warning, and what is a matter of style a notice. An error refuses the run, and check mode, before anything is run. A comment C(-- allow:
        RULE) with the reason in parentheses turns a rule off for a file. The guide on migrations has the table of the rules."
    type: dict
    default: {}
  plain_index_max_rows:
    description:
      - A C(CREATE INDEX) without C(CONCURRENTLY) on a table with more rows than this is refused, since it blocks every writer while it builds. Tables
        that the same file creates are free.
    type: int
    default: 10000
  accept_superuser:
    description:
      - Run as a superuser although something in the database belongs to a role that is none. Triggers, defaults and functions of that role then run
        with a superuser's rights. Each run warns of it.
      - Without it, such a run is refused, in check mode, too. A member of a superuser's role, or of a predefined role that reads or writes the
        server's files or starts programs there, counts as a superuser.
    type: bool
    default: false
  rollback:
    description:
      - V(if_any) rolls the files back where each of them has a rollback and all of them come after what is applied, compares the schema with the one
        before, and runs them again. V(required) fails where that cannot be done. V(skip) only goes forward.
    type: str
    choices: [if_any, required, skip]
    default: if_any
  max_block:
    description:
      - The longest time for which an existing table may be locked against its writers, such as V(500ms) or V(2s). No limit if not given.
    type: str
  max_disk:
    description:
      - The most room that the files may need on the way, such as V(5GB), for tables, indexes, temporary files and write-ahead log together. No limit
        if not given.
    type: str
  max_duration:
    description:
      - The longest time that all files together may take, such as V(10m). No limit if not given.
    type: str
  record:
    description:
      - A file on the target host in which the result is kept, with the checksums of the files and the time of the backup.
    type: path
  backup_within:
    description:
      - With O(state=checked), the greatest age of the backup that the files were rehearsed on.
    type: str
    default: 1d
  job_config:
    description:
      - Path on the target host of the environment's configuration. The statistics report shows the environment's last rehearsal.
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
  - Times are those of the host that the copy is made on. Nobody else uses the copy, so that waiting for others is not in them.
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Rehearse tonight's migrations on last night's backup
  titan.database.rehearsal:
    env_file: /home/ubuntu/Titan/.env
    path: migrations
    dest: /home/ubuntu/backups/database
    max_block: 500ms
    max_disk: 20GB
    record: /var/lib/titan-db/production/rehearsal.json

- name: Require that exactly these files were rehearsed
  titan.database.rehearsal:
    env_file: /home/ubuntu/Titan/.env
    path: migrations
    state: checked
    record: /var/lib/titan-db/production/rehearsal.json
"""

RETURN = r"""
passed:
  description: Whether nothing was wrong.
  returned: success
  type: bool
  sample: true
backup:
  description: The backup that was restored.
  returned: always
  type: str
  sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
problems:
  description: Why it has not passed, in sentences.
  returned: with O(state=rehearsed)
  type: list
  elements: str
  sample: []
statements:
  description:
    - Each statement that was run, forward and back. Sizes are bytes. The locks are those on relations that were there before, in the modes of
      PostgreSQL's documentation, and C(seconds) is how long each was held. C(documented) is what the statement's text lets expect.
    - C(needs) is the growth of the database while it ran, with its temporary files and its write-ahead log. C(temporary) is -1 where the
      server's log could not be read.
  returned: with O(state=rehearsed)
  type: list
  elements: dict
  sample:
    - file: 0012_add_order_notes.sql
      line: 4
      action: apply
      text: ALTER TABLE public.orders ADD COLUMN note text
      seconds: 0.004
      alone: false
      locks:
        - relation: public.orders
          mode: ACCESS EXCLUSIVE
          seconds: 0.009
      documented: {lock: ACCESS EXCLUSIVE, table: public.orders}
      rewritten: []
      built: []
      changed: []
      scanned: []
      wal: 1520
      temporary: 0
      growth: 0
      needs: 1520
      failure: ""
seconds:
  description: How long the files' transactions took, forward, by the clock.
  returned: with O(state=rehearsed)
  type: float
  sample: 12.4
files_seconds:
  description:
    - How long the files' transactions may take in production, from and to. They ran forward twice where they could be rolled back. The first
      value is the least of both without what was spent waiting for a processor that others had, at the low priority of a rehearsal.
  returned: with O(state=rehearsed)
  type: list
  elements: float
  sample: [11.8, 12.4]
run_seconds:
  description: The same for the whole run, with connecting, reading and planning, and the history.
  returned: with O(state=rehearsed)
  type: list
  elements: float
  sample: [12.0, 12.9]
bytes:
  description: The room that they needed on the way, in bytes.
  returned: with O(state=rehearsed)
  type: int
  sample: 5368709120
rolled_back:
  description: Whether they were taken back.
  returned: with O(state=rehearsed)
  type: bool
  sample: true
differences:
  description: What the schema had otherwise after the way back, and after running the files again.
  returned: with O(state=rehearsed)
  type: list
  elements: str
  sample: []
report:
  description: The whole report, for people.
  returned: with O(state=rehearsed)
  type: str
  sample: "Rehearsed on /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz"
"""

from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(operation.rehearse, options.REHEARSE)


if __name__ == "__main__":
    main()
