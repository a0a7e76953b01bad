#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: retention_policy
short_description: Define how long the rows of PostgreSQL tables are kept
version_added: "0.1.0"
author: titan.database contributors (@titan-database)
description:
  - Keeps the retention policies of one database in its table C(titan_ops.retention_policy), which is created when it is
    missing.
  - Stored policies that are not in the list are removed.
  - Nothing is deleted by this module. M(titan.database.cleanup), the command C(titan-db cleanup) and the SQL functions
    C(cleanup_*) of the Titan example read the stored policies and delete what is due.
  - Every policy is checked against the catalog before anything is written. Unknown tables and columns, types that do not fit,
    and policies that one row could fall under twice are refused by name.
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
  policies:
    description:
      - All retention policies of the database. An empty list removes all.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the policy in results and messages. It must be unique.
          - Without it, the name is made of the table and the filter.
        type: str
      table:
        description:
          - The table as V(table) or V(schema.table). Without a schema there must be only one table of that name in the database.
          - Names are taken literally. A name that holds a dot is written in double quotes.
          - Partitioned tables are allowed, views and foreign tables are not.
        type: str
        required: true
      column:
        description:
          - The column that tells the age of a row, of type timestamp with time zone, timestamp without time zone or date.
          - A row whose time is NULL is never due.
        type: str
        required: true
      keep:
        description:
          - How long a row is kept, for example V(90 days), V(12 hours), V(6 months) or V(0 seconds).
          - A row is due when its time is strictly older than that on the server's clock. Days are 24 hours.
        type: str
        required: true
      where:
        description:
          - Only the rows that pass this filter fall under the policy.
        type: dict
        suboptions:
          column:
            description:
              - The column that is compared. Needed, unless O(policies[].where.sql_condition) is the whole filter.
            type: str
          in:
            description:
              - The row passes when the column has one of these values.
            type: list
            elements: raw
          equals:
            description:
              - The row passes when the column has this value.
            type: raw
          is_null:
            description:
              - The row passes when the column is NULL (V(true)) or is not NULL (V(false)).
            type: bool
          ignore_case:
            description:
              - Compare texts whatever their case.
            type: bool
            default: false
          sql_condition:
            description:
              - An SQL condition over the table's columns that a row has to fulfil too, for what cannot be said with values. It needs
                O(policies[].allow_sql_condition=true).
              - The server checks it before it is stored and again before each clean-up. It must be one complete condition that names the columns
                without the table, and other tables and own functions with their schema. A row for which it is NULL does not pass.
              - It has to give the same answer whenever it is asked about a row. One with V(random(\)) makes counts wrong.
              - It runs with the rights of the role that cleans up, so whoever may write the inventory may run it.
              - Two policies of one table are told apart by O(policies[].where.column) and its values only, never by this.
            type: str
      allow_sql_condition:
        description:
          - Allow O(policies[].where.sql_condition) in this policy.
        type: bool
        default: false
      mode:
        description:
          - What happens to a due row. With V(delete) it is deleted. With V(mark) it stays and O(policies[].mark) is written into it, which keeps an
            audit trail.
        type: str
        choices: [delete, mark]
        default: delete
      mark:
        description:
          - What is written into a due row with O(policies[].mode=mark). A row that has it already is not due.
        type: dict
        suboptions:
          column:
            description:
              - The column that is written.
            type: str
            required: true
          value:
            description:
              - The value that is written.
              - Without it the column must be of a time type and gets the time of the run. Rows that have a time there already are not due.
            type: raw
      time_zone:
        description:
          - The time zone in which the application writes O(policies[].column), when it is of type timestamp without time zone or date, as V(UTC) or
            V(Europe/Berlin). Such a column is refused without it.
        type: str
      time_format:
        description:
          - "What O(policies[].column) holds, when it is not of a time type: seconds or milliseconds since 1970 in a number, a UUID of version 7 or a
            ULID, each in a text or UUID. An index on the column is used."
          - "Values that are no UUID of version 7 (in a text: lower-case, with hyphens) or no (upper-case) ULID are never due and count as rows
            without a time."
        type: str
        choices: [epoch_seconds, epoch_milliseconds, epoch_microseconds, uuid7, ulid]
      never_values:
        description:
          - "What happens to rows whose time means 'never': 0001-01-01 and before, 1970-01-01 (0 in a number), -infinity. Each clean-up says how many
            there are."
        type: str
        choices: [keep, delete]
        default: keep
      max_fraction:
        description:
          - The largest share of the table's rows that may be due, above 0 and up to 1. A clean-up that finds more refuses.
          - Without it the option O(titan.database.cleanup#module:max_fraction) of the clean-up holds.
        type: float
      contended:
        description:
          - Skip rows that other sessions lock from the start, instead of waiting up to 50 milliseconds first. It costs about a third more write-ahead
            log and is worth it only where many due rows are locked.
        type: bool
        default: false
      archive:
        description:
          - Directory on the host that runs the clean-up. The rows are written there before they are deleted, in the text format of C(COPY), each run
            to a new file with a manifest beside it that has the number of rows and the SHA-256.
          - A batch is committed only after its rows are on disk. Nobody else may be able to write to the directory.
          - Partitions are then not dropped as a whole. It has no effect with O(policies[].mode=mark).
        type: path
seealso:
  - module: titan.database.cleanup
"""

EXAMPLES = r"""
- name: Keep audit logs for 90 days and routine system logs for 30
  titan.database.retention_policy:
    env_file: /home/ubuntu/Titan/.env
    policies:
      - table: audit_logs
        column: created_at
        keep: 90 days
      - table: system_logs
        column: created_at
        keep: 30 days
        where:
          column: level
          in: [debug, info]
          ignore_case: true

- name: Mark expired sessions as inactive and keep them
  titan.database.retention_policy:
    env_file: /home/ubuntu/Titan/.env
    policies:
      - name: expired sessions
        table: public.user_sessions
        column: expires_at
        keep: 0 seconds
        mode: mark
        mark:
          column: is_active
          value: false

- name: Remove long debug messages early, which needs an SQL condition
  titan.database.retention_policy:
    env_file: /home/ubuntu/Titan/.env
    policies:
      - table: system_logs
        column: created_at
        keep: 7 days
        allow_sql_condition: true
        where:
          column: level
          equals: debug
          sql_condition: length(message) > 1000

- name: Remove all policies
  titan.database.retention_policy:
    env_file: /home/ubuntu/Titan/.env
    policies: []
"""

RETURN = r"""
policies:
  description: The policies as they are stored, or would be, in order of name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: public.audit_logs
      table: public.audit_logs
      column: created_at
      keep: 90 days
      where: null
      allow_sql_condition: false
      mode: delete
      mark: null
      time_zone: UTC
      max_fraction: null
      contended: false
      archive: null
"""

from ansible_collections.titan.database.plugins.module_utils._engine.retention import declaration, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    """Entry point."""
    run_module(declaration.retention_policy, options.RETENTION_POLICY)


if __name__ == "__main__":
    main()
