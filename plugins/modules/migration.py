#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply, roll back or baseline migrations."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration
short_description: Apply SQL migrations to a PostgreSQL database
version_added: "0.1.0"
description:
  - Applies the migrations of a directory that are not applied yet, in the order of their versions, and records every attempt in the
    table C(titan_ops.migration_history) of the database.
  - A file runs as a whole in one transaction, together with its row in the history. C(%) and C(:name) in the SQL are just text.
  - A file whose statements cannot run inside a transaction (C(CREATE INDEX CONCURRENTLY), C(VACUUM), C(ALTER SYSTEM) ...) is run statement by
    statement. Each is recorded before and after, so a run that was killed goes on where it stopped.
  - Every index that a file creates is compared with the indexes of its table. An index that already exists as declared is recorded as found;
    one of that name that is something else, or is on another table, is an error; an invalid one is built again; one that would be the exact
    duplicate of another is treated as O(redundant_indexes) says.
  - Lock waits are bounded by O(lock_timeout), so that nobody queues for long behind a statement that waits. A transaction that could not
    get its locks is tried again as a whole; the error that ends it names the sessions in the way.
  - Only one run at a time works on a database. A run that finds another one waits up to O(wait) seconds, and then says who that is.
  - "Lines of the form C(-- require: QUERY) before the first statement of a file are asked before anything is changed, lines of the form
    C(-- verify: QUERY) after the last statement, in the same transaction where there is one. Each query has to return true. A line that
    ends in a backslash goes on in the next comment line."
  - Every file begins with a session as the server makes it. Roles, parameters, temporary tables, prepared statements and the like that
    a file leaves behind end with it, and where a file changes settings of the database or the role, the next one gets a new session.
  - "A file with C(-- transaction: none) before its first statement runs statement by statement whatever it holds."
  - On a standby nothing is done, and the result says so.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Reads, plans and compares as a real run does, and writes nothing, not even the history table.
  diff_mode:
    support: full
    details: Shows the SQL that is pending.
  idempotent:
    support: full
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
  state:
    description:
      - V(applied) applies what is pending, up to O(target).
      - V(rolled_back) rolls back what was applied after O(target) with the C(.down.sql) files, newest first. Objects that a migration found rather
        than created stay, and functions and views that it replaced come back.
      - "V(baselined) records migrations that were applied without this history, up to O(target), only where that is proven. All files run on an empty
        database in a throw-away cluster on the target host, which needs the server programs of the server's major version. What each file makes there
        is compared with the database: columns, types, defaults, constraints, bodies, comments and privileges. Files that change rows are proven by
        their C(verify) queries, or by the rows that they insert, else they are V(unproven: data). A migration that may have run is not applied later
        until a person has decided."
      - V(adopted) records what the table of another tool (O(from)) says has been applied. That table is only read. It refuses a history with a failed
        or unfinished migration. Where the server programs are installed, the result also says what the replay of V(baselined) shows.
    type: str
    choices: [applied, rolled_back, baselined, adopted]
    default: applied
  from:
    description:
      - With O(state=adopted), the tool whose table is read. O(naming) has to be the tool's, too.
    type: str
    choices: [flyway, golang_migrate, dbmate, goose, sqlx, prisma, diesel, node_pg_migrate, rails, alembic, liquibase, sqitch, sql_migrate,
              atlas]
  accept_unproven:
    description:
      - With O(state=baselined), versions that are recorded although nothing proves that they have run. The history notes them as what a person said,
        with what speaks against it. The reason belongs into the commit that sets this option.
    type: list
    elements: str
    default: []
  programs:
    description:
      - Directory B(on the target host) of the server programs for O(state=baselined) and O(state=adopted). By default they are looked for where the
        distributions put them, and then on E(PATH).
    type: path
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
  wait:
    description:
      - How many seconds to wait for another run to end.
    type: int
    default: 30
  progress_file:
    description:
      - A file B(on the target host) that does not exist yet, to which each line of RV(progress) is written while the module runs, with mode C(0600).
        It is removed when the module ends. In check mode it is not made.
      - "With C(-v), or on a terminal with colours, this need not be set: lines that were said in a run of more than two seconds are then shown on the
        controller while it goes on. An index build tells its phase, how many percent are done, and who is in its way. This works with connections
        that start a process for each command (C(local), C(ssh), C(docker), C(podman) ...)."
    type: path
  record:
    description:
      - A file B(on the target host) that says which migration files this run knew, each with its checksum. It is written when the files have changed,
        also by a run that then fails, and never in check mode.
      - C(titan-db health) compares the history with C(migrations.json) in the directory of the jobs' states. So it sees pending migrations and edited
        files long after the converge, although the files are on the controller only.
    type: path
  apply_pending:
    description:
      - With V(false), nothing is done and the files are listed in RV(pending) where one is pending. Where none is, the run is the usual one. For a
        play that takes a backup first.
    type: bool
    default: true
  read_back:
    description:
      - Return, as RV(status), what M(titan.database.migration_info) would return after the run.
    type: bool
    default: false
  rehearse:
    description:
      - Run what is pending in one transaction and roll it back. Files that cannot run inside a transaction are left out and named.
    type: bool
    default: false
  allow_rollback:
    description:
      - Has to be true for O(state=rolled_back) to do anything outside check mode.
    type: bool
    default: false
  timeout:
    description:
      - End after this many seconds, whatever the run waits for; V(0) is no limit.
      - A file in a transaction is rolled back then; a file without one goes on where it was in the next run.
    type: int
    default: 86400
