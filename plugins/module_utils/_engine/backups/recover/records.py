# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_waldump prints, as records. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from ...errors import TitanError

COMMIT, RESTORE_POINT, OTHER = "commit", "restore point", "other"
_LOW = 2**32 - 1
_RECORD = re.compile(
    r"rmgr: (?P<manager>\w+) +len \(rec/tot\): +\d+/ +\d+, tx: +(?P<xid>\d+), lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), "
    r"prev [0-9A-F]+/[0-9A-F]+, desc: (?P<what>.*)"
)
_COMMITTED = re.compile(
    r"COMMIT(?:_PREPARED)? (?:(?P<xid>\d+): )?(?P<time>\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC(?P<more>;.*)?"
)
_RELATION = re.compile(r"(?:base|pg_tblspc/\d+/[^/ ]+)/(\d+)/(\d+)(?=[ ;]|$)")


class Record(NamedTuple):
    """One record.

    Attributes:
        lsn: Where it begins.
        kind: "commit", "restore point", or "other" (what only says how far the log goes).
        xid: Of the transaction, 32 bits; 0 for none.
        time: When it was committed; None for another kind.
        name: The restore point's.
        dropped: Relations whose storage the transaction removed, as (database's OID, number of the file).
        with_statistics: Whether it removed a relation's statistics: a DROP does, a TRUNCATE or a rewrite does not.
    """

    lsn: int
    kind: str
    xid: int = 0
    time: datetime | None = None
    name: str = ""
    dropped: tuple[tuple[int, int], ...] = ()
    with_statistics: bool = False


def lsn_from(text: str) -> int:
    """A log sequence number, as PostgreSQL writes it."""
    high, _slash, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & _LOW:X}"


def records_from(said: str, manager: str) -> Iterator[Record]:
    """The commits and restore points in what pg_waldump has printed about one resource manager.

    Raises:
        TitanError: it has printed a record in a form that is not known.
    """
    for line in said.split("\n"):
        if not line.startswith("rmgr: "):  # the rest of a name with a line break
            continue
        found = _RECORD.fullmatch(line)
        if not found or found["manager"] != manager:
            raise TitanError(f"pg_waldump printed output that cannot be parsed: {line[:200]!r}")
        lsn, what = lsn_from(found["lsn"]), found["what"]
        if manager == "Transaction" and what.startswith("COMMIT"):
            yield _commit(lsn, int(found["xid"]), what)
        elif manager == "XLOG" and what.startswith("RESTORE_POINT "):
            yield Record(lsn, RESTORE_POINT, name=what.partition(" ")[2])


def _commit(lsn: int, xid: int, what: str) -> Record:
    found = _COMMITTED.fullmatch(what)
    if not found:
        raise TitanError(f"pg_waldump printed output that cannot be parsed: {what[:200]!r}")
    day, _dot, fraction = found["time"].partition(".")
    time = datetime.fromisoformat(f"{day}.{fraction.ljust(6, '0')[:6]}").replace(tzinfo=timezone.utc)
    parts = (found["more"] or "").split("; ")
    removed = next((part for part in parts if part.startswith("rels: ")), "")
    dropped = tuple((int(database), int(file)) for database, file in _RELATION.findall(removed))
    statistics = any(re.search(r" 2/\d+/\d+", part) for part in parts if part.startswith("dropped stats:"))
    return Record(lsn, COMMIT, int(found["xid"] or xid), time, "", dropped, statistics)
