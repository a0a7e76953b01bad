# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a physical backup into a throw-away directory and starting a server on it that nobody else can reach.

Two servers, one after the other: the first recovers, which needs pgBackRest and its repository, and accepts no connection, so
that none of the backup's code runs. The second one runs in a sandbox and is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Callable

from ...errors import TitanError
from ...host.safe_open import UnsafePathError, open_directory, read_file
from ...host.trees import give_tree
from ...postgres.cluster import THROW_AWAY, Cluster, make_folder
from ...postgres.control_data import control_data
from ...postgres.programs import Programs
from ...postgres.sandboxed import SandboxedCluster, drill_server, drill_user, ids_of
from ...steps import step
from ..load.event_triggers import no_event_triggers
from ..programs.pgbackrest import Stanza, call
from ..programs.pipeline import Deadline
from ..proof.cluster import drill_cluster, warn_of_no_sandbox

NEEDED = ("pg_dump", "pg_ctl", "postgres", "pg_controldata", "pg_amcheck")

_RECOVERY = re.compile(r"^((?:restore_command|recovery_target\w*)) = '((?:[^']|'')*)'", re.MULTILINE)
# Recovery needs as much of these as the source had; pg_controldata says how much that was.
_AS_BEFORE = ("max_connections", "max_worker_processes", "max_prepared_xacts", "max_locks_per_xact")
_SETTING = {"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}
_NEW_TABLESPACE = re.compile(r'FATAL: .*"pg_tblspc/\d+.*Permission denied')
_WHOLE_DAY = 86400
_HOST = ("No space left", "could not map anonymous shared memory", "Permission denied")


@contextmanager
def restored_cluster(
    stanza: Stanza,
    label: str,
    target: Sequence[str],
    superuser: str,
    programs: Programs,
    folder: str,
    deadline: Deadline,
    warn: Callable[[str], None],
) -> Iterator[Cluster]:
    """A running server on the restored backup, on a private socket only; everything is removed when the block ends.

    Args:
        stanza, label: The backup.
        target: Options of ``pgbackrest restore`` that say where recovery stops; see to_point.
        superuser: The cluster's.
        programs: Of the backup's major version.
        folder: Where the throw-away directory is made.
        deadline: When it must be done.
        warn: Takes the sentence that there is no sandbox on this host.

    Raises:
        TitanError: it does not restore, or does not start; details: of_the_backup when the backup is to blame.
    """
    with drill_cluster(programs, folder, deadline) as recovering:
        recover_into(recovering, stanza, label, target, programs, deadline)
        cluster = _handed_over(recovering, superuser, warn)
        try:
            with deadline.ends(cluster.end):
                _start(cluster, _settings(cluster, programs), "trust", deadline)
                yield cluster
        finally:
            cluster.end()


def recover_into(
    cluster: Cluster,
    stanza: Stanza,
    label: str,
    target: Sequence[str],
    programs: Programs,
    deadline: Deadline,
    more: Sequence[str] = (),
) -> None:
    """Restore a backup into the cluster's directory; a server that nobody can reach recovers it up to the target, and is stopped.

    Args:
        cluster: With a directory of its own for its folder.
        stanza, label, target, programs, deadline: As for restored_cluster.
        more: Settings of that server, as "name=value", that count more than those of a throw-away one.

    Raises:
        TitanError: as restored_cluster.
    """
    for path in (cluster.folder, cluster.data, cluster.socket, *(_inside(cluster, name) for name in "tl")):
        make_folder(path)
    step("drill.restore")
    _restore(stanza, label, target, cluster, deadline)
    step("drill.start")
    with _no_new_tablespaces(cluster):
        _start(cluster, [*_settings(cluster, programs), *_recovery(cluster), *more], "reject", deadline)
        _await_promotion(cluster, deadline)
    step("drill.recovered")
    cluster.stop()


def _handed_over(recovered: Cluster, superuser: str, warn: Callable[[str], None]) -> Cluster:
    """The same cluster, for a server in a sandbox, as whom drills run; without a sandbox where none can be made."""
    following = Cluster(recovered.programs, recovered.folder, user=drill_user())
    give_tree(recovered.folder, ids_of(recovered)[0], *ids_of(following))
    cluster, why = drill_server(recovered.programs, recovered.folder)
    if isinstance(cluster, SandboxedCluster):
        cluster.superuser[0] = superuser
    else:
        warn_of_no_sandbox(why, warn)
    return cluster


def _inside(cluster: Cluster, name: str) -> str:
    return os.path.join(cluster.folder, name)


def to_point(name: str) -> list[str]:
    """The options that stop at a restore point; for an empty name, at the first consistent moment of the backup.

    On the backup's own timeline, on which the restore point lies: the latest one may have left it earlier (a promotion, a
    restore to a moment before the backup).
    """
    return ["--type=name", f"--target={name}", "--target-timeline=current"] if name else ["--type=immediate"]


def _restore(stanza: Stanza, label: str, target: Sequence[str], cluster: Cluster, deadline: Deadline) -> None:
    """Locks, logs and queues of its own: production's archiving must not notice."""
    own = _inside(cluster, "l")
    call(
        stanza, "restore", f"--set={label}", f"--pg1-path={cluster.data}", *target, "--target-action=promote",
        "--archive-mode=off", f"--tablespace-map-all={_inside(cluster, 't')}", f"--lock-path={own}",
        f"--log-path={own}", "--log-level-file=off", timeout=deadline.left(),
    )  # fmt: skip


@contextmanager
def _no_new_tablespaces(cluster: Cluster) -> Iterator[None]:
    """Recovery may not make links to tablespaces: one that was created after the backup had begun would be linked to the
    source's own directory, and the pages in it overwritten with old ones. Those of the backup lie in the throw-away directory."""
    cluster.let_make_tablespaces(False)
    yield
    cluster.let_make_tablespaces(True)


# No worker of a subscription goes to the source's publisher, and none vacuums against our will.
_NO_WORKERS = ("max_logical_replication_workers=0", "autovacuum_freeze_max_age=2000000000")


def _settings(cluster: Cluster, programs: Programs) -> list[str]:
    """Our own configuration: the source's names its files, its ports and its archive."""
    settings = [*THROW_AWAY, *_NO_WORKERS, *no_event_triggers(programs.major)]
    return settings + [f"{_SETTING.get(name, name)}={value}" for name, value in _as_before(cluster, programs).items()]


def _recovery(cluster: Cluster) -> list[str]:
    """What pgBackRest has written for the recovery."""
    text = read_file(os.path.join(cluster.data, "postgresql.auto.conf")).decode(errors="surrogateescape")
    found = _RECOVERY.findall(text)  # among the source's settings, which are in its databases' encodings
    fixed = ["hot_standby=off", "recovery_target_timeline=current"]
    return fixed + [f"{name}={_recovery_value(value)}" for name, value in dict(found).items()]


def _start(cluster: Cluster, settings: Sequence[str], connections: str, deadline: Deadline) -> None:
    """Start the server; it lets everybody in who can reach its directory ("trust"), or nobody ("reject")."""
    for name, text in (
        ("postgresql.conf", ""),
        ("pg_hba.conf", f"local all all {connections}\n"),
        ("pg_ident.conf", ""),
    ):
        _write(os.path.join(cluster.data, name), text, ids_of(cluster))
    try:
        cluster.start(settings, timeout=int(deadline.left() or _WHOLE_DAY))
    except TitanError as error:
        raise _not_recovered(f"The restored cluster does not start: {error.message}") from error


def _await_promotion(cluster: Cluster, deadline: Deadline) -> None:
    """Wait until recovery has come to its target and the server has left it: pg_ctl does not wait for that."""
    while _status(cluster) != "ready":
        if not cluster.running():
            log = " ".join(cluster.log_tail().split())
            raise _not_recovered(f"The restored cluster does not recover: {log}")
        deadline.left()
        time.sleep(0.1)


def _status(cluster: Cluster) -> str:
    """What the server says in the eighth line of postmaster.pid: starting, standby, ready; empty if it says nothing."""
    try:
        lines = read_file(os.path.join(cluster.data, "postmaster.pid")).decode(errors="replace").splitlines()
    except (OSError, UnsafePathError):
        return ""
    return lines[7].strip() if len(lines) > 7 else ""


def _not_recovered(message: str) -> TitanError:
    if _NEW_TABLESPACE.search(message):
        return TitanError(
            "A tablespace was created after this backup had begun. A drill would write into the source's directory of it, so it "
            "stopped before that. Take another backup, which has the tablespace."
        )
    return TitanError(message, of_the_backup=not any(text in message for text in _HOST))


def _recovery_value(quoted: str) -> str:
    """The value; archive-get must not share a queue with production's."""
    return quoted.replace("''", "'").replace(" archive-get ", " --no-archive-async archive-get ")


def _write(path: str, text: str, ids: tuple[int, int]) -> None:
    """Replace the file, also where the backup has a link to the source's."""
    folder, name = os.path.split(path)
    directory = open_directory(folder, ids[0])
    try:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchown(descriptor, *ids)
            stream.write(text)
    finally:
        os.close(directory)


def _as_before(cluster: Cluster, programs: Programs) -> Mapping[str, str]:
    said, _complaint = control_data(programs.path("pg_controldata"), cluster.data, **cluster.identity())
    found = {name: said.get(f"{name} setting") for name in _AS_BEFORE}
    return {name: value for name, value in found.items() if value}
