# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a rehearsal. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ..outcome import Data
from .timing import Range, Round, range_of

# Lock modes under which somebody who only reads, or only writes, has to wait.
STOPS_READERS = ("ACCESS EXCLUSIVE",)
STOPS_WRITERS = ("ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE")
STRENGTH = (
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)  # fmt: skip


@dataclass
class LockSeen:
    """A lock on a table, view or sequence that was there before.

    Attributes:
        relation: "schema.name", quoted where needed.
        mode: As PostgreSQL's documentation writes it.
        seconds: From the statement that took it (at the latest the moment when it was seen) to the transaction's end.
    """

    relation: str
    mode: str
    seconds: float = 0.0


@dataclass
class Sized:
    """A relation, or what is counted in it: bytes of a file, or rows."""

    relation: str
    number: int


@dataclass
class StatementSeen:
    """One statement; bytes and seconds.

    Attributes:
        file, line, action: Where it stands; line is 0 for what the run adds. apply or rollback.
        text: Shortened, without the literals of rows.
        alone: It commits by itself; locks that it held for a moment only may not have been seen.
        locks: The strongest on each relation, where its transaction had none that is as strong.
        documented: The lock that is expected from its text, and on which table; empty for none.
        rewritten: Tables with new files, and the bytes of those.
        built: New or rebuilt indexes, and their bytes.
        changed: Rows inserted, updated and deleted, by table.
        scanned: Tables that were read whole, and how many rows.
        wal, temporary, growth: Bytes of write-ahead log, of temporary files (-1: not seen), and by which the database grew at
            most while it ran.
        failure: Why it failed, in a few words; empty.
    """

    file: str
    line: int
    action: str
    text: str
    seconds: float = 0.0
    alone: bool = False
    locks: list[LockSeen] = field(default_factory=list)
    documented: tuple[str, str] = ("", "")
    rewritten: list[Sized] = field(default_factory=list)
    built: list[Sized] = field(default_factory=list)
    changed: list[Sized] = field(default_factory=list)
    scanned: list[Sized] = field(default_factory=list)
    wal: int = 0
    temporary: int = 0
    growth: int = 0
    failure: str = ""

    @property
    def room(self) -> int:
        """Bytes that it needed on the way."""
        return max(0, self.growth) + max(0, self.temporary) + self.wal

    @property
    def blocks(self) -> float:
        """The longest time for which a table was locked against its writers."""
        return max((lock.seconds for lock in self.locks if lock.mode in STOPS_WRITERS), default=0.0)

    def as_dict(self) -> Data:
        data = asdict(self)
        data["documented"] = {"lock": self.documented[0], "table": self.documented[1]}
        for name in ("rewritten", "built"):
            data[name] = [{"relation": each["relation"], "bytes": each["number"]} for each in data[name]]
        for name in ("changed", "scanned"):
            data[name] = [{"relation": each["relation"], "rows": each["number"]} for each in data[name]]
        return {**data, "needs": self.room}


@dataclass
class WayBack:
    """How the way back went.

    Attributes:
        tried: Whether it was walked.
        why: Why not, or what went wrong; empty.
        differences: What the schema has, after it, otherwise than before; then, what going forward again made otherwise.
    """

    tried: bool = False
    why: str = ""
    differences: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


@dataclass
class Seen:
    """All of it; rounds: the times forward, the first one watched; peak: bytes that the database was larger at most."""

    statements: list[StatementSeen] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    peak: int = 0
    failure: str = ""
    back: WayBack = field(default_factory=WayBack)
    warnings: list[str] = field(default_factory=list)

    @property
    def forward(self) -> list[StatementSeen]:
        return [each for each in self.statements if each.action == "apply"]

    @property
    def seconds(self) -> float:
        """Of the files' transactions in the first round, as they were by the clock."""
        return self.rounds[0].files.seconds if self.rounds else 0.0

    @property
    def files(self) -> Range:
        """What the files' transactions may take."""
        return range_of([each.files for each in self.rounds])

    @property
    def whole(self) -> Range:
        """What the run of them may take, with connecting, reading and planning, and the history."""
        return range_of([each.whole for each in self.rounds])

    @property
    def room(self) -> int:
        """Bytes needed on the way forward: the database at its largest, its log, and the largest temporary files."""
        log = sum(each.wal for each in self.forward)
        return self.peak + log + max((each.temporary for each in self.forward), default=0)
