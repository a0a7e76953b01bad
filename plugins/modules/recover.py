#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a moment back from pgBackRest's archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recover
short_description: Get a moment back from pgBackRest's archive, beside the live server
version_added: "0.2.0"
description:
  - Recovers the cluster to a moment from the backups and the archived write-ahead log of a pgBackRest stanza, in a throw-away cluster beside the
    live server. The moment is a time, a transaction, a restore point, or just before a table was dropped.
  - The archived log is searched with C(pg_waldump) for the moment, and for the transactions on both sides of it. The recovered server then has to
    show that the last one before it is committed, and that the first one after it is not.
  - What is then done with the recovered database says O(action). The live database is changed by V(tables) and V(rows) only, in one transaction each.
  - Where the archive does not reach the moment, the message says from when to when it does.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Searches the log as it is in the archive, and says from which backup, and between which transactions. Recovers nothing.
  diff_mode:
    support: full
    details: Shows what would come into the live database, or the dump.
  idempotent:
    support: N/A
    details: Each run recovers once more.
options:
  to:
    description:
      - The moment, as a time with its zone, such as V(2026-11-26 01:59:59+00). What was committed up to then is there, and nothing after it.
    type: str
  to_transaction:
    description:
      - "The moment just after this transaction was committed: its number, as C(%x) in C(log_line_prefix) and C(pg_waldump) show it."
    type: str
  exclusive:
    description:
      - The moment just before O(to_transaction) was committed.
    type: bool
    default: false
  to_restore_point:
    description:
      - The moment of this restore point (C(pg_create_restore_point)); of several of this name, the newest one.
    type: str
  before_drop:
    description:
      - The moment just before this table was dropped, as C(SCHEMA.TABLE), or C(TABLE) in C(public). The archived write-ahead log is searched for
        transactions that dropped tables, the newest one first; each recovery shows whether it was this table's. PostgreSQL 15 or newer.
    type: str
  timeline:
    description:
      - "Follow the log of this timeline, not of the newest one: after the live cluster went back to a moment, what was written later lies on the
        timeline that it left."
    type: int
  action:
    description:
      - What is done with the recovered database once it is proven. V(look) removes it again.
      - V(dump) makes a backup of it by C(pg_dump) in O(dump_dir), and proves that by a restore. Other commands take it by its path.
      - V(tables) makes that backup, and brings the tables in O(tables) beside the live ones, as M(titan.database.restore) does.
      - V(rows) makes that backup, and puts the rows back that the live tables have lost, as M(titan.database.rescue) does; of all tables unless
        O(tables) names some.
      - "V(place) lets the recovered cluster take the place of the live one: with B(every database) of that server back at the moment. Once the moment
        is proven beside, it is recovered once more, into a directory beside the live one; then the server is stopped, its data directory renamed and
        kept, and the server started on the other one, read back, and backed up. If anything fails, the live one is back. Needs O(data_directory)."
    type: str
    choices: [look, dump, tables, rows, place]
    default: look
  data_directory:
    description:
      - "For O(action=place), the confirmation: the live server's data directory on the target host. Check mode says which one it is."
    type: path
  accept_standbys:
    description:
      - For O(action=place) and O(put_back), go on although standbys or replication slots are attached to the live server. They cannot follow, and
        have to be recreated.
    type: bool
    default: false
  put_back:
    description:
      - "Instead of a moment: the data directory that an earlier O(action=place) or O(put_back) has kept beside the live one takes its place again,
        and the other one is kept."
    type: path
  stop_timeout:
    description:
      - For O(action=place) and O(put_back), seconds in which the server has to stop (C(fast)); else the live one goes on.
    type: int
    default: 120
  tables:
    description:
      - The tables for O(action=tables) or O(action=rows), as C(SCHEMA.TABLE), or C(TABLE) in C(public).
    type: list
    elements: str
  where:
    description:
      - For O(action=rows), SQL condition over the columns of the one table in O(tables).
    type: str
  keep:
    description:
      - "Keep the recovered cluster for this long, such as V(2h), for a person: the command that reaches it is printed to standard error. An interrupt
        ends that earlier, and the run goes on."
    type: str
  checks:
    description:
      - SQL that has to return true in the recovered database, such as V(SELECT count(*\) > 1000 FROM orders). Each is run in a transaction that may
        not write. If one does not, the run fails, and nothing is dumped or handed on.
    type: list
    elements: str
  database:
    description:
      - The database of the cluster that is meant. The one whose backups O(dest) holds if not given.
    type: str
  dest:
    description:
      - Directory on the target host with the records of the backups by pgBackRest, and with the pointer to the stanza.
    type: path
    required: true
  dump_dir:
    description:
      - Directory on the target host for the backup of the recovered database. The directory C(recovered) in O(dest) if not given.
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
  - Run it as the owner of the server's files, as pgBackRest itself. It needs C(pg_waldump) of the server's major version, and room for the whole
    cluster in O(drill_dir).
  - A run lets the live server archive its current segment first (C(pgbackrest check)). If it cannot, the result warns that the log may end early.
  - The connection is used with O(action=tables), O(action=rows), O(action=place) and O(put_back) only. For the last two it is one to the live
    server, as a role that may see its settings (C(pg_read_all_settings)).
  - With O(action=place) and O(put_back), root acts as the owner of the backups, who has to own the server's files too, and lets systemd stop and
    start a server that it watches. Run as the owner itself, the server is started by C(pg_ctlcluster) or C(pg_ctl), and a warning says how systemd
    watches it again.
