# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server must be set to so that pgBackRest can archive, and how it is set: read, planned, applied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database, sql
from ...postgres.sqlstates import INSUFFICIENT_PRIVILEGE
from ..programs.pgbackrest import PROGRAM, Stanza

_NAMES = ("wal_level", "archive_mode", "archive_command", "archive_library")
_RESTART = ("wal_level", "archive_mode")


@dataclass(frozen=True)
class ServerState:
    """What runs, and what the server's files say will run after a restart or reload (where that may be read)."""

    running: Mapping[str, str]
    configured: Mapping[str, str]


@dataclass(frozen=True)
class Need:
    """One setting that is not as it must be.

    Attributes:
        name, value: What it must be.
        found: What runs now.
        configured: Whether the server's files say so already.
        restart: Whether only a restart brings it about.
    """

    name: str
    value: str
    found: str
    configured: bool
    restart: bool

    def as_data(self) -> dict[str, object]:
        return {"name": self.name, "value": self.value, "found": self.found, "restart": self.restart}


def read_state(database: Database) -> ServerState:
    """Read the settings; the files' ones only if the role may."""
    running = {
        row["name"]: str(row["setting"])
        for row in database.rows("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(_NAMES),))
    }
    if "archive_command" not in running:
        raise TitanError(
            "The role cannot see archive_command, so it cannot be known whether the server archives. "
            "Grant it pg_read_all_settings (GRANT pg_read_all_settings TO the role)."
        )
    try:
        rows = database.rows(  # "error" is set for what waits for a restart, too
            "SELECT name, setting FROM pg_file_settings WHERE name = ANY(%s) ORDER BY seqno",
            (list(_NAMES),),
        )
    except DatabaseError as error:
        if error.sqlstate != INSUFFICIENT_PRIVILEGE:
            raise
        rows = []
    return ServerState(running, {row["name"]: str(row["setting"]) for row in rows})


def archive_command(stanza: Stanza) -> str:
    """The command that the server has to run for each segment of its write-ahead log."""
    words = [PROGRAM, f"--config={stanza.config}", f"--stanza={stanza.stanza}", "archive-push"]
    return " ".join(shlex.quote(word).replace("%", "%%") for word in words) + " %p"


def plan_needs(state: ServerState, stanza: Stanza) -> list[Need]:
    """The settings that must change, in the order in which a person reads them."""
    wanted = {
        "wal_level": ("replica", lambda value: value in ("replica", "logical")),
        "archive_mode": ("on", lambda value: value in ("on", "always")),
        "archive_command": (archive_command(stanza), lambda value: _pushes(value, stanza.stanza)),
        "archive_library": ("", lambda value: value == ""),
    }
    needs = []
    for name, (value, is_right) in wanted.items():
        found = state.running.get(name, "")
        hidden = name == "archive_command" and found == "(disabled)"
        if not is_right(found):
            configured = is_right(state.configured.get(name, found))
            needs.append(Need(name, value, found, configured, name in _RESTART or (hidden and configured)))
    return needs


def _pushes(command: str, stanza: str) -> bool:
    return "archive-push" in command and bool(re.search(rf"--stanza[= ]'?{re.escape(stanza)}(?![\w.-])", command))


def describe_needs(needs: Sequence[Need]) -> str:
    """The settings as a person has to write them."""
    return "; ".join(f"{need.name} = '{need.value}' (now '{need.found}')" for need in needs)


def alter_system(database: Database, needs: Sequence[Need]) -> None:
    """Write the settings into postgresql.auto.conf and let the server read it; it is never restarted."""
    for need in needs:
        database.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(need.name), sql.Literal(need.value)))
    database.execute("SELECT pg_reload_conf()")
