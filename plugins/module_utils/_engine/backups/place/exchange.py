# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchange itself: the live server is stopped, two directories are renamed, the server is started and read back; or all as before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import DatabaseError, TitanError
from ...host.act_as import acting_for
from ...host.files import sync_directory
from ...postgres.cluster import Cluster
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from ...steps import step
from ..catalog.exchanges import (
    EXCHANGE,
    PREPARE,
    PROVEN,
    TAKE,
    Exchange,
    forget_exchange,
    read_exchange,
    unfinished_in,
    write_exchange,
)
from ..dump.source import read_system_identifier
from ..programs.pgbackrest import Stanza
from ..programs.pgbackrest import call as run_pgbackrest
from .control import Control, control_from

START = 300  # seconds for the server to start; it has been shut down cleanly
_LINGERING = 10.0  # seconds in which a program that has lost its parent ends
_CONNECT = 30.0  # seconds in which a server that has just started accepts our connection


def exchange(
    stanza: Stanza, planned: Exchange, settings: ConnectionSettings, stop_timeout: int, archive: bool = True
) -> Exchange:
    """Let the incoming directory take the live one's place; whatever fails, the live one is back in it and runs.

    Args:
        stanza: Whose archive gets what the server has written last.
        planned: Its record, as far as it has come.
        settings: The connection to the server, before and afterwards.
        stop_timeout: Seconds for the server to stop.
        archive: Whether what it has written last has to be in the archive first.

    Raises:
        TitanError: it has not come about; the message says what is live.
    """
    control = control_from(planned.control)
    _require_free(planned)
    begun = planned.now(EXCHANGE)
    write_exchange(stanza.dest, begun)
    try:
        step("place.stop")
        control.stop(stop_timeout)
        step("place.archive")
        if archive:
            _archive_the_rest(stanza, control)
        _rename(begun)
        step("place.start")
        control.start(START)
        step("place.proof")
        require_exchanged(begun, settings)
    except BaseException as error:
        said = _back_again(stanza, begun, error)
        if isinstance(error, TitanError):
            raise TitanError(f"{error.message} {said}") from error
        if isinstance(error, OSError):
            raise TitanError(
                f"The directories were not exchanged ({error.filename}: {error.strerror}). {said}"
            ) from error
        raise
    proven = begun.now(PROVEN)
    step("place.proven")
    write_exchange(stanza.dest, proven)
    return proven


def _back_again(stanza: Stanza, begun: Exchange, why: BaseException) -> str:
    try:
        return take_back(stanza, begun)
    except TitanError as error:
        raise TitanError(
            f"The exchange failed ({why}), and the live directory could not be put back: {error.message} It is {begun.outgoing} or "
            f"{begun.data}; run the same command again, which goes on with that."
        ) from error


def _archive_the_rest(stanza: Stanza, control: Control) -> None:
    """A server that stops lets its last segment be archived; what was not, is now, so that nothing written is lost."""
    with acting_for([control.data]):
        log = os.path.join(control.data, "pg_wal")
        ready = sorted(name for name in os.listdir(os.path.join(log, "archive_status")) if name.endswith(".ready"))
        for name in ready:
            path = os.path.join(log, name.removesuffix(".ready"))
            run_pgbackrest(stanza, "archive-push", "--no-archive-async", timeout=START, parameters=(path,))


def _require_free(planned: Exchange) -> None:
    for path in (planned.outgoing, planned.rejected):
        if os.path.lexists(path) and path != planned.incoming:
            raise TitanError(f"{path} already exists. Rename it. The live server was not touched.")


def _rename(begun: Exchange) -> None:
    with acting_for([os.path.dirname(begun.data)]):
        step("place.aside")
        os.rename(begun.data, begun.outgoing)
        sync_directory(os.path.dirname(begun.data))
        step("place.in")
        os.rename(begun.incoming, begun.data)
        sync_directory(os.path.dirname(begun.data))


def take_back(stanza: Stanza, begun: Exchange) -> str:
    """The live directory is in its place again, and its server runs; return the sentence that says so."""
    control = control_from(begun.control)
    with acting_for([os.path.dirname(begun.data)]):
        away, came = _is_live(begun, begun.outgoing), os.path.isdir(begun.data)
        if not away and not _is_live(begun, begun.data):
            raise TitanError(
                f"Neither {begun.data} nor {begun.outgoing} is the directory that was live when the exchange began. "
                "Look where it is, and rename it by hand."
            )
    beside = ""
    if away and came:
        control.stop(START)
    with acting_for([os.path.dirname(begun.data)]):
        if away:
            if came:
                os.rename(begun.data, begun.rejected)
                beside = begun.rejected
            os.rename(begun.outgoing, begun.data)
            sync_directory(os.path.dirname(begun.data))
    step("place.back")
    control.start(START)
    remove_folder(begun)
    forget_exchange(stanza.dest, begun, beside if begun.direction == TAKE else "")
    kept = f" The other one is kept: {beside}." if beside else ""
    return f"The live server runs on its own data directory as before.{kept}"


