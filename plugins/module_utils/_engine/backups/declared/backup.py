# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup."""

from __future__ import annotations

from ...text.options import Spec, option
from ..programs.codecs import CODECS

BACKUP: Spec = {
    "engine": option(
        "str",
        "V(pg_dump) dumps one database. V(pgbackrest) lets pgBackRest take a physical backup of the whole "
        "cluster, which together with the archived write-ahead log can be restored to any moment since. O(dest) "
        "must have been prepared by M(titan.database.backup_stanza).",
        "With V(pgbackrest) the backup is followed by a restore point, made at an instant whose content is "
        "known, and O(verify=restored) restores to that point in a scratch directory, compares the connected "
        "database with the fingerprint of that instant, and lets C(pg_amcheck) read every table and index of "
        "every database.",
        "With V(pgbackrest) only O(dest), O(name), O(verify), O(unless_verified_within), O(lock_timeout), "
        "O(timeout), O(jobs), O(programs) and O(drill_dir) count beside the options that name it; compression, "
        "encryption, copies and retention are set in pgBackRest's own configuration. Its retention rules are "
        "applied after the new backup was proven, and never remove the newest proven one.",
        default="pg_dump",
        choices=("pg_dump", "pgbackrest"),
        variable="backup_engine",
    ),
    "stanza": option(
        "str",
        "With O(engine=pgbackrest), the stanza that O(dest) must be the directory of. Not checked if not given.",
    ),
    "pgbackrest_config": option(
        "path",
        "With O(engine=pgbackrest), the configuration file that O(dest) must point to. Not checked if not given.",
    ),
    "type": option(
        "str",
        "With O(engine=pgbackrest), the type of the backup. V(full) copies everything, V(diff) what has changed "
        "since the last full backup, V(incr) since the last backup.",
        "V(auto) is V(full) when there is no sound full backup younger than O(full_every), else V(incr).",
        default="auto",
        choices=("auto", "full", "diff", "incr"),
        variable="backup_type",
    ),
    "full_every": option(
        "str",
        "With O(type=auto), the age from which the newest full backup is followed by another one.",
        default="7d",
        variable="backup_full_every",
    ),
    "dest": option(
        "path",
        "Directory on the target host for the backups. It must exist, belong to the user that the module runs "
        "as (or to root), be no symbolic link and not be writable by group or others.",
        required=True,
        variable="backup_dest",
        variable_default="/var/backups/titan-db",
    ),
    "name": option(
        "str",
        "First part of the file names, which are C(<name>_YYYYMMDD_HHMMSS.<extension>) with the time in UTC.",
        "The name of the database if not given. 1 to 63 letters, digits and C(. _ + -).",
        variable="backup_name",
    ),
    "databases": option(
        "list",
        "Databases of the connection's server to back up one after the other, each as if it were the connected one. V(*) stands for "
        "all that can be connected to and are no templates.",
        "The files of each are called after the database, with O(name) before it if that is given. If one of them fails, the others are "
        "backed up all the same, and the module fails in the end.",
        "Not with O(engine=pgbackrest), which backs up the whole cluster anyway.",
        elements="str",
        variable="backup_databases",
    ),
    "format": option(
        "str",
        "V(custom) is an archive for C(pg_restore), which restores in parallel and can be filtered.",
        "V(plain) is a script that C(psql) alone can restore (C(.sql.gz)).",
        "V(directory) is a directory of files, dumped with O(jobs) connections in parallel.",
        default="custom",
        choices=("plain", "custom", "directory"),
        variable="backup_format",
    ),
    "compression": option(
        "str",
        "V(zstd) needs the program C(zstd) on the target host (for O(format=directory), a C(pg_dump) built with it).",
        "V(auto) is V(zstd) for O(format=custom) where the program is installed, else V(gzip). The manifest "
        "says which it was.",
        "C(gzip) is done by C(pigz) where that is installed.",
        default="auto",
        choices=("auto", *CODECS),
        variable="backup_compression",
    ),
    "verify": option(
        "str",
        "V(restored) restores the backup into a throw-away cluster and compares it with the source. This needs "
        "the server's programs (C(initdb), C(postgres)) on the target host.",
        "V(checksum) reads the file back and decodes it to its end. Use it where a restore takes too long every "
        "day, together with a weekly drill.",
        default="restored",
        choices=("checksum", "restored"),
        variable="backup_verify",
    ),
    "drill_in": option(
        "str",
        "Where O(verify=restored) restores.",
        "V(cluster) makes a throw-away cluster on the target host; the source's server does not notice.",
        "V(scratch_database) makes a database on the source's own server and drops it again, for hosts without "
        "the server's programs. The role needs C(CREATEDB) and must be able to give objects to their owners; "
        "the server writes the restore to its WAL.",
        default="cluster",
        choices=("cluster", "scratch_database"),
        variable="backup_drill_in",
    ),
    "accept_superuser": option(
        "bool",
        "With O(drill_in=scratch_database), let a superuser load the dump into the database on the live server, with whose rights the "
        "database's own code then runs. Each run warns of it.",
        "Without it, a superuser makes a role for the load that is none.",
        default=False,
        variable="backup_accept_superuser",
    ),
    "proof": option(
        "str",
        "How a restore is shown to hold the source's rows.",
        "V(hash) counts and hashes each table's rows on the source at the dump's snapshot, while C(pg_dump) "
        "runs, and again after the restore.",
        "V(redump) only counts them on the source, and compares a second dump, of the restored database, with "
        "the text of the backup. It costs the source next to nothing beyond the dump.",
        default="hash",
        choices=("hash", "redump"),
        variable="backup_proof",
    ),
    "keep": option(
        "dict",
        "Which backups of this O(name) stay; a backup stays when any of the rules wants it. Without any rule "
        "nothing is ever removed.",
        "Only backups that are verified as far as O(verify) says count, and the newest verified one always "
        "stays. Unverified ones and files of others with such names go when they are older than the rules allow "
        "and a newer verified one exists.",
        "Nothing is removed when the newest backup is not verified, is of another database or server than the "
        "ones before it, shrank by more than O(max_shrink), or is dated in the future; a warning and "
        "RV(removal_refused) say so.",
        options={
            "days": option(
                "int",
                "Keep backups that are at most this many days old.",
            ),
            "last": option(
                "int",
                "Keep the newest N backups.",
            ),
            "weekly": option(
                "int",
                "Keep the newest backup of each of the last N weeks that have one.",
            ),
            "monthly": option(
                "int",
                "Keep the newest backup of each of the last N months that have one.",
            ),
        },
        variable="backup_keep",
        variable_default={"days": 30},
    ),
    "max_shrink": option(
        "float",
        "Share (0 to 1) by which a backup may have fewer rows or bytes than an older one before that one is not "
        "removed any more.",
        "When the rows are rightly gone, say so once with O(accept_shrink).",
        default=0.5,
        variable="backup_max_shrink",
    ),
    "accept_shrink": option(
        "bool",
        "Accept that the database has become smaller by more than O(max_shrink). This backup is then the "
        "measure; it and the backups after it are no longer compared with older ones, which go by the rules of "
        "O(keep).",
        "Give it for one run, after looking at what has become fewer. The manifests remember it; a later shrink "
        "is found again.",
        default=False,
        variable="backup_accept_shrink",
        scheduled=False,
    ),
    "accept_left_out": option(
        "list",
        "Names of what may be missing in the backup although it has rows: a table as C(schema.table), or a subscription. "
        "C(pg_dump) leaves out the tables that an extension owns and has not marked as its configuration, "
        "foreign tables, subscriptions when no superuser runs it, and unlogged tables on a standby.",
        "Each is named in a warning, in the result, in every listing and in the manifest. What is accepted "
        "here stays in the manifest and is named nowhere else.",
        elements="str",
        variable="backup_accept_left_out",
    ),
    "exclude_tables": option(
        "list",
        "Tables that the backup leaves out, as C(schema.table), each with its partitions and children.",
        'The manifest, the result and every listing say so, and the level says "restored, without …"; the proof covers the rest. '
        "A table that something else needs (a foreign key, a view, a function) cannot be left out; O(exclude_data_of) may do.",
        elements="str",
        variable="backup_exclude_tables",
    ),
    "exclude_data_of": option(
        "list",
        "Tables of which the backup holds the definition and no rows, as C(schema.table), each with its partitions and children.",
        "Named in the same places. The rows of another table must not refer to them.",
        elements="str",
        variable="backup_exclude_data_of",
    ),
    "accept_other_source": option(
        "bool",
        "Also remove backups of another database or server (system identifier) than the newest one's, as after "
        "a move or an upgrade.",
        default=False,
        variable="backup_accept_other_source",
    ),
    "unless_verified_within": option(
        "str",
        "Take no backup if there is one of this database that is not older than this and is verified as far as "
        "O(verify) says.",
        "Numbers with units, such as V(26h), V(1 day) or V(1 day 2 hours).",
    ),
    "globals": option(
        "bool",
        "Also write the cluster's roles (without passwords) and tablespaces into a file beside the dump.",
        default=True,
        variable="backup_globals",
    ),
    "pin": option(
        "bool",
        "Never remove this backup, whatever O(keep) says. M(titan.database.backup_pin) does the same with one "
        "that exists.",
        default=False,
    ),
    "encrypt_to": option(
        "list",
        "C(age) recipients (public keys) to encrypt the dump to while it is written; nothing readable is ever "
        "in O(dest). Needs the program C(age) on the target host.",
        "O(verify=restored) then needs the key in O(identity), and has a readable copy in the throw-away "
        "cluster for as long as the drill lasts.",
        elements="str",
        variable="backup_encrypt_to",
    ),
    "copy_to": option(
        "list",
        "Command, as a list of words, that copies a file of the backup to another place, such as V(['rclone', "
        "'copyto', '{path}', 'offsite:titan/{file}']). It is run without a shell, once for each file, after the "
        "backup was verified.",
        "C({path}) stands for the file's path and C({file}) for its name. If it fails, the module fails and "
        "removes nothing.",
        elements="str",
        variable="backup_copy_to",
    ),
    "copy_back": option(
        "list",
        "Command that writes the copy of a file to its standard output, such as V(['rclone', 'cat', "
        "'offsite:titan/{file}']). Its SHA-256 is compared with the file's.",
        elements="str",
        variable="backup_copy_back",
    ),
    "lock_timeout": option(
        "int",
        "Seconds to wait for a table that another session has locked before the backup fails.",
        default=60,
        variable="backup_lock_timeout",
    ),
    "then": option(
        "list",
        "What else the restored copy is used for, once it is proven and before it is removed: V(rehearse) runs the pending migrations on it, "
        "as M(titan.database.rehearsal) does, then V(measure) tells what indexes are worth, as M(titan.database.index_effect) does.",
        "Each needs its options in O(then_options). The backup counts as proven whatever comes of them; what did not pass is a warning. "
        "They get at most half of the time that O(timeout) leaves, and need O(verify=restored) and O(drill_in=cluster).",
        elements="str",
        choices=("rehearse", "measure"),
        variable="backup_then",
        variable_default=[],
    ),
    "then_options": option(
        "dict",
        "For each name in O(then) the options of its module, such as C({rehearse: {path: /srv/app/migrations}, measure: {queries: "
        "[/srv/app/queries]}}). Paths are on the target host. Those that name a backup, and how it is restored, are left out.",
        variable="backup_then_options",
        variable_default={},
    ),
    "job_config": option(
        "path",
        "Path on the target host of the environment's configuration. The statistics report shows what came of O(then).",
    ),
    "window": option(
        "int",
        "Seconds that backups may take at most, from the start of the job to when the machine is needed again. "
        "A warning says when the dump and its proof took more than half of it. V(0) for no warning.",
        default=0,
        variable="backup_window",
    ),
    "programs": option(
        "path",
        "Directory on the target host with PostgreSQL's programs of the server's major version or newer.",
        "If not given, the distribution's directories (such as C(/usr/lib/postgresql/17/bin)) and then E(PATH) "
        "are searched.",
        variable="backup_programs",
    ),
    "jobs": option(
        "int",
        "Parallel connections of C(pg_restore) in the drill, and of C(pg_dump) with C(format=directory).",
        default=2,
        variable="backup_jobs",
    ),
    "timeout": option(
        "int",
        "Seconds after which the whole run is ended as failed; V(0) for no limit.",
        default=21600,
        variable="backup_timeout",
    ),
    "drill_dir": option(
        "path",
        "Directory on the target host in which the throw-away cluster is made; it needs room for the database. "
        "At most 80 bytes long.",
        "C(/var/tmp) if not given.",
        variable="backup_drill_dir",
    ),
    "identity": option(
        "path",
        "Path on the target host of an C(age) identity, the key to restore encrypted backups with.",
        variable="backup_identity",
    ),
}
