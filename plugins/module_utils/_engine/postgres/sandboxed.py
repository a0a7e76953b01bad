# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away cluster whose server can reach nothing: whatever code the data brings along runs in there."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatabaseError, TitanError
from ..host.safe_open import open_file
from ..host.sandbox import Sandbox, why_no_sandbox
from .cluster import Cluster
from .database import connect
from .throw_away import DRILL_USERS


@dataclass(frozen=True)
class SandboxedCluster(Cluster):
    """A cluster whose server runs in a sandbox and ends with this process.

    Attributes:
        superuser: Name of the superuser, set by create.
    """

    superuser: list[str] = field(default_factory=lambda: ["postgres"])
    _started: list[Sandbox] = field(default_factory=list)

    def create(
        self,
        passwords: bool = False,
        locale: Sequence[str] = ("--encoding=UTF8", "--locale=C"),
        superuser: str = "postgres",
        limit: float | None = None,
    ) -> None:
        self.superuser[0] = superuser
        super().create(passwords, locale, superuser, limit)

    def start(self, settings: Sequence[str] = (), timeout: int = 60, limit: float | None = None) -> None:
        """Start the server in the sandbox and wait until it accepts connections."""
        self.configure(settings)
        user, group = ids_of(self)
        env = {"PATH": os.defpath, "LC_ALL": "C"}
        log = os.path.join(self.folder, "server.log")
        with os.fdopen(open_file(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as output:
            program = os.path.realpath(os.path.join(self.programs, "postgres"))
            server = Sandbox([program, "-D", self.data], self.folder, _installation(program), user, group, output, env)
        self._started.append(server)
        deadline = time.monotonic() + min(timeout, limit if limit is not None else timeout)
        while not self._accepts():
            if server.status is not None or time.monotonic() > deadline:
                why = (
                    f"ended with status {server.status}" if server.status is not None else "does not accept connections"
                )
                self.end()
                raise TitanError(f"The server of the drill {why}: {' '.join(self.log_tail().split())}")
            time.sleep(0.02)

    def _accepts(self) -> bool:
        if not os.path.exists(os.path.join(self.socket, f".s.PGSQL.{self.port}")):
            return False
        try:
            connect(self.local_settings("postgres", self.superuser[0]), "drill").close()
        except DatabaseError:
            return False
        return True

    def running(self) -> bool:
        return any(server.status is None for server in self._started)

    def end(self) -> None:
        """Kill the server and whatever runs in its sandbox."""
        for server in self._started:
            server.end()


def _installation(program: str) -> list[str]:
    """The directories of the server's installation: its own, and those of its libraries and templates."""
    folder = os.path.dirname(program)
    beside = [os.path.join(os.path.dirname(folder), name) for name in ("lib", "lib64", "share")]
    packaged = [
        f"{parent}.libs" for parent in Path(folder).parents
    ]  # where a Python package has its libraries, such as libpq
    return [folder, *filter(os.path.isdir, [*beside, *packaged])]


def ids_of(cluster: Cluster) -> tuple[int, int]:
    """User and group number of the server's owner."""
    owner = cluster.owner
    return (owner.pw_uid, owner.pw_gid) if owner else (os.geteuid(), os.getegid())


def drill_user() -> str:
    """The name of the user as whom root runs a drill's server; empty for anybody else.

    Raises:
        TitanError: there is none.
    """
    if os.geteuid() != 0:
        return ""
    for name in DRILL_USERS:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise TitanError(
        f"A drill by root needs one of the users {', '.join(DRILL_USERS)}: create one, without a password."
    )


def drill_server(programs: str, folder: str) -> tuple[Cluster, str]:
    """The cluster of a drill in the folder, and why it is in no sandbox; empty if it is.

    Args:
        programs: Directory of initdb and postgres.
        folder: Made for the cluster.
    """
    user = drill_user()
    plain = Cluster(programs, folder, user=user)
    plain.make_folder(folder)
    why = why_no_sandbox(folder, *ids_of(plain))
    return (plain, why) if why else (SandboxedCluster(programs, folder, user=user), "")
