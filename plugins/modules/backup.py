#!/usr/bin/python
# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a backup and prove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Take a backup of a database and prove it by a restore
version_added: "0.1.0"
description:
  - Dumps one database with C(pg_dump), writes a manifest beside the dump, restores the dump into a throw-away cluster and compares
    every table's rows, the schema, the sequences and the large objects with the source at the very snapshot of the dump.
  - The dump goes in one pass through the compressor and SHA-256 into a temporary file in O(dest), which gets its name when it is whole; the
    manifest is written last. Whatever fails leaves nothing that counts as a backup, and older backups are left alone.
  - A run always takes a backup, so it always reports C(changed), unless O(unless_verified_within) is given.
  - Only one run at a time works on the backups of one O(name); a second one fails and says which run holds the lock.
extends_documentation_fragment:
  - titan.database.connection
  - titan.database.attributes
  - titan.database.attributes.action_group
attributes:
  check_mode:
    support: full
    details: Checks all requirements and plans what would be removed; the time in the new file's name is not known yet.
  diff_mode:
    support: full
    details: Lists the backups before and after.
  idempotent:
    support: partial
    details: Only with O(unless_verified_within).
options:
  engine:
    description:
      - V(pg_dump) dumps one database. V(pgbackrest) lets pgBackRest take a physical backup of the whole cluster, which together with the archived
        write-ahead log can be restored to any moment since. O(dest) must have been prepared by M(titan.database.backup_stanza).
      - With V(pgbackrest) the backup is followed by a restore point, made at an instant whose content is known, and O(verify=restored) restores to
        that point in a scratch directory, compares the connected database with the fingerprint of that instant, and lets C(pg_amcheck) read every
        table and index of every database.
      - With V(pgbackrest) only O(dest), O(name), O(verify), O(unless_verified_within), O(lock_timeout), O(timeout), O(jobs), O(programs) and
        O(drill_dir) count beside the options that name it; compression, encryption, copies and retention are set in pgBackRest's own configuration.
        Its retention rules are applied after the new backup was proven, and never remove the newest proven one.
    type: str
    choices: [pg_dump, pgbackrest]
    default: pg_dump
  stanza:
    description:
      - With O(engine=pgbackrest), the stanza that O(dest) must be the directory of. Not checked if not given.
    type: str
  pgbackrest_config:
    description:
      - With O(engine=pgbackrest), the configuration file that O(dest) must point to. Not checked if not given.
    type: path
  type:
    description:
      - With O(engine=pgbackrest), the type of the backup. V(full) copies everything, V(diff) what has changed since the last full backup, V(incr)
        since the last backup.
      - V(auto) is V(full) when there is no sound full backup younger than O(full_every), else V(incr).
    type: str
    choices: [auto, full, diff, incr]
    default: auto
  full_every:
    description:
      - With O(type=auto), the age from which the newest full backup is followed by another one.
    type: str
    default: 7d
  dest:
    description:
      - Directory on the target host for the backups. It must exist, belong to the user that the module runs as (or to root), be no symbolic link and
        not be writable by group or others.
    type: path
    required: true
  name:
    description:
      - First part of the file names, which are C(<name>_YYYYMMDD_HHMMSS.<extension>) with the time in UTC.
      - The name of the database if not given. 1 to 63 letters, digits and C(. _ + -).
    type: str
  databases:
    description:
      - Databases of the connection's server to back up one after the other, each as if it were the connected one. V(*) stands for all that can be
        connected to and are no templates.
      - The files of each are called after the database, with O(name) before it if that is given. If one of them fails, the others are backed up all
        the same, and the module fails in the end.
      - Not with O(engine=pgbackrest), which backs up the whole cluster anyway.
    type: list
    elements: str
  format:
    description:
      - V(custom) is an archive for C(pg_restore), which restores in parallel and can be filtered.
      - V(plain) is a script that C(psql) alone can restore (C(.sql.gz)).
      - V(directory) is a directory of files, dumped with O(jobs) connections in parallel.
    type: str
    choices: [plain, custom, directory]
    default: custom
  compression:
    description:
      - V(zstd) needs the program C(zstd) on the target host (for O(format=directory), a C(pg_dump) built with it).
      - V(auto) is V(zstd) for O(format=custom) where the program is installed, else V(gzip). The manifest says which it was.
      - C(gzip) is done by C(pigz) where that is installed.
    type: str
    choices: [auto, gzip, zstd, none]
    default: auto
  verify:
    description:
      - V(restored) restores the backup into a throw-away cluster and compares it with the source. This needs the server's programs (C(initdb),
        C(postgres)) on the target host.
      - V(checksum) reads the file back and decodes it to its end. Use it where a restore takes too long every day, together with a weekly drill.
    type: str
    choices: [checksum, restored]
    default: restored
  drill_in:
    description:
      - Where O(verify=restored) restores.
      - V(cluster) makes a throw-away cluster on the target host; the source's server does not notice.
      - V(scratch_database) makes a database on the source's own server and drops it again, for hosts without the server's programs. The role needs
        C(CREATEDB) and must be able to give objects to their owners; the server writes the restore to its WAL.
    type: str
    choices: [cluster, scratch_database]
    default: cluster
  accept_superuser:
    description:
      - With O(drill_in=scratch_database), let a superuser load the dump into the database on the live server, with whose rights the database's own
        code then runs. Each run warns of it.
      - Without it, a superuser makes a role for the load that is none.
    type: bool
    default: false
  proof:
    description:
      - How a restore is shown to hold the source's rows.
      - V(hash) counts and hashes each table's rows on the source at the dump's snapshot, while C(pg_dump) runs, and again after the restore.
      - V(redump) only counts them on the source, and compares a second dump, of the restored database, with the text of the backup. It costs the
        source next to nothing beyond the dump.
    type: str
    choices: [hash, redump]
    default: hash
  keep:
    description:
      - Which backups of this O(name) stay; a backup stays when any of the rules wants it. Without any rule nothing is ever removed.
      - Only backups that are verified as far as O(verify) says count, and the newest verified one always stays. Unverified ones and files of others
        with such names go when they are older than the rules allow and a newer verified one exists.
      - Nothing is removed when the newest backup is not verified, is of another database or server than the ones before it, shrank by more than
        O(max_shrink), or is dated in the future; a warning and RV(removal_refused) say so.
    type: dict
    suboptions:
      days:
        description:
          - Keep backups that are at most this many days old.
        type: int
      last:
        description:
          - Keep the newest N backups.
        type: int
      weekly:
        description:
          - Keep the newest backup of each of the last N weeks that have one.
        type: int
      monthly:
        description:
          - Keep the newest backup of each of the last N months that have one.
        type: int
  max_shrink:
    description:
      - Share (0 to 1) by which a backup may have fewer rows or bytes than an older one before that one is not removed any more.
      - When the rows are rightly gone, say so once with O(accept_shrink).
    type: float
    default: 0.5
  accept_shrink:
    description:
      - Accept that the database has become smaller by more than O(max_shrink). This backup is then the measure; it and the backups after it are no
        longer compared with older ones, which go by the rules of O(keep).
      - Give it for one run, after looking at what has become fewer. The manifests remember it; a later shrink is found again.
    type: bool
    default: false
  accept_left_out:
    description:
      - "Names of what may be missing in the backup although it has rows: a table as C(schema.table), or a subscription. C(pg_dump) leaves out the
        tables that an extension owns and has not marked as its configuration, foreign tables, subscriptions when no superuser runs it, and unlogged
        tables on a standby."
      - Each is named in a warning, in the result, in every listing and in the manifest. What is accepted here stays in the manifest and is named
        nowhere else.
    type: list
    elements: str
  exclude_tables:
    description:
      - Tables that the backup leaves out, as C(schema.table), each with its partitions and children.
      - The manifest, the result and every listing say so, and the level says "restored, without …"; the proof covers the rest. A table that something
        else needs (a foreign key, a view, a function) cannot be left out; O(exclude_data_of) may do.
    type: list
    elements: str
  exclude_data_of:
    description:
      - Tables of which the backup holds the definition and no rows, as C(schema.table), each with its partitions and children.
      - Named in the same places. The rows of another table must not refer to them.
    type: list
    elements: str
  accept_other_source:
    description:
      - Also remove backups of another database or server (system identifier) than the newest one's, as after a move or an upgrade.
    type: bool
    default: false
  unless_verified_within:
    description:
      - Take no backup if there is one of this database that is not older than this and is verified as far as O(verify) says.
      - Numbers with units, such as V(26h), V(1 day) or V(1 day 2 hours).
    type: str
  globals:
    description:
      - Also write the cluster's roles (without passwords) and tablespaces into a file beside the dump.
    type: bool
    default: true
  pin:
    description:
      - Never remove this backup, whatever O(keep) says. M(titan.database.backup_pin) does the same with one that exists.
    type: bool
    default: false
  encrypt_to:
    description:
      - C(age) recipients (public keys) to encrypt the dump to while it is written; nothing readable is ever in O(dest). Needs the program C(age) on
        the target host.
      - O(verify=restored) then needs the key in O(identity), and has a readable copy in the throw-away cluster for as long as the drill lasts.
    type: list
    elements: str
  copy_to:
    description:
      - Command, as a list of words, that copies a file of the backup to another place, such as V(['rclone', 'copyto', '{path}',
        'offsite:titan/{file}']). It is run without a shell, once for each file, after the backup was verified.
      - C({path}) stands for the file's path and C({file}) for its name. If it fails, the module fails and removes nothing.
    type: list
    elements: str
  copy_back:
    description:
      - Command that writes the copy of a file to its standard output, such as V(['rclone', 'cat', 'offsite:titan/{file}']). Its SHA-256 is compared
        with the file's.
    type: list
    elements: str
  lock_timeout:
    description:
      - Seconds to wait for a table that another session has locked before the backup fails.
    type: int
    default: 60
  then:
    description:
      - "What else the restored copy is used for, once it is proven and before it is removed: V(rehearse) runs the pending migrations on it, as
        M(titan.database.rehearsal) does, then V(measure) tells what indexes are worth, as M(titan.database.index_effect) does."
      - Each needs its options in O(then_options). The backup counts as proven whatever comes of them; what did not pass is a warning. They get at
        most half of the time that O(timeout) leaves, and need O(verify=restored) and O(drill_in=cluster).
    type: list
    elements: str
    choices: [rehearse, measure]
  then_options:
    description:
      - "For each name in O(then) the options of its module, such as C({rehearse: {path: /srv/app/migrations}, measure: {queries:
        [/srv/app/queries]}}). Paths are on the target host. Those that name a backup, and how it is restored, are left out."
    type: dict
  job_config:
    description:
      - Path on the target host of the environment's configuration. The statistics report shows what came of O(then).
    type: path
  window:
    description:
      - Seconds that backups may take at most, from the start of the job to when the machine is needed again. A warning says when the dump and its
        proof took more than half of it. V(0) for no warning.
    type: int
    default: 0
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
  identity:
    description:
      - Path on the target host of an C(age) identity, the key to restore encrypted backups with.
    type: path
