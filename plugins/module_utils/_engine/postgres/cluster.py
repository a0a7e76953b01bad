# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL cluster of our own: made, started, stopped, removed.

Used for drills, and by the demo and the tests as their server.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import TitanError
from ..host.files import make_directories
from ..host.limits import ended_by, is_limit, limit_in, reason
from ..host.programs import run_until
from ..host.safe_open import UnsafePathError, change_mode, hand_over, open_file, read_file
from .connection import ConnectionSettings

# For a cluster whose content is thrown away: nothing has to survive a crash.
THROW_AWAY = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
    "autovacuum=off", "max_wal_size=4GB", "shared_buffers=128MB", "maintenance_work_mem=256MB", "archive_mode=off",
    "logging_collector=off", "jit=off", "log_min_messages=log", "log_min_error_statement=panic", "log_error_verbosity=terse",
)  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """One cluster on this machine.

    Attributes:
        programs: Directory of initdb, pg_ctl and postgres.
        folder: Directory made for the cluster; holds data/, the socket directory s/ and the server's log.
        port: TCP port on 127.0.0.1 when listening, else only the socket file's number.
        listen: Also listen on 127.0.0.1.
        user: Name of the user as whom root runs the server; "" for the usual one (see unprivileged_user).
    """

    programs: str
    folder: str
    port: int = 5432
    listen: bool = False
    user: str = ""

    @property
    def owner(self) -> pwd.struct_passwd | None:
        """Whom root runs the server as; None for anybody else, who runs it himself."""
        return pwd.getpwnam(self.user) if self.user and os.geteuid() == 0 else unprivileged_user()

    def identity(self) -> dict[str, Any]:
        """Keywords for subprocess: run as the server's owner."""
        owner = self.owner
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}

    def make_folder(self, path: str) -> None:
        """Make the directory, if it is missing, for the server's owner alone (mode 0700)."""
        private_directory(path, self.owner)

    @property
    def data(self) -> str:
        return os.path.join(self.folder, "data")

    @property
    def socket(self) -> str:
        return os.path.join(self.folder, "s")

    def settings(self, database: str = "postgres", user: str = "postgres") -> ConnectionSettings:
        """Connection settings: over TCP when listening, else over the private socket."""
        if self.listen:
            return ConnectionSettings(host="127.0.0.1", port=self.port, user=user, database=database)
        return self.local_settings(database, user)

    def local_settings(self, database: str = "postgres", user: str = "postgres") -> ConnectionSettings:
        """Connection settings over the private socket, which trusts whoever can reach its directory (mode 0700)."""
        return ConnectionSettings(socket=self.socket, port=self.port, user=user, database=database, own=True)

    def create(
        self,
        passwords: bool = False,
        locale: Sequence[str] = ("--encoding=UTF8", "--locale=C"),
        superuser: str = "postgres",
        limit: float | None = None,
    ) -> None:
        """Run initdb.

        Args:
            passwords: Ask for passwords (scram-sha-256) on TCP connections; the private socket always trusts.
            locale: initdb's encoding and locale options.
            superuser: Name of the superuser.
            limit: Seconds after which initdb is killed; None for no limit.
        """
        self.make_folder(self.folder)
        self.make_folder(self.socket)
        auth = ["--auth-local=trust", f"--auth-host={'scram-sha-256' if passwords else 'trust'}"]
        self.run_program("initdb", "--no-sync", f"--username={superuser}", *auth, *locale, limit=limit)

    def start(self, settings: Sequence[str] = (), timeout: int = 60, limit: float | None = None) -> None:
        """Start the server and wait until it accepts connections, at most timeout seconds, and limit if that is given."""
        self.configure(settings)
        log = os.path.join(self.folder, "server.log")
        self.run_program("pg_ctl", "-w", "-t", str(timeout), "-l", log, "start", limit=limit)

    def configure(self, settings: Sequence[str] = ()) -> None:
        """Write the server's settings: where it listens, and those given as "name=value"."""
        listen = "127.0.0.1" if self.listen else ""
        lines = [
            f"listen_addresses = '{listen}'",
            f"port = {self.port}",
            f"unix_socket_directories = '{_quoted(self.socket)}'",
        ]
        lines += [f"{name} = '{_quoted(value)}'" for name, _equals, value in (item.partition("=") for item in settings)]
        with os.fdopen(
            open_file(os.path.join(self.data, "postgresql.auto.conf"), os.O_WRONLY | os.O_CREAT), "wb"
        ) as conf:
            conf.truncate(0)
            conf.write(("\n".join(lines) + "\n").encode())

    def stop(self, mode: str = "fast") -> None:
        """Stop the server if it runs; mode is pg_ctl's (smart, fast, immediate)."""
        if self.running():
            self.run_program("pg_ctl", "-w", "-m", mode, "stop")

    def running(self) -> bool:
        """Whether the process that postmaster.pid names lives and is a server on this data directory."""
        pid = self.pid()
        if pid is None:
            return False
        try:  # the command line, which everybody may read; not the working directory, which root in a container may not
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.data) in arguments

    def pid(self) -> int | None:
        try:
            return int(read_file(os.path.join(self.data, "postmaster.pid")).split(b"\n", 1)[0])
        except (OSError, ValueError, UnsafePathError):
            return None

    def remove(self) -> None:
        """Kill the server if it still runs and delete everything in the folder."""
        if self.running():
            self.end()
            for _attempt in range(100):
                if not self.running():
                    break
                time.sleep(0.05)
        self.let_make_tablespaces(True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def let_make_tablespaces(self, allowed: bool) -> None:
        """Whether the server may make and remove links to tablespaces; it can use those that are there."""
        owner = self.owner
        with suppress(OSError, UnsafePathError):  # removed, or exchanged for what is not the cluster's
            mode = 0o700 if allowed else 0o500
            change_mode(os.path.join(self.data, "pg_tblspc"), mode, owner.pw_uid if owner else os.geteuid())

    def end(self) -> None:
        """Tell the server, if it runs, to end at once, whatever it is doing."""
        pid = self.pid()
        if pid is not None and self.running():
            os.kill(pid, signal.SIGQUIT)

    def run_program(self, program: str, *arguments: str, limit: float | None = None) -> None:
        """Run a server program on the data directory, as an unprivileged user when we are root."""
        path = os.path.join(self.programs, program)
        owner = self.owner
        output = os.path.join(self.folder, f"{program}.out")
        try:
            with os.fdopen(
                open_file(output, os.O_RDWR | os.O_CREAT), "w+b"
            ) as stream:  # a pipe would be held open by the server
                stream.truncate(0)
                status = run_until(
                    [path, "-D", self.data, *arguments], limit,
                    stdout=stream, stderr=stream, cwd="/",
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}, **self.identity(),
                )  # fmt: skip
                stream.seek(0)
                said = stream.read().decode(errors="replace")
        except OSError as error:
            if is_limit(error):
                raise TitanError(f"{path} cannot be started: {reason(error)}.") from error
            raise TitanError(
                f"{path} cannot be started{' as user ' + owner.pw_name if owner else ''} ({error.strerror}). "
                "The PostgreSQL server programs must be installed and readable for that user."
            ) from error
        if status:
            log = self.log_tail() if program == "pg_ctl" else ""
            why = limit_in(said + log) or " ".join((said[-1500:] + log).split())
            ended = f"failed with status {status}: {why}" if status > 0 else ended_by(-status)
            raise TitanError(f"{program} {ended}")

    def log_tail(self) -> str:
        """The end of the server's log; empty if there is none."""
        try:
            return read_file(os.path.join(self.folder, "server.log")).decode(errors="replace")[-1500:]
        except (OSError, UnsafePathError):
            return ""


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom to run server programs as: nobody else (None), or for root, whom they refuse, postgres or nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise TitanError(
        "PostgreSQL refuses to run as root, and neither of the users 'postgres' and 'nobody' exists to run it as. Create the user 'postgres'."
    )


def identity() -> dict[str, Any]:
    """Keywords for subprocess: for root, run as the unprivileged user; else nothing."""
    owner = unprivileged_user()
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}


def give_away(path: str) -> None:
    """Give what root made to the unprivileged user; else nothing."""
    private_directory(path, unprivileged_user())


def make_folder(path: str) -> None:
    """Make the directory, if it is missing, for the unprivileged user alone (mode 0700)."""
    private_directory(path, unprivileged_user())


def private_directory(path: str, owner: pwd.struct_passwd | None) -> None:
    """Make the directory, if it is missing; root gives it to the owner, who may be above it and exchange what lies there.

    Raises:
        OSError: as of os.mkdir.
        UnsafePathError: there is a link, or what belongs neither to root nor to that owner, or holds what is not the owner's.
    """
    make_directories(path, 0o700)
    if owner:
        hand_over(path, owner.pw_uid, owner.pw_gid)