seealso:
  - module: titan.database.backup_stanza
  - module: titan.database.restore
  - module: titan.database.rescue
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Bring a dropped table back, beside the live ones
  titan.database.recover:
    login_unix_socket: /var/run/postgresql
    login_user: titan
    login_db: titan_trading
    dest: /var/lib/postgresql/backups/database
    before_drop: orders
    action: tables
    tables: [orders]

- name: Dump the database as it was one second before two
  titan.database.recover:
    login_db: titan_trading
    dest: /var/lib/postgresql/backups/database
    to: "2026-11-26 01:59:59+00"
    checks: [SELECT count(*) > 1000 FROM orders]
    action: dump

- name: Let the whole server go back to that second
  titan.database.recover:
    login_db: titan_trading
    dest: /var/lib/postgresql/backups/database
    to: "2026-11-26 01:59:59+00"
    action: place
    data_directory: /var/lib/postgresql/17/main
"""

RETURN = r"""
target:
  description: The moment.
  returned: success
  type: str
  sample: "2026-11-26 01:59:59+00"
backup:
  description: Label of pgBackRest's backup that recovery begins from; null if the archive does not reach the moment yet, in check mode.
  returned: success
  type: str
  sample: 20261125-020000F
lsn:
  description: Position in the write-ahead log at which recovery stops; null as RV(backup).
  returned: success
  type: str
  sample: 0/5002F98
timeline:
  description: The timeline whose log is followed; null as RV(backup).
  returned: success
  type: int
  sample: 1
proof:
  description:
    - What the recovered server says. C(last) and C(next) are the last transaction before the moment and the first one after it (null for none), with
      number, time of commit, and C(status) there. C(left_timeline) and C(left_at) say which timeline was left, and where; C(timeline) is the new one.
    - Null in check mode.
  returned: success
  type: dict
  sample:
    last: {transaction: 728, time: "2026-11-26 01:59:58.93+00", status: committed}
    next: {transaction: 729, time: "2026-11-26 02:00:00.4+00", status: aborted}
    left_timeline: 1
    left_at: 0/5002F98
    timeline: 2
checks:
  description: Each of O(checks), and why it did not hold; empty if it did.
  returned: success
  type: list
  elements: dict
  sample: [{sql: SELECT count(*) > 1000 FROM orders, problem: ""}]
dump:
  description: Path of the backup of the recovered database; null without one.
  returned: success
  type: str
  sample: /var/lib/postgresql/backups/database/recovered/titan_trading_20261126_091500.sql.gz
handed_on:
  description: What M(titan.database.restore) or M(titan.database.rescue) returned; null if neither was wanted.
  returned: success
  type: dict
  sample: {beside: {public.orders: public.orders_restored_20261126_091530}}
place:
  description:
    - What has taken the live cluster's place, with O(action=place) or O(put_back); null otherwise, and in check mode with O(action=place).
    - C(data_directory) is the live one, C(kept) where the former one is kept (O(put_back) takes this path), C(timeline) the server's, C(backup) the
      path of the proven backup of that timeline, and C(unit) the server's unit of systemd, if it had one.
  returned: success
  type: dict
  sample:
    data_directory: /var/lib/postgresql/17/main
    kept: /var/lib/postgresql/17/main.before_20261126_091500
    timeline: 2
    backup: /var/lib/postgresql/backups/database/20261126-091530D.pgbackrest.json
    unit: postgresql@17-main.service
"""

from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.recover, options.RECOVER)


if __name__ == "__main__":
    main()
