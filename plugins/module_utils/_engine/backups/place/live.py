# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live server, seen from this host: its files, its process, its settings, who follows it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import NamedTuple

from ...errors import DatabaseError, OptionError, TitanError
from ...host.act_as import acting_for, can_be_root, name_of
from ...host.programs import TimedOutError, run
from ...host.safe_open import UnsafePathError, read_file
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from ..dump.source import read_system_identifier
from ..pgbackrest.stanza import not_here
from .control import Control, server_pid
from .startable import require_startable

_DEBIAN = re.compile(r"/etc/postgresql/(\d+(?:\.\d+)?)/([^/]+)/postgresql\.conf")
_FILES = """
SELECT DISTINCT file FROM (
  SELECT sourcefile::text AS file FROM pg_settings WHERE sourcefile IS NOT NULL
  UNION ALL
  SELECT setting FROM pg_settings WHERE setting <> '' AND name IN ('config_file', 'hba_file', 'ident_file', 'ssl_cert_file', 'ssl_key_file',
    'ssl_ca_file', 'ssl_crl_file', 'ssl_dh_params_file', 'krb_server_keyfile')) named
"""
_STANDBYS = """
SELECT format('%s at %s', coalesce(nullif(application_name, ''), 'process ' || pid), coalesce(client_addr::text, 'this host'))
  FROM pg_stat_replication
UNION ALL
SELECT format('slot %s (%s%s)', slot_name, slot_type, CASE WHEN active THEN ', in use' ELSE '' END) FROM pg_replication_slots
 WHERE NOT temporary
 ORDER BY 1
"""


class Live(NamedTuple):
    """The live server.

    Attributes:
        control: What stops and starts it.
        system_identifier: Its cluster's.
        databases: Names of all databases but the templates.
        standbys: Who follows it, a few words each.
        files: Files of its configuration, absolute.
        user: Whose it is.
    """

    control: Control
    system_identifier: str
    databases: tuple[str, ...]
    standbys: tuple[str, ...]
    files: tuple[str, ...]
    user: str

    @property
    def data(self) -> str:
        return self.control.data

    @property
    def parent(self) -> str:
        return os.path.dirname(self.data)


def read_live(settings: ConnectionSettings | None) -> Live:
    """Look at the server that the connection leads to.

    Raises:
        TitanError: it does not run, is not on this host, is a standby, or is not ours to stop and start.
    """
    if settings is None:
        raise TitanError(
            "Without a connection to the live server its place cannot be taken. Name its host, port and role."
        )
    with connect(settings, "recover") as database:
        if database.in_recovery():
            raise not_here()
        named, config = _setting(database, "data_directory"), _setting(database, "config_file")
        started = int(database.value("SELECT floor(extract(epoch FROM pg_postmaster_start_time()))::bigint"))
        identifier = read_system_identifier(database)
        databases = [r["name"] for r in database.rows(
            "SELECT datname::text AS name FROM pg_database WHERE NOT datistemplate ORDER BY 1")]  # fmt: skip
        standbys = [row["format"] for row in database.rows(_STANDBYS)]
        files = [row["file"] for row in database.rows(_FILES)]
        spaces = [r["name"] for r in database.rows(
            "SELECT spcname::text AS name FROM pg_tablespace WHERE spcname !~ '^pg_(default|global)$' ORDER BY 1")]  # fmt: skip
    data = os.path.realpath(named)
    if not os.path.isdir(data):
        raise TitanError(f"The server's data directory {named!r} is not on this host. Run this where the server runs.")
    user = name_of(os.stat(data).st_uid)
    _require_user(data, user)
    with acting_for([data]):
        pid = _process(data, started)
        control = _control(data, pid, config)
        _require_exchangeable(data, spaces)
    if control.unit and not control.cluster and not can_be_root():
        raise TitanError(
            f"systemd watches the server as {control.unit}, and only root may ask it to stop and start it. Run this as root."
        )
    control.require_unit()
    require_startable(control)
    return Live(
        control, identifier, tuple(databases), tuple(standbys), tuple(os.path.join(data, f) for f in files), user
    )


