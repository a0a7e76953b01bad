# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where drills work: a private directory with a throw-away cluster, removed afterwards, also those of dead runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from ...postgres.cluster import Cluster
from ...postgres.programs import Programs
from ...postgres.sandboxed import SandboxedCluster, drill_server
from ...postgres.throw_away import SERVER_USERS, locked_directory
from ..programs.pipeline import Deadline

_KIND = "drill"


@contextmanager
def drill_cluster(
    programs: Programs, folder: str, deadline: Deadline, warn: Callable[[str], None] | None = None
) -> Iterator[Cluster]:
    """A cluster yet to be filled, in a private directory of its own in folder; in a sandbox, if warn is given.

    Args:
        programs: Of the server.
        folder: Where the directory is made.
        deadline: When the server is ended at the latest.
        warn: Takes the sentence that there is no sandbox on this host. None for a server that needs more than its directory.

    When the block ends, or the time is up, its server is ended; then everything is removed. Those of dead runs go first.

    Raises:
        OptionError: no directory can be made in folder.
    """
    with locked_directory(folder, _KIND, "drill_dir", SERVER_USERS) as made:
        cluster = Cluster(programs.folder, made)
        if warn:
            cluster, why = drill_server(programs.folder, made)
            if why:
                warn_of_no_sandbox(why, warn)
        try:
            with deadline.ends(cluster.end):
                yield cluster
        finally:
            cluster.remove()


def warn_of_no_sandbox(why: str, warn: Callable[[str], None]) -> None:
    warn(f"The drill's server runs as an ordinary program, because this host cannot create a sandbox ({why}).")


def sandbox_of(cluster: Cluster) -> str:
    """What the cluster's server runs in: "namespaces", "user <name>" for root, else "none"."""
    if isinstance(cluster, SandboxedCluster):
        return "namespaces"
    return f"user {cluster.user}" if cluster.user else "none"
