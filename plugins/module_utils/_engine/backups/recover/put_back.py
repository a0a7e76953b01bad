# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: a data directory that was kept takes its place again, and the other one is kept."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from ...errors import DatabaseError, OptionError, TitanError
from ...host.act_as import acting_for, name_of
from ...outcome import Call, Outcome
from ...postgres.control_data import STATE, SYSTEM_IDENTIFIER, TIMELINE, control_data
from ...steps import step
from ..catalog.exchanges import BACK, EXCHANGE, PROVEN, Exchange, kept_directories, read_exchange
from ..catalog.files import backup_lock
from ..place.control import control_from
from ..place.exchange import exchange, heal, to_be_healed
from ..place.live import Live, read_live
from ..programs.pgbackrest import Stanza, read_info
from ..programs.pgbackrest import call as run_pgbackrest
from ..programs.pipeline import Deadline
from .hand_on import Doors
from .place import back_up, require_no_standbys, without_former
from .place_report import place_warnings, planned_back, put_back_outcome
from .search import newest_segment
from .target import given_targets

_FIELDS = {"system_identifier": SYSTEM_IDENTIFIER, "timeline": TIMELINE, "state": STATE}


def put_back(call: Call, doors: Doors, stanza: Stanza, deadline: Deadline) -> Outcome:
    """Exchange the live data directory for the kept one that the option names.

    Raises:
        TitanError: it cannot be; the live server runs as before.
    """
    options = call.options
    if given_targets(options):
        raise OptionError(
            "put_back", options["put_back"], f"It goes with no moment; leave out {given_targets(options)[0]!r}."
        )
    with backup_lock(stanza.dest, stanza.name, f"putting {options['put_back']} back"):
        healed = to_be_healed(stanza.dest) if call.check_mode else heal(stanza, call.settings)
        warnings = [healed] if healed else []
        done = _unfinished(call, stanza)
        if not done:
            live, runs = _live(call, stanza)
            require_no_standbys(live, options)
            planned = _planned(stanza, live, options["put_back"])
            if call.check_mode:
                return planned_back(planned, live, warnings)
            step("place.switch")
            if runs:
                run_pgbackrest(stanza, "check", timeout=deadline.left())
            call.say(f"Exchanging {live.data}; the server is unavailable for a moment ...")
            done = exchange(stanza, planned, call.connection, options["stop_timeout"], archive=runs)
            warnings += place_warnings(live) if runs else [_DID_NOT_RUN]
    return put_back_outcome(back_up(call, doors, done, deadline.left() or 0), warnings)


_DID_NOT_RUN = "The server did not run: which standbys followed it is unknown, and what it wrote last may be in the kept directory only."


def _live(call: Call, stanza: Stanza) -> tuple[Live, bool]:
    """The live server, and whether it runs: one that does not start is exchanged as the record of the last exchange knows it."""
    try:
        return read_live(call.settings), True
    except DatabaseError as error:
        former = read_exchange(stanza.dest)
        if not error.lost or former is None or control_from(former.control).running():
            raise
        user = name_of(os.stat(former.data).st_uid)
        return Live(control_from(former.control), former.system_identifier, (), (), (), user), False


def _unfinished(call: Call, stanza: Stanza) -> Exchange | None:
    """The same putting back, of an earlier run, that has no backup yet."""
    former = read_exchange(stanza.dest)
    if call.check_mode or not former or (former.direction, former.phase) != (BACK, PROVEN):
        return None
    return former if former.incoming == os.path.realpath(call.options["put_back"]) else None


def _planned(stanza: Stanza, live: Live, named: str) -> Exchange:
    former, kept, wanted = read_exchange(stanza.dest), kept_directories(stanza.dest), os.path.abspath(named)
    ours = [path for path in kept if os.path.dirname(path) == live.parent]
    if former is None or wanted not in ours:
        there = f"There are: {', '.join(ours)}." if ours else "None is kept here."
        raise OptionError("put_back", named, f"Name a data directory that was kept beside {live.data}. {there}")
    with acting_for([live.parent]):
        said = _control_data(live, wanted)
    if said["system_identifier"] != live.system_identifier:
        raise TitanError(
            f"{wanted} belongs to another cluster (system identifier {said['system_identifier']}). It was not put back."
        )
    if said["state"] != "shut down":
        raise TitanError(f"{wanted} was not shut down ({said['state']}). Check what uses it; it was not put back.")
    return Exchange(
        BACK,
        EXCHANGE,
        live.control.as_state(),
        incoming=wanted,
        outgoing=f"{live.data}.before_{datetime.now(timezone.utc):%Y%m%d_%H%M%S}",
        rejected=wanted,
        inode=os.stat(live.data).st_ino,
        moment=former.moment,
        system_identifier=live.system_identifier,
        timeline=int(said["timeline"]),
        newest=int(newest_segment(read_info(stanza))[:8], 16),
        kept=former.aside,
        former=without_former(former),
    )


def _control_data(live: Live, path: str) -> dict[str, str]:
    said, complaint = control_data(os.path.join(live.control.programs, "pg_controldata"), path, timeout=60)
    if not all(said.get(label) for label in _FIELDS.values()) or not said[TIMELINE].isdigit():
        raise TitanError(f"pg_controldata cannot read {path}: {complaint[:300]}")
    return {name: said[label] for name, label in _FIELDS.items()}
