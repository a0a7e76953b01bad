# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the live server is stopped and started: by systemd, by Debian's pg_ctlcluster, or by pg_ctl. Who may do that."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Callable

from ...errors import TitanError
from ...host.act_as import acting_for, as_root, can_be_root, name_of
from ...host.programs import TimedOutError, run
from ...host.safe_open import UnsafePathError, read_file, regular_stream
from ...outcome import Data

_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.@\\-]*\.service")
_CLUSTERS = "/etc/postgresql"
_ENDS = 30  # seconds for a program beyond the server's own time


@dataclass(frozen=True)
class Control:
    """What starts and stops a server.

    Attributes:
        data: Its data directory, without links.
        programs: Directory of pg_ctl.
        arguments: What the server was started with, without its program and its data directory.
        log: Where pg_ctl lets the server write what it says before its own log is open.
        unit: Unit of systemd whose main process it is; empty for none.
        cluster: Version and name of Debian's cluster; empty for another one.
    """

    data: str
    programs: str
    arguments: tuple[str, ...] = ()
    log: str = os.devnull
    unit: str = ""
    cluster: tuple[str, ...] = ()

    @property
    def by_systemd(self) -> bool:
        """Whether systemd stops and starts it: it watches the server, and this process may ask it."""
        return bool(self.unit) and can_be_root()

    def __str__(self) -> str:
        if self.by_systemd:
            return f"systemctl ({self.unit})"
        return f"pg_ctlcluster {' '.join(self.cluster)}" if self.cluster else "pg_ctl"

    def as_state(self) -> Data:
        return asdict(self)

    def running(self) -> bool:
        """Whether a server runs on the data directory."""
        with acting_for([self.data]):
            return server_pid(self.data) is not None

    def stop(self, seconds: int) -> None:
        """Stop it, with its sessions ended and all that it has written archived.

        Raises:
            TitanError: it still runs.
        """
        if not self.running():
            return
        if self.by_systemd:
            said = self._systemctl("stop", seconds)
        else:
            argv = [
                os.path.join(self.programs, "pg_ctl"),
                "-D",
                self.data,
                "-m",
                "fast",
                "-t",
                str(seconds),
                "-w",
                "stop",
            ]
            with acting_for([self.data]):
                said = _said(argv, seconds)
        if self.running():
            raise TitanError(
                f"The server on {self.data} did not stop within {seconds} seconds (stop_timeout): {without_values(said)}"
            )

    def start(self, seconds: int) -> None:
        """Start it, and wait until it accepts connections.

        Raises:
            TitanError: it does not.
        """
        end = time.monotonic() + seconds
        while self._status() == "stopping":
            if time.monotonic() > end:
                raise TitanError(
                    f"The server on {self.data} is still shutting down. When it has ended, start it; to end it at once: "
                    f"pg_ctl -D {shlex.quote(self.data)} -m immediate stop"
                )
            time.sleep(0.1)
        if self.running():
            return
        before = self._log_size()
        if self.by_systemd:
            said = self._systemctl("start", seconds)
        else:
            with acting_for([self.data]):
                said = _said(self._start(seconds), seconds)
        while (found := self._status()) != "ready":
            if found is None or time.monotonic() > end:
                raise TitanError(
                    f"The server on {self.data} does not start: {without_values(f'{said} {self._log_since(before)}')}"
                )
            time.sleep(0.1)

    def require_unit(self) -> None:
        """Refuse to let root stop and start what is not the unit of the data directory's user: a record may name it, and root does
        not trust who can write there.

        Raises:
            TitanError: names the unit.
        """
        why = self.by_systemd and why_not_its_unit(self.unit, self.cluster, os.stat(self.data).st_uid, _user_of_unit)
        if why:
            raise TitanError(
                f"systemd's unit {self.unit!r} {why}: root does not stop and start it. Run this as {name_of(os.stat(self.data).st_uid)}."
            )

    def _systemctl(self, verb: str, seconds: int) -> str:
        self.require_unit()
        return _said(["systemctl", verb, "--", self.unit], seconds, root=True)

    def _start(self, seconds: int) -> list[str]:
        if self.cluster:
            return ["pg_ctlcluster", "--skip-systemctl-redirect", *self.cluster, "start"]
        argv = [os.path.join(self.programs, "pg_ctl"), "-D", self.data, "-w", "-t", str(seconds), "-l", self.log]
        return [*argv, *(["-o", shlex.join(self.arguments)] if self.arguments else []), "start"]

    def _status(self) -> str | None:
        """What the server says of itself in postmaster.pid; None if none runs."""
        with acting_for([self.data]):
            if server_pid(self.data) is None:
                return None
            lines = _pid_file(self.data)
            return lines[7].strip() if len(lines) > 7 else ""

    def _log_size(self) -> int:
        try:
            with acting_for([self.data]):
                return 0 if self.log == os.devnull else os.path.getsize(self.log)
        except OSError:
            return 0

    def _log_since(self, start: int) -> str:
        """What the server has logged of its start: before that, its sessions may have logged rows."""
        if self.log == os.devnull:
            return ""
        try:
            with acting_for([self.data]), regular_stream(self.log) as stream:
                stream.seek(start)
                return stream.read().decode(errors="replace")
        except (OSError, UnsafePathError):
            return ""


