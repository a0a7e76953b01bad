# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a stanza ready: the server archives to it, the repository holds it, our directory points to it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ...errors import TitanError
from ...host.files import is_file_with, require_private_directory
from ...outcome import Call, Outcome
from ...postgres.database import Database, connect
from ...postgres.trust import is_superuser
from ..catalog.files import backup_lock
from ..catalog.naming import require_name
from ..catalog.physical import POINTER, pointer_text, write_pointer
from ..dump.source import read_system_identifier
from ..programs.pgbackrest import Stanza, find_info, require_config, require_stanza_name
from ..programs.pgbackrest import call as run_pgbackrest
from .server import Need, alter_system, describe_needs, plan_needs, read_state

_RELOADED = 10.0  # seconds for a reload to be seen


def prepare_stanza(call: Call) -> Outcome:
    """Configure (only when asked to) and check the server, create the stanza, and let pgBackRest check the whole way.

    Raises:
        TitanError: the server is not set up and may not be; or pgBackRest's check fails.
    """
    options = call.options
    stanza = Stanza(
        os.path.abspath(options["dest"]),
        require_name(options["name"] or options["stanza"]),
        require_stanza_name(options["stanza"]),
        os.path.abspath(options["pgbackrest_config"]),
    )
    missing = call.check_mode and not (os.path.lexists(stanza.dest) and os.path.lexists(stanza.config))
    if not missing:
        require_private_directory(stanza.dest, "dest")
        require_config(stanza.config)
    with connect(call.connection, "backup") as database:
        _require_primary(database)
        info = None if missing else find_info(stanza)
        if info:
            _require_same_cluster(database, stanza, info)
        needs = plan_needs(read_state(database), stanza)
        if needs and not options["configure_server"]:
            raise not_archiving(needs)
        to_set = [need for need in needs if not need.configured]
        if to_set:
            _require_superuser(database, to_set)
        absent = info is None
        pointed = is_file_with(os.path.join(stanza.dest, POINTER), pointer_text(stanza), 0o600)
        plan = [f"set {need.name} = '{need.value}'" for need in to_set]
        plan += [f"create stanza {stanza.stanza}"] if absent else []
        plan += [] if pointed else [f"write {os.path.join(stanza.dest, POINTER)}"]
        if plan and not call.check_mode:
            with backup_lock(stanza.dest, stanza.name, f"preparing stanza {stanza.stanza}"):
                needs = _apply(database, stanza, to_set, absent)
        return _outcome(stanza, plan, needs)


def _apply(database: Database, stanza: Stanza, to_set: list[Need], absent: bool) -> list[Need]:
    """Do it, let pgBackRest check it, and return what a restart still has to bring about."""
    if to_set:
        alter_system(database, to_set)
    if absent:
        run_pgbackrest(stanza, "stanza-create", timeout=600)
    end = time.monotonic() + _RELOADED
    needs = plan_needs(read_state(database), stanza)
    while any(not need.restart for need in needs) and time.monotonic() < end:
        time.sleep(0.1)
        needs = plan_needs(read_state(database), stanza)
    if not needs:
        run_pgbackrest(stanza, "check", timeout=900)
    write_pointer(stanza)
    return needs


def _outcome(stanza: Stanza, plan: list[str], needs: list[Need]) -> Outcome:
    restart = [need.name for need in needs]
    warnings = []
    if needs:
        warnings.append(
            f"Restart PostgreSQL to bring about {', '.join(restart)}; until then nothing is archived and no backup can be taken."
        )
    done = "; ".join(plan) or f"stanza {stanza.stanza} is ready"
    data = {"stanza": stanza.stanza, "actions": plan, "restart_required": restart}
    after = "".join(f"{line}\n" for line in plan)
    return Outcome(bool(plan), data, done, "", after, tuple(warnings))


def not_archiving(needs: list[Need]) -> TitanError:
    """The refusal to work with a server that does not archive to the stanza."""
    restart = " wal_level and archive_mode need a restart." if any(need.restart for need in needs) else ""
    return TitanError(
        f"The server does not archive to pgBackRest. It needs: {describe_needs(needs)}.{restart} Set that, or let "
        "titan.database.backup_stanza do it with 'configure_server: true' (role: backup_configure_server), and restart PostgreSQL "
        "when it suits you.",
        settings=[need.as_data() for need in needs],
    )


def _require_primary(database: Database) -> None:
    if database.in_recovery():
        raise not_here()


def not_here() -> TitanError:
    """The refusal to work on a standby, whose archive is the primary's."""
    return TitanError("The server is a standby. Run pgBackRest's jobs where the primary is.")


def _require_superuser(database: Database, to_set: list[Need]) -> None:
    """Also in check mode, which must not promise what a run may not do."""
    if not is_superuser(database):
        raise TitanError(
            "'configure_server' needs a superuser, which the role of this connection is not. Log in as one (the role backup logs in "
            f"as backup_pg_role), or set this by hand: {describe_needs(to_set)}."
        )


def _require_same_cluster(database: Database, stanza: Stanza, info: Mapping[str, Any]) -> None:
    """Else the server's write-ahead log would not be taken, or not be told from the other's."""
    current = max(info["db"], key=lambda each: int(each["id"]), default=None)
    found = read_system_identifier(database)
    if current and found and str(current["system-id"]) != found:
        raise TitanError(
            f"The repository's stanza {stanza.stanza!r} is of another cluster (PostgreSQL {current['version']}, system identifier "
            f"{current['system-id']}; this server's is {found}). Nothing was changed. Use another name for this server's stanza "
            "(role: backup_stanza) and another dest, or, if this server has replaced the other one (pg_upgrade, a new "
            f"cluster), first run, with {stanza.config} naming its data directory: pgbackrest --config={stanza.config} "
            f"--stanza={stanza.stanza} stanza-upgrade"
        )
