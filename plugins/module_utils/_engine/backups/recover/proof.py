# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both halves of the proof that a recovered cluster is at the moment: asked of the server itself, before anybody writes to it."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ...errors import TitanError
from ...host.safe_open import read_file
from ...outcome import Data
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database, connect
from .records import lsn_from, lsn_text
from .stop import Commit, Stop

_EPOCH = 2**32
_HISTORY = "{:08X}.history"
_LEFT = re.compile(r"(\d+)\s+([0-9A-F]+/[0-9A-F]+)")


class Proof(NamedTuple):
    """What the recovered server says.

    Attributes:
        last: What it says of the last transaction that has to be there: "committed"; empty if there is none.
        next: What it says of the first one that must not: "aborted", "not begun"; empty if there is none.
        left: Timeline that it left, and where.
        timeline: The one that it is on now.
    """

    last: str
    next: str
    left: tuple[int, int]
    timeline: int

    def as_data(self, stop: Stop) -> Data:
        return {
            "last": {**stop.last.as_data(), "status": self.last} if stop.last else None,
            "next": {**stop.next.as_data(), "status": self.next} if stop.next else None,
            "left_timeline": self.left[0], "left_at": lsn_text(self.left[1]), "timeline": self.timeline,
        }  # fmt: skip


def prove_moment(settings: ConnectionSettings, stop: Stop, system_identifier: str) -> Proof:
    """Ask the recovered server for both transactions, its identity and its timeline.

    Args:
        settings: Any database of it, as its superuser. Nothing has been written to it.
        stop: Where recovery was told to stop.
        system_identifier: The stanza's.

    Raises:
        TitanError: it is not at the moment.
    """
    with connect(settings, "recover") as database:
        found = str(database.value("SELECT system_identifier::text FROM pg_control_system()"))
        if found != system_identifier:
            raise TitanError(
                f"The recovered cluster has system identifier {found}, not {system_identifier}. Nothing was done with it."
            )
        proof = Proof(
            _status(database, stop.last) if stop.last else "",
            _status(database, stop.next) if stop.next else "",
            _left(database),
            int(database.value("SELECT timeline_id FROM pg_control_checkpoint()")),
        )
    _require(proof, stop)
    return proof


def _status(database: Database, commit: Commit) -> str:
    """The transaction's status; its number in the log has 32 bits, so that it is one of the last 2^32 before the next."""
    upcoming = int(database.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    number = upcoming - upcoming % _EPOCH + commit.xid
    if number >= upcoming and number - upcoming < _EPOCH // 2:
        return "not begun"
    number -= _EPOCH if number >= upcoming else 0
    found = database.value("SELECT pg_xact_status(%s::text::xid8)", (str(number),))
    return "too old to tell" if found is None else str(found)


def _left(database: Database) -> tuple[int, int]:
    """The timeline that was left last, and where: from the history that the server has written."""
    text = str(
        database.value(
            "SELECT pg_read_file('pg_wal/' || lpad(upper(to_hex(timeline_id)), 8, '0') || '.history') FROM pg_control_checkpoint()"
        )
    )
    return _left_in(text)


def _left_in(history: str) -> tuple[int, int]:
    timeline, lsn = _LEFT.findall(history)[-1]
    return int(timeline), lsn_from(lsn)


def prove_files(data: str, timeline: int, stop: Stop) -> None:
    """Look at the history of a recovered cluster that is shut down: it says where its former timeline was left.

    Args:
        data: Its data directory.
        timeline: The one that its control file names.
        stop: Where recovery was told to stop.

    Raises:
        TitanError: it is not at the moment.
    """
    history = read_file(os.path.join(data, "pg_wal", _HISTORY.format(timeline))).decode(errors="replace")
    _require(Proof("committed", "not begun", _left_in(history), timeline), stop)


def _require(proof: Proof, stop: Stop) -> None:
    wrong = []
    if stop.last and proof.last != "committed":
        wrong.append(f"transaction {stop.last.xid}, which was committed before the moment, is {proof.last}")
    if stop.next and proof.next == "committed":
        wrong.append(f"transaction {stop.next.xid}, which was committed after the moment, is there")
    timeline, left = proof.left
    if timeline != stop.timeline:
        wrong.append(f"it left timeline {timeline}, not {stop.timeline}")
    if (left <= stop.lsn) if stop.inclusive else (left > stop.lsn):
        wrong.append(f"it left it at {lsn_text(left)}, not at {lsn_text(stop.lsn)}")
    if wrong:
        raise TitanError(f"The recovered cluster is not at the moment: {'; '.join(wrong)}. Nothing was done with it.")