def _is_live(begun: Exchange, path: str) -> bool:
    """Whether the directory is the one that was live when the exchange began."""
    return os.path.isdir(path) and os.stat(path).st_ino == begun.inode


def remove_folder(begun: Exchange) -> None:
    """Remove what was made around the incoming directory, and that, if it is still there; a program of a dead run may write there yet."""
    if not begun.folder:
        return
    end = time.monotonic() + _LINGERING
    with acting_for([os.path.dirname(begun.data)]):
        Cluster("", begun.folder).remove()
        while os.path.lexists(begun.folder) and time.monotonic() < end:
            time.sleep(0.05)
            Cluster("", begun.folder).remove()


def require_exchanged(begun: Exchange, settings: ConnectionSettings) -> None:
    """Ask the server, by the connection that it was reached by before, whether it serves the incoming directory.

    Raises:
        TitanError: it does not, or is not what was expected.
    """
    with _connected(settings) as database:
        wrong = []
        identifier = read_system_identifier(database)
        if identifier != begun.system_identifier:
            wrong.append(f"its system identifier is {identifier}, not {begun.system_identifier}")
        if database.in_recovery():
            wrong.append("it is in recovery")
        else:
            timeline = int(str(database.value("SELECT pg_walfile_name(pg_current_wal_lsn())"))[:8], 16)
            if timeline != begun.timeline:
                wrong.append(f"it is on timeline {timeline}, not {begun.timeline}")
        if begun.last and (status := _status(database, begun.last)) not in ("committed", "None"):
            wrong.append(f"transaction {begun.last}, which was committed before the moment, is {status}")
    if wrong:
        raise TitanError(f"The server that has taken the place is not the recovered one: {'; '.join(wrong)}.")


def _status(database: Database, xid: int) -> str:
    """What it says of a transaction below 2^32 behind its next one; "None" for one too old to tell."""
    upcoming = int(database.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    number = upcoming - upcoming % 2**32 + xid
    number -= 2**32 if number >= upcoming else 0
    return str(database.value("SELECT pg_xact_status(%s::text::xid8)", (str(number),)))


@contextmanager
def _connected(settings: ConnectionSettings) -> Iterator[Database]:
    end = time.monotonic() + _CONNECT
    while True:
        try:
            database = connect(settings, "recover")
            break
        except DatabaseError as error:
            if time.monotonic() > end or not error.lost:
                raise TitanError(
                    f"The server that has taken the place does not let this role in: {error.message}"
                ) from error
            time.sleep(0.2)
    with database:
        yield database


def heal(stanza: Stanza, settings: ConnectionSettings | None) -> str:
    """End what a run that was cut off has left: the exchange is completed if its server runs and is proven, else taken back.

    Returns:
        A sentence; empty if there was nothing.

    Raises:
        TitanError: it could not be ended.
    """
    begun = read_exchange(stanza.dest)
    if begun is None or not begun.unfinished:
        return ""
    if begun.phase == PREPARE:
        remove_folder(begun)
        forget_exchange(stanza.dest, begun)
        return "A recovery that was to take the live cluster's place was interrupted before it touched that; what it had created was removed."
    if settings and _is_there(begun, settings):
        write_exchange(stanza.dest, begun.now(PROVEN))
        remove_folder(begun)
        return f"An interrupted exchange was complete: {begun.data} is {_what(begun)}, proven now."
    return f"An interrupted exchange was undone. {take_back(stanza, begun)}"


def _what(begun: Exchange) -> str:
    return f"the cluster as of {begun.moment}" if begun.direction == TAKE else "the one that was put back"


def _is_there(begun: Exchange, settings: ConnectionSettings) -> bool:
    with acting_for([os.path.dirname(begun.data)]):
        if not (_is_live(begun, begun.outgoing) and os.path.isdir(begun.data)):
            return False
    if not control_from(begun.control).running():
        return False
    try:
        require_exchanged(begun, settings)
    except TitanError:
        return False
    return True


def to_be_healed(dest: str) -> str:
    """What heal would have to do, for check mode; empty for nothing."""
    said = unfinished_in(dest)
    return said and (
        f"{said} A run without check mode ends that first: it undoes it, unless the other server runs already and is proven."
    )