notes:
  - The role must be able to read every row, for example by C(pg_read_all_data) and, where tables have row security, C(BYPASSRLS).
  - Run as root, the throw-away cluster belongs to the user C(postgres), or to C(nobody), because C(initdb) refuses root.
seealso:
  - module: titan.database.backup_info
  - module: titan.database.backup_stanza
  - module: titan.database.backup_pin
  - module: titan.database.restore
author:
  - titan.database contributors (@titan-database)
"""

EXAMPLES = r"""
- name: Take a verified backup and keep 30 days
  titan.database.backup:
    env_file: /home/ubuntu/Titan/.env
    dest: /home/ubuntu/backups/database
    name: titan_prod
    format: plain
    keep:
      days: 30

- name: Have a verified backup from the last day before changing anything
  titan.database.backup:
    login_db: titan_trading
    login_unix_socket: /var/run/postgresql
    dest: /var/backups/titan
    unless_verified_within: 26h

- name: Let pgBackRest take a backup of the whole cluster, and prove it
  titan.database.backup:
    login_db: titan_trading
    login_unix_socket: /var/run/postgresql
    engine: pgbackrest
    dest: /var/backups/titan-db
    full_every: 7d
"""

RETURN = r"""
backup:
  description: The backup's manifest and its path; null in check mode when one would be taken.
  returned: success
  type: dict
  contains:
    path:
      description: The dump on the target host.
      type: str
      sample: /home/ubuntu/backups/database/titan_prod_20261122_020000.sql.gz
    size:
      description: Bytes of the dump.
      type: int
      sample: 5662310
    sha256:
      description: SHA-256 of the dump; of a directory, that of its sorted "sha256  file" lines.
      type: str
      sample: 3f786850e387550fdab836ed7e6dc881de23001b2f5f5c2a0d6f1c8f6b2f1e1d
    tables:
      description: Each table's schema, name, number of rows and hash of its content at the snapshot.
      type: list
      elements: dict
      sample: [{schema: public, name: orders, rows: 5000, hash: "-71234"}]
    row_hash:
      description: In which way the rows are hashed. A manifest without it is of an older version and is compared in that one's way.
      type: str
      sample: columns
    verified:
      description: What was shown (level V(checksum) or V(restored)), when, and how many tables and rows were compared.
      type: dict
      sample: {level: restored, at: "2026-11-22T02:00:09Z", problem: "", tables: 16, rows: 172000, seconds: 6.1}
backups:
  description: With O(databases), the backup of each database. RV(backup) is then the least proven of them.
  returned: with O(databases)
  type: list
  elements: dict
then:
  description: By each name in O(then) what its module returns, and C(failed); null without O(then).
  returned: with O(then)
  type: dict
  sample: {rehearse: {failed: false, passed: true}}
removed:
  description: Paths of the backups that were (in check mode, would be) removed.
  returned: success
  type: list
  elements: str
  sample: [/home/ubuntu/backups/database/titan_prod_20261022_020000.sql.gz]
removal_refused:
  description: Why nothing was removed although the rules of O(keep) would; empty if there was no such reason.
  returned: success
  type: str
  sample: ""
summary:
  description: The result in one line.
  returned: success
  type: str
  sample: "titan_prod_20261122_020000.sql.gz: 5662310 bytes, 16 tables, 172000 rows compared after restore; 1 old backup(s) removed."
"""

from ansible_collections.titan.database.plugins.module_utils._engine.after_backup import operation, options
from ansible_collections.titan.database.plugins.module_utils._module import run_module


def main() -> None:
    run_module(operation.backup, options.BACKUP)


if __name__ == "__main__":
    main()