seealso:
  - module: titan.database.migration_info
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Apply all migrations
  titan.database.migration:
    env_file: /home/ubuntu/Titan/.env
    path: migrations

- name: Apply them up to a version, with more patience for locks
  titan.database.migration:
    login_unix_socket: /var/run/postgresql
    login_db: titan_trading
    path: migrations
    target: "0010"
    lock_retries: 30

- name: Apply a history whose files follow another convention
  titan.database.migration:
    env_file: /home/ubuntu/Titan/.env
    path: db/migrate
    naming: up_down
    placeholders:
      owner: titan

- name: Take back everything after version 9
  titan.database.migration:
    env_file: /home/ubuntu/Titan/.env
    path: migrations
    state: rolled_back
    target: "9"
    allow_rollback: true

- name: Take over a database that was migrated by hand
  titan.database.migration:
    env_file: /home/ubuntu/Titan/.env
    path: migrations
    state: baselined
"""

RETURN = r"""
applied:
  description: The migrations that were applied, in order. Each index says whether it was C(built), C(rebuilt), C(found) or C(skipped).
  returned: success
  type: list
  elements: dict
  sample:
    - version: "0010"
      name: add_performance_indexes
      file: 0010_add_performance_indexes.sql
      ms: 147
      transaction: false
      steps:
        - {number: 1, line: 26, outcome: done, statement: "CREATE INDEX CONCURRENTLY idx_orders_created_at ON orders (created_at DESC)"}
      indexes:
        - {name: idx_orders_created_at, schema: public, table: orders, line: 26, outcome: built, bytes: 131072, duplicate_of: ""}
rolled_back:
  description: The migrations that were taken back, in the form of RV(applied).
  returned: success
  type: list
  elements: dict
  sample: []
pending:
  description:
    - What would be done, in check mode; each with its statements, the locks they take and the sizes of their tables.
    - With O(apply_pending=false), version, name and file of each one that is pending.
  returned: success
  type: list
  elements: dict
  sample: []
status:
  description: What M(titan.database.migration_info) returns, its sentence as C(summary), read after the run.
  returned: with O(read_back=true)
  type: dict
  sample: {}
skipped_indexes:
  description: Indexes that were left out, or would be, because an exact duplicate is there.
  returned: success
  type: list
  elements: dict
  sample:
    - version: "0010"
      name: add_performance_indexes
      index: idx_audit_logs_user_timestamp
      table: audit_logs
      duplicate_of: idx_audit_logs_user_created
restored_indexes:
  description: Indexes that were left out earlier and were built now, or would be, because their duplicates are gone.
  returned: success
  type: list
  elements: dict
  sample:
    - index: idx_audit_logs_user_timestamp
      schema: public
      table: audit_logs
      duplicate_of: idx_audit_logs_user_created
      version: "0010"
      definition: CREATE INDEX "idx_audit_logs_user_timestamp" ON public.audit_logs USING btree (user_id)
lint:
  description:
    - What the lint rules found in the pending files. The level is V(error), V(warning) or V(notice). C(rows) is 0 where
      the size of the table does not matter.
  returned: success
  type: list
  elements: dict
  sample:
    - rule: rename_column
      level: warning
      file: 0012_rename.sql
      line: 3
      statement: ALTER TABLE orders RENAME COLUMN note TO remark
      table: orders
      rows: 0
      reason: The application that runs now still uses the old name.
      instead: Add a new column, write both, and drop the old one when nothing reads it any more.
missing:
  description: Applied versions that the directory does not hold.
  returned: success
  type: list
  elements: str
  sample: []
baseline:
  description: With O(state=baselined), what speaks for each version.
  returned: success
  type: list
  elements: dict
  sample:
    - version: "0010"
      name: add_performance_indexes
      verdict: proven
      there: [verify (line 18)]
      missing: []
rehearsed:
  description: With O(rehearse=true), what was run and rolled back.
  returned: success
  type: list
  elements: dict
  sample: []
progress:
  description: What was said on the way, such as the phases of an index build and the sessions that it had to wait for.
  returned: success
  type: list
  elements: str
  sample: ["applying 0010_add_performance_indexes.sql"]
reason:
  description: Why nothing was done at all; empty otherwise.
  returned: success
  type: str
  sample: the server is a standby, which receives the migrations from its primary
summary:
  description: The result in one line.
  returned: success
  type: str
  sample: 1 migration was applied. 2 indexes are exact duplicates and are left out.
"""

from ansible_collections.titan.database.plugins.module_utils._engine.migrations import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(operation.migration, options.MIGRATION)


if __name__ == "__main__":
    main()
