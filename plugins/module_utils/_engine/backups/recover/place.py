# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proven moment takes the live cluster's place: recovered once more beside it, exchanged for it, backed up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ...errors import TitanError
from ...host.act_as import acting_for
from ...host.files import sync_directory
from ...outcome import Call, Data
from ...postgres.cluster import Cluster, unprivileged_user
from ...postgres.control_data import TIMELINE, control_data
from ...steps import step
from ...text.arguments import complete
from ..catalog.entry import PHYSICAL
from ..catalog.exchanges import DONE, PREPARE, TAKE, Exchange, forget_exchange, read_exchange, write_exchange
from ..catalog.physical import system_identifier
from ..declared.backup import BACKUP
from ..load.room import drill_room, require_room
from ..pgbackrest.restored_cluster import recover_into
from ..place.configuration import bring_configuration
from ..place.exchange import START, exchange, remove_folder
from ..place.live import Live, read_live, require_named
from ..programs.pgbackrest import call as run_pgbackrest
from ..programs.pipeline import Deadline
from .hand_on import Doors
from .proof import prove_files
from .search import newest_segment
from .source import Source
from .stop import Stop
from .target import Target

# Unlike a throw-away cluster's: what is written has to survive, and to be archived once the cluster is in its place.
_LASTING = (
    "fsync=on", "synchronous_commit=on", "full_page_writes=on", "wal_level=replica", "archive_mode=on", "archive_command=",
    "unix_socket_directories=../s",
)  # fmt: skip


def live_for(call: Call) -> Live:
    """The live server, if its place may be taken.

    Raises:
        TitanError: it may not; nothing was done.
    """
    live, options = read_live(call.settings), call.options
    if not call.check_mode or options["data_directory"]:
        require_named(live.data, options["data_directory"])
    require_no_standbys(live, options)
    owner = unprivileged_user()
    if owner and owner.pw_name != live.user:
        raise TitanError(f"{live.data} belongs to {live.user}: run this as {live.user}, not as root.")
    return live


def require_no_standbys(live: Live, options: Mapping[str, Any]) -> None:
    """Refuse to leave those behind who follow the live server, unless that is accepted.

    Raises:
        TitanError: names them.
    """
    if live.standbys and not options["accept_standbys"]:
        raise TitanError(
            f"The live server is followed by: {'; '.join(live.standbys)}. They cannot follow the other cluster and would have to be "
            "made again. Accept that with 'accept_standbys' (--accept-standbys yes)."
        )


def require_placeable(live: Live, source: Source, stop: Stop) -> None:
    """Refuse another cluster's place, and one without room beside it.

    Raises:
        TitanError: says which; nothing was done.
    """
    wanted = system_identifier(source.info, source.backup(stop.base))
    if live.system_identifier != wanted:
        raise TitanError(
            f"The connection is to another cluster (system identifier {live.system_identifier}) than the one that the stanza "
            f"{source.stanza.stanza!r} holds ({wanted}). It was not replaced."
        )
    room = drill_room(int(source.backup(stop.base)["info"]["size"]))
    require_room([(live.parent, room)], "The recovered cluster is created beside the live one. Make room there.")


def take_place(call: Call, live: Live, source: Source, target: Target, stop: Stop) -> Exchange:
    """Recover the moment beside the live data directory, and exchange both.

    Raises:
        TitanError: it has not come about; the live server runs as before.
    """
    stanza, options = source.stanza, call.options
    planned = _planned(live, source, target, stop)
    write_exchange(stanza.dest, planned)
    try:
        call.say(f"Recovering once more, into {planned.folder} beside the live data directory ...")
        planned = _prepared(planned, live, source, stop)
        _require_time(source.deadline, options["stop_timeout"])
        call.say("Letting the server archive what it has written since ...")
        step("place.switch")
        run_pgbackrest(stanza, "check", timeout=source.deadline.left())
    except BaseException:
        remove_folder(planned)
        forget_exchange(stanza.dest, planned)
        raise
    call.say(f"Exchanging {live.data}; the server is unavailable for a moment ...")
    done = exchange(stanza, planned, call.connection, options["stop_timeout"])
    remove_folder(done)
    return done


