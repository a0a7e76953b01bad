# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that a file keeps until its transaction ends, and whether the server has room for them."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.database import Database, TransactionState
from ...postgres.lock_room import lock_room
from ...postgres.sqlstates import OUT_OF_MEMORY
from ..files.script import Script
from ..sql.statements import created
from .problem import Problem

# The server keeps some memory beside what it is told to; it may hold a few hundred locks more.
_SPARE, _BESIDE = 1.5, 500
# For each relation that a file names, as a rule one that it does not: the index of a primary key, a TOAST table.
_WITH_THEM = 2


def locks_kept(script: Script) -> int:
    """The relations that the file certainly makes in one transaction; each is locked until the end."""
    if not script.whole:
        return 0
    made = (created(statement) for statement in script.statements)
    return sum(1 for one in made if one is not None and one.kind == "relation")


def too_many_locks(database: Database, script: Script) -> list[Problem]:
    """The problem that the server certainly has no room for the file's locks, if that is so."""
    wanted = locks_kept(script)
    if wanted <= _BESIDE:
        return []
    room = lock_room(database)
    if wanted <= _SPARE * room.locks + _BESIDE:
        return []
    said = (
        f"its one transaction makes {wanted:,} tables, views, sequences and indexes and keeps a lock on each, and the server has "
        f"room for about {room.locks:,} locks. {room.advice(_WITH_THEM * wanted)} Or split the file"
    )
    return [Problem(script.file, script.statements[0].line, said)]


def room_after(database: Database, script: Script, error: DatabaseError) -> str:
    """What to do when locks have run out, as sentences that begin with a blank; else empty. Asked after the rollback."""
    if error.sqlstate != OUT_OF_MEMORY or "max_locks_per_transaction" not in error.message:
        return ""
    if database.closed or database.transaction_state != TransactionState.IDLE:
        return ""
    room, wanted = lock_room(database), locks_kept(script)
    makes = f", and this file makes {wanted:,} relations" if wanted > 1 else ""
    return f" The server has room for about {room.locks:,} locks of all sessions{makes}. {room.advice(_WITH_THEM * wanted)} Or split the file."