def require_named(data: str, named: str | None) -> None:
    """The confirmation: whoever lets a data directory be exchanged names it.

    Raises:
        OptionError: it is not named, or another one is.
    """
    if named and os.path.realpath(named) == data:
        return
    raise OptionError(
        "data_directory",
        named,
        f"Every database of this server is exchanged. Confirm that by naming the live data directory: {data}.",
    )


def _setting(database: Database, name: str) -> str:
    try:
        return str(database.value("SELECT current_setting(%s)", (name,)))
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        raise TitanError(
            f"The role cannot see {name}, so it cannot be known what is to be exchanged. "
            "Grant it pg_read_all_settings (GRANT pg_read_all_settings TO the role)."
        ) from None


def _require_user(data: str, user: str) -> None:
    if os.geteuid() and os.stat(data).st_uid != os.geteuid():
        raise TitanError(
            f"{data} belongs to {user}. Only {user} or root may exchange it: sudo -u {user} titan-db recover."
        )


def _process(data: str, started: int) -> int:
    """The server's process.

    Raises:
        TitanError: the process on the directory is not the server that was asked.
    """
    pid = server_pid(data)
    try:
        lines = read_file(os.path.join(data, "postmaster.pid")).decode(errors="replace").splitlines()
    except (OSError, UnsafePathError):
        lines = []
    if pid is None or len(lines) < 3 or abs(int(lines[2]) - started) > 5:
        raise TitanError(
            f"The server that the connection leads to is not the one on {data} of this host. Run this where it runs."
        )
    if pid == 1:
        raise TitanError(
            "The server is the first process of its container, which ends with it: exchange the directory from outside."
        )
    return pid


def _control(data: str, pid: int, config: str) -> Control:
    program = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    with open(f"/proc/{pid}/cmdline", "rb") as stream:
        arguments = [os.fsdecode(each) for each in stream.read().split(b"\0")[1:-1]]
    debian = _DEBIAN.fullmatch(os.path.realpath(config)) if shutil.which("pg_ctlcluster") else None
    said = os.readlink(f"/proc/{pid}/fd/2") if os.path.exists(f"/proc/{pid}/fd/2") else ""
    log = said if said.startswith("/") and os.path.isfile(said) else os.devnull
    return Control(
        data,
        os.path.dirname(program),
        tuple(_without_directory(arguments)),
        log,
        _unit(pid),
        debian.groups() if debian else (),
    )


def _without_directory(arguments: list[str]) -> list[str]:
    kept, waiting = [], iter(arguments)
    for each in waiting:
        if each == "-D":
            next(waiting, None)
        elif not each.startswith("-D"):
            kept.append(each)
    return kept


def _unit(pid: int) -> str:
    """The unit of systemd whose main process it is; empty for none."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as stream:
        names = {line.strip().rpartition("/")[2] for line in stream}
    for name in sorted(each for each in names if each.endswith(".service")):
        try:
            done = run(
                ["systemctl", "show", "--property=MainPID", "--value", name], capture_output=True, timeout=30, cwd="/"
            )
        except (OSError, TimedOutError):
            return ""
        if done.stdout.strip() == str(pid).encode():
            return name
    return ""


def _require_exchangeable(data: str, tablespaces: list[str]) -> None:
    """Refuse what a rename does not exchange."""
    parent = os.path.dirname(data)
    by_hand = "Restore into its place by pgBackRest itself, as the guide to pgBackRest says (By pgBackRest itself)."
    if tablespaces:
        raise TitanError(
            f"The cluster has tablespaces ({', '.join(tablespaces)}), which lie outside its data directory. {by_hand}"
        )
    if os.path.islink(os.path.join(data, "pg_wal")):
        raise TitanError(
            f"{os.path.join(data, 'pg_wal')} is a link: the log lies outside the data directory. {by_hand}"
        )
    if os.path.lexists(os.path.join(data, "patroni.dynamic.json")):
        raise TitanError(
            f"Patroni runs the server on {data}, and would start it again. Use Patroni's own command (patronictl)."
        )
    if os.path.ismount(data):
        raise TitanError(f"{data} is a file system of its own and cannot be renamed. {by_hand}")
    if not os.access(parent, os.W_OK | os.X_OK):
        user = name_of(os.stat(data).st_uid)
        raise TitanError(
            f"{parent} cannot be written to by {user}, so that {data} cannot be renamed. Give it to {user}: chown {user} {shlex.quote(parent)}"
        )
