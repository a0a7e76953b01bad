# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of retention_policy and cleanup, for the modules, the command and the roles."""

from __future__ import annotations

from ..text.options import Spec, option

RETENTION_POLICY: Spec = {
    "policies": option(
        "list",
        "All retention policies of the database. An empty list removes all.",
        elements="dict",
        required=True,
        options={
            "name": option(
                "str",
                "Name of the policy in results and messages. It must be unique.",
                "Without it, the name is made of the table and the filter.",
            ),
            "table": option(
                "str",
                "The table as V(table) or V(schema.table). Without a schema there must be only one table of "
                "that name in the database.",
                "Names are taken literally. A name that holds a dot is written in double quotes.",
                "Partitioned tables are allowed, views and foreign tables are not.",
                required=True,
            ),
            "column": option(
                "str",
                "The column that tells the age of a row, of type timestamp with time zone, timestamp without "
                "time zone or date.",
                "A row whose time is NULL is never due.",
                required=True,
            ),
            "keep": option(
                "str",
                "How long a row is kept, for example V(90 days), V(12 hours), V(6 months) or V(0 seconds).",
                "A row is due when its time is strictly older than that on the server's clock. Days are 24 hours.",
                required=True,
            ),
            "where": option(
                "dict",
                "Only the rows that pass this filter fall under the policy.",
                options={
                    "column": option(
                        "str",
                        "The column that is compared. Needed, unless O(policies[].where.sql_condition) is the whole filter.",
                    ),
                    "in": option(
                        "list",
                        "The row passes when the column has one of these values.",
                        elements="raw",
                    ),
                    "equals": option(
                        "raw",
                        "The row passes when the column has this value.",
                    ),
                    "is_null": option(
                        "bool",
                        "The row passes when the column is NULL (V(true)) or is not NULL (V(false)).",
                    ),
                    "ignore_case": option(
                        "bool",
                        "Compare texts whatever their case.",
                        default=False,
                    ),
                    "sql_condition": option(
                        "str",
                        "An SQL condition over the table's columns that a row has to fulfil too, for what "
                        "cannot be said with values. It needs O(policies[].allow_sql_condition=true).",
                        "The server checks it before it is stored and again before each clean-up. It must be "
                        "one complete condition that names the columns without the table, and other tables and "
                        "own functions with their schema. A row for which it is NULL does not pass.",
                        "It has to give the same answer whenever it is asked about a row. One with V(random(\\)) "
                        "makes counts wrong.",
                        "It runs with the rights of the role that cleans up, so whoever may write the inventory "
                        "may run it.",
                        "Two policies of one table are told apart by O(policies[].where.column) and its values "
                        "only, never by this.",
                    ),
                },
            ),
            "allow_sql_condition": option(
                "bool",
                "Allow O(policies[].where.sql_condition) in this policy.",
                default=False,
            ),
            "mode": option(
                "str",
                "What happens to a due row. With V(delete) it is deleted. With V(mark) it stays and "
                "O(policies[].mark) is written into it, which keeps an audit trail.",
                default="delete",
                choices=("delete", "mark"),
            ),
            "mark": option(
                "dict",
                "What is written into a due row with O(policies[].mode=mark). A row that has it already is not due.",
                options={
                    "column": option(
                        "str",
                        "The column that is written.",
                        required=True,
                    ),
                    "value": option(
                        "raw",
                        "The value that is written.",
                        "Without it the column must be of a time type and gets the time of the run. Rows that "
                        "have a time there already are not due.",
                    ),
                },
            ),
            "time_zone": option(
                "str",
                "The time zone in which the application writes O(policies[].column), when it is of type timestamp "
                "without time zone or date, as V(UTC) or V(Europe/Berlin). Such a column is refused without it.",
            ),
            "time_format": option(
                "str",
                "What O(policies[].column) holds, when it is not of a time type: seconds or milliseconds since 1970 in a "
                "number, a UUID of version 7 or a ULID, each in a text or UUID. An index on the column is used.",
                "Values that are no UUID of version 7 (in a text: lower-case, with hyphens) or no (upper-case) ULID are never due and "
                "count as rows without a time.",
                choices=("epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "uuid7", "ulid"),
            ),
            "never_values": option(
                "str",
                "What happens to rows whose time means 'never': 0001-01-01 and before, 1970-01-01 (0 in a number), "
                "-infinity. Each clean-up says how many there are.",
                default="keep",
                choices=("keep", "delete"),
            ),
            "max_fraction": option(
                "float",
                "The largest share of the table's rows that may be due, above 0 and up to 1. A clean-up that "
                "finds more refuses.",
                "Without it the option O(titan.database.cleanup#module:max_fraction) of the clean-up holds.",
            ),
            "contended": option(
                "bool",
                "Skip rows that other sessions lock from the start, instead of waiting up to 50 "
                "milliseconds first. It costs about a third more write-ahead log and is worth it only where "
                "many due rows are locked.",
                default=False,
            ),
            "archive": option(
                "path",
                "Directory on the host that runs the clean-up. The rows are written there before they are "
                "deleted, in the text format of C(COPY), each run to a new file with a manifest beside it that "
                "has the number of rows and the SHA-256.",
                "A batch is committed only after its rows are on disk. Nobody else may be able to write to the "
                "directory.",
                "Partitions are then not dropped as a whole. It has no effect with O(policies[].mode=mark).",
            ),
        },
        variable="retention_policies",
    ),
}

CLEANUP: Spec = {
    "tables": option(
        "list",
        "Clean up only these tables, each as V(table) or V(schema.table). All tables with policies without it.",
        elements="str",
    ),
    "backup_dest": option(
        "path",
        "Directory on the target host whose backups are looked at before anything is deleted.",
        "Needed unless O(require_backup_within=off).",
        variable="backup_dest",
        variable_default="/var/backups/titan-db",
    ),
    "backup_name": option(
        "str",
        "Only backups with this name count, as O(titan.database.backup#module:name) has it.",
        variable="backup_name",
    ),
    "require_backup_within": option(
        "str",
        "How long ago the newest verified backup may have been started, for example V(26h) or V(2 days).",
        "V(off) deletes without any backup.",
        "The backup is looked for only if rows are due. It must list every table that loses rows, and its "
        "checksum is read again before it is trusted.",
        default="26h",
        variable="retention_require_backup_within",
    ),
    "require_verified": option(
        "str",
        "What counts as verified. V(restored) needs a backup that was restored and compared, V(checksum) is "
        "content with one that was read back.",
        default="restored",
        choices=("restored", "checksum"),
        variable="retention_require_verified",
    ),
    "require_row_within": option(
        "str",
        "How old the newest row of a table may be, as V(7 days) or V(36h), if rows used to be written more often: on at least 20 days of "
        "four times that age. Otherwise the table is refused: the server's clock may have jumped ahead, and then all rows look old.",
        "Use V(off) for a database that nothing writes to any more. Rows whose time is in the future are not looked at.",
        default="7 days",
        variable="retention_require_row_within",
    ),
    "max_fraction": option(
        "float",
        "The largest share of a table's rows that may be due under one policy, above 0 and up to 1. A policy "
        "that finds more is refused, which protects against a wrong policy or a wrong clock.",
        "The first clean-up of a database that was never cleaned often finds more. Confirm it once with V(1.0) "
        "after reading the counts in check mode.",
        "A O(titan.database.retention_policy#module:policies[].max_fraction) of the policy itself wins.",
        default=0.5,
        variable="retention_max_fraction",
    ),
    "max_runtime": option(
        "str",
        "End cleanly after this time, for example V(30 minutes). The state of what was not finished is then "
        "V(partial), which is no failure. The next run goes on.",
        "A run that cannot end by itself then, because the network is silent, is ended within 5 seconds.",
        default="1h",
        variable="retention_max_runtime",
    ),
    "batch_target_ms": option(
        "int",
        "The size of batches, between 100 and 20000 rows, is steered so that they take a quarter of this many "
        "milliseconds. A batch that reaches all of it is cancelled and repeated with fewer rows; only one of "
        "the smallest size may take longer.",
        default=100,
        variable="retention_batch_target_ms",
    ),
    "pause": option(
        "float",
        "Pause after each batch, as a share of the time that it took. V(1) leaves half of the time to others.",
        "After a batch that blocked another session, the pause is at least V(1) and the next batch half as large.",
        default=0.1,
        variable="retention_pause",
    ),
    "max_replica_lag_mb": option(
        "int",
        "Wait between batches while a streaming standby has not replayed this many MiB of write-ahead log. "
        "After a minute of waiting the run ends with the state V(partial). V(0) does not look.",
        "The connected role has to be a member of C(pg_monitor) to see standbys.",
        default=256,
        variable="retention_max_replica_lag_mb",
    ),
    "min_free_wal_mb": option(
        "int",
        "Wait in the same way while the disk under the server's write-ahead log has less than this many MiB "
        "free. V(0) does not look.",
        "It is looked at only where the server runs on the target host and the connected role may read its data "
        "directory's path.",
        default=512,
        variable="retention_min_free_wal_mb",
    ),
    "accept_superuser": option(
        "bool",
        "Run as a superuser although something in the database belongs to a role that is none. Triggers and functions "
        "of that role then run with a superuser's rights. Each run warns of it.",
        "Without it, such a run is refused.",
        default=False,
        variable="retention_accept_superuser",
    ),
    "allowed_archives": option(
        "list",
        "The only directories in which stored policies may archive rows. A policy with another one is refused.",
        "Without it, those of the stored policies. The jobs have the inventory's.",
        elements="str",
        variable="retention_allowed_archives",
        variable_default="{{ retention_policies | map(attribute='archive', default='') | select | unique | list }}",
    ),
    "allowed_conditions": option(
        "list",
        "The only SQL conditions that stored policies may have. A policy with another one is refused.",
        "Without it, those of the stored policies. The jobs have the inventory's.",
        elements="str",
        variable="retention_allowed_conditions",
        variable_default="{{ retention_policies | map(attribute='where.sql_condition', default='') | select | unique | list }}",
    ),
    "expected_policies": option(
        "list",
        "The inventory's policies, as in O(titan.database.retention_policy#module:policies). A stored policy that is none of them, or "
        "that differs from the one of its name, is refused.",
        "Without it, or with an empty list, the stored policies are not compared. The jobs have the inventory's.",
        elements="raw",
        variable="retention_expected_policies",
        variable_default="{{ retention_policies }}",
    ),
    "vacuum": option(
        "str",
        "With V(auto), tables that lost more than 2 percent of their rows (and at least 50) are vacuumed and "
        "analyzed afterwards. A VACUUM that the server skips is a failure.",
        "What a run that was killed before its VACUUM has left is vacuumed by the next run, also when nothing "
        "more is due. For this the connected role has to be the owner of the table (or a member of it) and able "
        "to write in the schema C(titan_ops); else it is left to autovacuum.",
        "With V(never), this is left to autovacuum.",
        default="auto",
        choices=("auto", "never"),
        variable="retention_vacuum",
    ),
}