def _planned(live: Live, source: Source, target: Target, stop: Stop) -> Exchange:
    former, stamp = read_exchange(source.stanza.dest), f"{datetime.now(timezone.utc):%Y%m%d_%H%M%S}"
    folder = os.path.join(live.parent, f"titan-place-{stamp}")
    return Exchange(
        TAKE,
        PREPARE,
        live.control.as_state(),
        incoming=os.path.join(folder, "data"),
        outgoing=f"{live.data}.before_{stamp}",
        rejected=f"{live.data}.recovered_{stamp}",
        inode=os.stat(live.data).st_ino,
        folder=folder,
        moment=str(target),
        system_identifier=live.system_identifier,
        last=stop.last.xid if stop.last else 0,
        newest=int(newest_segment(source.info)[:8], 16),
        kept=former.aside if former else (),
        former=without_former(former),
    )


def without_former(exchanged: Exchange | None) -> Data:
    """The record of an exchange, without the one before it."""
    return {**asdict(exchanged), "former": {}} if exchanged else {}


def _prepared(planned: Exchange, live: Live, source: Source, stop: Stop) -> Exchange:
    """Recover into the folder, look at what came out, and give it the live one's configuration."""
    step("place.prepare")
    with acting_for([live.parent]):
        cluster = Cluster(source.programs.folder, planned.folder)
        with source.deadline.ends(cluster.end):
            try:
                recover_into(
                    cluster,
                    source.stanza,
                    stop.base.label,
                    stop.restore_options,
                    source.programs,
                    source.deadline,
                    _LASTING,
                )
            finally:
                cluster.stop("immediate")
        timeline = _timeline(cluster, source)
        prove_files(cluster.data, timeline, stop)
        step("place.configure")
        bring_configuration(live.data, cluster.data, live.files)
        sync_directory(cluster.data)
    prepared = planned.now(PREPARE, timeline=timeline)
    write_exchange(source.stanza.dest, prepared)
    return prepared


def _timeline(cluster: Cluster, source: Source) -> int:
    said, _complaint = control_data(source.programs.path("pg_controldata"), cluster.data, timeout=60)
    if not said.get(TIMELINE, "").isdigit():
        raise TitanError(
            f"pg_controldata does not show the timeline of {cluster.data}. The live server was not touched."
        )
    return int(said[TIMELINE])


def _require_time(deadline: Deadline, stop_timeout: int) -> None:
    """An exchange that has begun is not to be cut off by the limit of the run."""
    left, needed = deadline.left(), stop_timeout + START
    if left is not None and left < needed:
        raise TitanError(
            f"{left:.0f} seconds of 'timeout' are left, and an exchange may take {needed}. The live server was not touched. "
            "Give a higher 'timeout'."
        )


def back_up(call: Call, doors: Doors, done: Exchange, stop_after: float) -> Exchange:
    """Take and prove a backup of the timeline that the server is on now.

    Raises:
        TitanError: it failed; the server runs on the directory that has taken the place.
    """
    step("place.backup")
    options = call.options
    given = {
        "engine": PHYSICAL, "dest": options["dest"], "type": "diff", "programs": options["programs"], "jobs": options["jobs"],
        "drill_dir": options["drill_dir"], "timeout": max(int(stop_after), 1) if stop_after else 0,
    }  # fmt: skip
    call.say("Taking a backup of the new timeline ...")
    try:
        outcome = doors.backup(call._replace(options=complete(given, BACKUP), check_mode=False))
    except TitanError as error:
        raise TitanError(
            f"{done.data} was exchanged, and its server runs and is proven; but its timeline has no proven backup yet: {error.message} "
            "Run the same command again, which takes it, or titan-db backup."
        ) from error
    finished = done.now(DONE, backup=str(outcome.data["backup"]["path"]))
    write_exchange(options["dest"], finished)
    return finished
