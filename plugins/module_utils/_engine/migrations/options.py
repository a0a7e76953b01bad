# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of migration and migration_info."""

from __future__ import annotations

from ..text.options import Spec, option

MIGRATION: Spec = {
    "path": option(
        "path",
        "Directory B(on the controller) that holds the migrations as C(.sql) files in UTF-8. A relative path is "
        "searched for like the source of a copy task. The texts are sent to the target host in one round trip.",
        "Required unless O(files) is given.",
        variable="migrations_path",
        variable_default="migrations",
    ),
    "files": option(
        "list",
        "The texts themselves, for migrations that are made in the play. O(path) is turned into this list on "
        "the controller.",
        elements="dict",
        options={
            "name": option(
                "str",
                "Name of the file.",
                required=True,
            ),
            "content": option(
                "str",
                "What the file says.",
                required=True,
                may_be_empty=True,
            ),
            "transaction": option(
                "str",
                "V(none) if the file runs by statement, as a file beside it says.",
                choices=("none",),
            ),
        },
    ),
    "naming": option(
        "str",
        "How the files are called. Versions are compared as numbers, so C(9) comes before C(10) and C(0010) is C(10).",
        "V(plain) is C(0010_name.sql) with its rollback in C(0010_name.down.sql), or C(0010_name.rollback.sql). A version may also be a date "
        "(C(20240101120000_name.sql), C(2024-01-01-120000_name.sql)) or a dotted number "
        "(C(01.02.00_01_name.sql)).",
        "V(up_down) is C(0010_name.up.sql) and C(0010_name.down.sql), or C(0010-name-up.sql) and C(0010-name-down.sql).",
        "V(flyway) is C(V1__name.sql), or C(V1.2__name.sql), and C(U1__name.sql), in the directory or any below it. "
        "C(B5__name.sql) stands for all versions up to 5 where the database has had none of them. C(${name}) is replaced by the value "
        "of O(placeholders), wherever it stands. C(executeInTransaction=false) in the file's C(.conf) is heeded.",
        "V(goose), V(dbmate), V(sql_migrate) and V(node_pg_migrate) are C(0010_name.sql) with both the migration and its rollback in "
        "it, told apart by the comments of that tool. V(sql_migrate) and V(node_pg_migrate) know a file by its whole name: of several "
        "with the number 12 the first by name is 12, the next ones are 12.2, 12.3.",
        "V(sqitch) is a C(sqitch.plan) with C(deploy/NAME.sql) and C(revert/NAME.sql). The plan is the order, and the place in it is "
        "the version; C(verify) is not run.",
        "V(liquibase) are files of its formatted SQL, in the directory or any below it. Each change set is a migration, its version is "
        "the number in the file's name with the place in the file, its C(--rollback) lines are its rollback, and C(runOnChange) makes "
        "it repeatable. Change sets for other servers are left out. Preconditions, contexts, labels and C(runAlways) are refused.",
        "V(golang_migrate) is V(up_down), and passes over an SQL file of another name with a warning, as that tool does; "
        "V(diesel) and V(prisma) are V(directory); V(atlas) is V(plain), V(drizzle) is V(plain) for the files that "
        "C(meta/_journal.json) names; V(sqlx) is V(plain) or V(up_down).",
        "V(directory) is C(20240101120000_name/up.sql) and C(20240101120000_name/down.sql). Where the file is "
        "called C(migration.sql), the whole name of the folder is the version, and versions sort as text, so "
        "two folders of one date are no duplicates.",
        "A file C(R__name.sql) (with V(directory), C(R__name/up.sql)) is repeatable, it is applied after the "
        "versioned ones whenever its text has changed.",
        default="plain",
        choices=(
            "plain",
            "up_down",
            "flyway",
            "directory",
            "golang_migrate",
            "sqlx",
            "diesel",
            "prisma",
            "atlas",
            "drizzle",
            "goose",
            "dbmate",
            "sql_migrate",
            "node_pg_migrate",
            "sqitch",
            "liquibase",
        ),
        variable="migrations_naming",
    ),
    "state": option(
        "str",
        "V(applied) applies what is pending, up to O(target).",
        "V(rolled_back) rolls back what was applied after O(target) with the C(.down.sql) files, newest first. "
        "Objects that a migration found rather than created stay, and functions and views that it replaced come "
        "back.",
        "V(baselined) records migrations that were applied without this history, up to O(target), only where "
        "that is proven. All files run on an empty database in a throw-away cluster on the target host, which needs the "
        "server programs of the server's major version. What each file makes there is compared with the database: columns, types, "
        "defaults, constraints, bodies, comments and privileges. Files that change rows are proven by their C(verify) queries, or by "
        "the rows that they insert, else they are V(unproven: data). A migration that may have run is not applied later "
        "until a person has decided.",
        "V(adopted) records what the table of another tool (O(from)) says has been applied. That table is only read. It refuses "
        "a history with a failed or unfinished migration. Where the server programs are installed, the result also says "
        "what the replay of V(baselined) shows.",
        default="applied",
        choices=("applied", "rolled_back", "baselined", "adopted"),
    ),
    "from": option(
        "str",
        "With O(state=adopted), the tool whose table is read. O(naming) has to be the tool's, too.",
        choices=(
            "flyway",
            "golang_migrate",
            "dbmate",
            "goose",
            "sqlx",
            "prisma",
            "diesel",
            "node_pg_migrate",
            "rails",
            "alembic",
            "liquibase",
            "sqitch",
            "sql_migrate",
            "atlas",
        ),
    ),
    "accept_unproven": option(
        "list",
        "With O(state=baselined), versions that are recorded although nothing proves that they have run. The history "
        "notes them as what a person said, with what speaks against it. The reason belongs into the commit that sets this option.",
        default=[],
        elements="str",
    ),
    "programs": option(
        "path",
        "Directory B(on the target host) of the server programs for O(state=baselined) and O(state=adopted). By default "
        "they are looked for where the distributions put them, and then on E(PATH).",
    ),
    "history": option(
        "str",
        "Name of the history, where several applications with migrations of their own share one database. Each history has its own "
        "versions, its own lock and its own changes by hand; all are kept in the schema C(titan_ops). Empty is the history without a name.",
        default="",
        variable="migrations_history",
    ),
    "target": option(
        "str",
        "The version to stop at. Required for O(state=rolled_back), where that version stays applied and V(0) "
        "takes all back.",
        "Repeatable files are left alone when a target is given.",
        variable="migrations_target",
    ),
    "redundant_indexes": option(
        "str",
        "What to do about a declared index that would be an exact duplicate of another one (same table, method, "
        "columns, order, operator classes, collations, included columns, predicate and uniqueness).",
        "V(skip) leaves it out, records that, and names the index that it duplicates. One that a later statement names is built all "
        "the same.",
        default="skip",
        choices=("skip", "create", "fail"),
        variable="migrations_redundant_indexes",
    ),
    "allow_out_of_order": option(
        "list",
        "Versions that may be applied although a later one has been. Others are refused.",
        default=[],
        elements="str",
        variable="migrations_allow_out_of_order",
    ),
    "accept_edited": option(
        "list",
        "Versions whose file was edited after it was applied, and whose new text the history is to take over "
        "without running it.",
        "Edits of comments and white space only need no such permission; they are taken over and reported.",
        "The history gets a row of the action C(amend) for each, with the new text, the system user, the host "
        "and the time. Its details say whether the edit was C(accepted) or C(harmless), and the checksum of the "
        "text before. The reason belongs into the commit that sets this option.",
        default=[],
        elements="str",
        variable="migrations_accept_edited",
    ),
    "placeholders": option(
        "dict",
        "Values for C(:\"name\"), which becomes a quoted identifier, and C(:'name'), which becomes a quoted "
        "literal. Nothing is replaced inside quotes and comments, and a placeholder without a value is an "
        "error.",
        "The checksum of a file does not depend on these values.",
        default={},
        variable="migrations_placeholders",
    ),
    "mixed": option(
        "str",
        "What to do about a file whose statements cannot all run in one transaction although some should. "
        "V(refuse) names the lines; V(steps) runs it in parts, each of which is recorded.",
        default="refuse",
        choices=("refuse", "steps"),
        variable="migrations_mixed",
    ),
    "without_transaction": option(
        "list",
        "Versions whose files are run statement by statement, each of which commits by itself, as C(psql -f) "
        "would run them. Only for files that were written for that and cannot run in a transaction.",
        default=[],
        elements="str",
        variable="migrations_without_transaction",
    ),
    "lock_timeout": option(
        "int",
        "How many milliseconds a statement may wait for a lock before it gives way.",
        default=500,
        variable="migrations_lock_timeout",
    ),
    "concurrent_lock_timeout": option(
        "int",
        "How many milliseconds a C(CONCURRENTLY) statement may wait. It blocks no readers and writers while it "
        "waits, and it has to wait for all transactions that are older than it.",
        default=120000,
        variable="migrations_concurrent_lock_timeout",
    ),
    "lock_retries": option(
        "int",
        "How often a transaction that did not get its locks is tried again, with growing pauses.",
        default=10,
        variable="migrations_lock_retries",
    ),
    "lint": option(
        "dict",
        "The levels of lint rules, by name (C(all) stands for every rule that is not named): V(error), V(warning), V(notice) or "
        "V(off). Without it, what blocks readers or writers of a table with more than O(plain_index_max_rows) rows is an "
        "error, what may break the application that runs is a warning, and what is a matter of style a notice. An error "
        "refuses the run, and check mode, before anything is run. A comment C(-- allow: RULE) with the reason in "
        "parentheses turns a rule off for a file. The guide on migrations has the table of the rules.",
        default={},
        variable="migrations_lint",
    ),
    "plain_index_max_rows": option(
        "int",
        "A C(CREATE INDEX) without C(CONCURRENTLY) on a table with more rows than this is refused, since it "
        "blocks every writer while it builds. Tables that the same file creates are free.",
        default=10000,
        variable="migrations_plain_index_max_rows",
    ),
    "accept_superuser": option(
        "bool",
        "Run as a superuser although something in the database belongs to a role that is none. Triggers, defaults and functions of "
        "that role then run with a superuser's rights. Each run warns of it.",
        "Without it, such a run is refused, in check mode, too. A member of a superuser's role, or of a predefined role that reads or "
        "writes the server's files or starts programs there, counts as a superuser.",
        default=False,
        variable="migrations_accept_superuser",
    ),
    "wait": option(
        "int",
        "How many seconds to wait for another run to end.",
        default=30,
        variable="migrations_wait",
    ),
    "progress_file": option(
        "path",
        "A file B(on the target host) that does not exist yet, to which each line of RV(progress) is written "
        "while the module runs, with mode C(0600). It is removed when the module ends. In check mode it is not "
        "made.",
        "With C(-v), or on a terminal with colours, this need not be set: lines that were said in a run of more "
        "than two seconds are then shown on the controller while it goes on. An index build tells its phase, "
        "how many percent are done, and who is in its way. This works with connections that start a process for "
        "each command (C(local), C(ssh), C(docker), C(podman) ...).",
    ),
    "record": option(
        "path",
        "A file B(on the target host) that says which migration files this run knew, each with its checksum. It "
        "is written when the files have changed, also by a run that then fails, and never in check mode.",
        "C(titan-db health) compares the history with C(migrations.json) in the directory of the jobs' states. "
        "So it sees pending migrations and edited files long after the converge, although the files are on the "
        "controller only.",
        variable="migrations_record",
    ),
    "apply_pending": option(
        "bool",
        "With V(false), nothing is done and the files are listed in RV(pending) where one is pending. Where none is, the run is the "
        "usual one. For a play that takes a backup first.",
        default=True,
    ),
    "read_back": option(
        "bool",
        "Return, as RV(status), what M(titan.database.migration_info) would return after the run.",
        default=False,
    ),
    "rehearse": option(
        "bool",
        "Run what is pending in one transaction and roll it back. Files that cannot run inside a transaction "
        "are left out and named.",
        default=False,
        variable="migrations_rehearse",
    ),
    "allow_rollback": option(
        "bool",
        "Has to be true for O(state=rolled_back) to do anything outside check mode.",
        default=False,
    ),
    "timeout": option(
        "int",
        "End after this many seconds, whatever the run waits for; V(0) is no limit.",
        "A file in a transaction is rolled back then; a file without one goes on where it was in the next run.",
        default=86400,
    ),
}

MIGRATION_INFO: Spec = {name: MIGRATION[name] for name in ("path", "files", "naming", "placeholders", "history")}