_VALUE = re.compile(r'(invalid value for parameter "[^"\n]*"|syntax error in file "[^"\n]*" line \d+)[^\n]*')


def without_values(text: str) -> str:
    """What a server says that does not start, in one line, without the values of its settings: some are secrets."""
    return " ".join(_VALUE.sub(r"\1", text).split())[-700:]


def why_not_its_unit(unit: str, cluster: Sequence[str], owner: int, user_of: Callable[[str], str]) -> str:
    """Why a unit of systemd is not that of a server of this user's, as the end of a sentence; empty if it is.

    Args:
        unit: Its name, as somebody says.
        cluster: Version and name of Debian's cluster, as somebody says; empty for none.
        owner: Number of the user.
        user_of: The user as whom systemd runs a unit, by its name; empty for root.
    """
    if not _UNIT.fullmatch(unit):
        return "is not a service"
    if cluster and unit == f"postgresql@{'-'.join(cluster)}.service":
        try:
            found = os.stat(os.path.join(_CLUSTERS, *cluster)).st_uid
        except OSError:
            return "is of a cluster that Debian does not know"
        return "" if found == owner else f"is of a cluster of {name_of(found)}"
    user = user_of(unit)
    return "" if user in (name_of(owner), str(owner)) else f"runs as {user or 'root'}, not as {name_of(owner)}"


def _user_of_unit(unit: str) -> str:
    return _said(["systemctl", "show", "--property=User", "--value", "--", unit], _ENDS)


def control_from(state: Mapping[str, Any]) -> Control:
    """What as_state has made."""
    return Control(**{**state, "arguments": tuple(state["arguments"]), "cluster": tuple(state["cluster"])})


def server_pid(data: str) -> int | None:
    """Number of the process that serves the directory; None for none. As its user."""
    try:
        number = int(_pid_file(data)[0])
        ours, its = os.stat(data), os.stat(f"/proc/{number}/cwd")
    except (OSError, ValueError, IndexError):
        return None
    return number if (ours.st_dev, ours.st_ino) == (its.st_dev, its.st_ino) else None


def _pid_file(data: str) -> list[str]:
    try:
        return read_file(os.path.join(data, "postmaster.pid")).decode(errors="replace").splitlines()
    except (OSError, UnsafePathError):
        return []


def _said(argv: Sequence[str], seconds: int, root: bool = False) -> str:
    """Run it and return what it said in one line; whether it did its work is seen by the caller."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LOGNAME") if name in os.environ}
    with tempfile.TemporaryFile() as stream:  # a pipe would be held open by the server
        options: Data = {
            "stdout": stream,
            "stderr": stream,
            "cwd": "/",
            "env": {**environment, "LC_ALL": "C"},
        }
        try:
            if root:
                with as_root():
                    run(argv, timeout=seconds + _ENDS, **options)
            else:
                run(argv, timeout=seconds + _ENDS, **options)
        except TimedOutError:
            return f"{os.path.basename(argv[0])} did not end"
        except OSError as error:
            return f"{argv[0]} cannot be started ({error.strerror})"
        stream.seek(0)
        return stream.read().decode(errors="replace").strip()[-2000:]
