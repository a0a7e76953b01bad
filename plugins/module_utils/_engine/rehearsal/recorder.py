# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes down what each statement of a run does: the observer that the run is given."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import DatabaseError
from ..migrations.files.script import shortened
from ..migrations.run.lock_levels import lock_of
from ..migrations.sql.lexer import split
from ..migrations.sql.tokens import LexerError
from ..postgres.database import Database
from .changes import State, changes_between, read_state
from .in_the_way import rows_in_the_way
from .second_session import Held, Numbers, SecondSession
from .seen import STRENGTH, LockSeen, StatementSeen
from .timing import Timing

_SHOWN = 200


class Recorder(Timing):
    """Keeps what was seen of each statement; what was rolled back and tried again is dropped.

    Its clock stands still while it asks its own questions, so that nobody's lock seems to be held longer for them.

    Attributes:
        statements: Of what was committed.
        failed: The statements of the transaction that was rolled back last, if nothing came after it.
    """

    by_statement = True

    def __init__(self, second: SecondSession) -> None:
        super().__init__()
        self.statements: list[StatementSeen] = []
        self.failed: list[StatementSeen] = []
        self._second = second
        self._database: Database | None = None
        self._file, self._action, self._text = "", "apply", ""
        self._open: list[StatementSeen] = []
        self._taken: list[tuple[LockSeen, float]] = []
        self._strengths: dict[int, int] = {}
        self._sent = 0.0
        self._state, self._numbers = State(), Numbers(0, 0)
        self._running: StatementSeen | None = None
        self.first_size = second.numbers().size
        self.peak = 0

    def connected(self, database: Database) -> None:
        super().connected(database)
        self._database, self._second.pid = database, database.server_pid

    def file_begins(self, file: str, action: str) -> None:
        self._file, self._action = file, action

    def transaction_begins(self) -> None:
        self._open, self._taken, self._strengths, self.failed = [], [], {}, []
        super().transaction_begins()

    def statement_begins(self, text: str, line: int) -> None:
        with self._pause():
            self._text, documented = _first_statement(text)
            shown = shortened(self._text, _SHOWN) or "(an index that an earlier file left out)"
            self._running = StatementSeen(self._file, line, self._action, shown, documented=documented)
            if self._database is not None:
                self._state = read_state(self._database)
            self._numbers = self._second.numbers()
            self._second.temporary()
            self._second.begin()
        super().statement_begins(text, line)
        self._sent = self.now()

    def statement_ends(self, error: DatabaseError | None) -> None:
        seen, self._running = self._running, None
        if seen is None:
            return
        seen.seconds, seen.alone = self.now() - self._sent, not self._inside
        super().statement_ends(error)
        with self._pause():
            held = self._second.end()
            self._note_locks(seen, held)
            after = self._second.numbers()
            seen.wal = max(0, after.wal - self._numbers.wal)
            seen.growth = self._second.largest - self._numbers.size
            seen.temporary = self._second.temporary()
            if self._action == "apply":
                self.peak = max(self.peak, self._second.largest - self.first_size)
            if error is not None:
                seen.failure = error.message
            elif self._database is not None:
                made = changes_between(self._database, self._state, read_state(self._database))
                seen.rewritten, seen.built, seen.changed, seen.scanned = made
        if self._inside:
            self._open.append(seen)
        elif error is None:
            self.statements.append(seen)
            self.failed = []
        else:
            self.failed = [seen]
            self._count_in_the_way(seen)

    def transaction_ends(self, committed: bool) -> None:
        now = self.now()
        super().transaction_ends(committed)
        for lock, since in self._taken:
            lock.seconds = now - since
        if committed:
            self.statements += self._open
        elif self._open:
            self.failed = self._open
            if self._open[-1].failure:
                self._count_in_the_way(self._open[-1])
        self._open, self._taken, self._strengths = [], [], {}

    def _note_locks(self, seen: StatementSeen, held: Mapping[tuple[int, str], Held]) -> None:
        """The strongest lock on each relation, where the transaction had none that is as strong."""
        for (oid, mode), each in sorted(held.items(), key=_strongest_first):
            if STRENGTH.index(mode) <= self._strengths.get(oid, -1):
                continue
            lock = LockSeen(each.name, mode)
            seen.locks.append(lock)
            self._strengths[oid] = STRENGTH.index(mode)
            if self._inside:  # the second session's moments are those of the clock that runs on
                self._taken.append((lock, max(each.since - self._paused.seconds, self._sent)))
            else:
                lock.seconds = max(0.0, each.seen - each.since)
        if not self._inside:
            self._strengths = {}

    def _count_in_the_way(self, seen: StatementSeen) -> None:
        if self._database is None or self._database.closed:
            return
        with self._pause():
            count = rows_in_the_way(self._database, self._text, seen.failure)
            if count:
                seen.failure += f" ({count:,} rows)"


def _first_statement(text: str) -> tuple[str, tuple[str, str]]:
    """The statement without what stands around it, as the rows of a COPY, and the lock that the static table expects of it."""
    try:
        statements = split(text)
    except LexerError:
        return "", ("", "")
    if not statements:
        return "", ("", "")
    return text[statements[0].start : statements[0].end], lock_of(statements[0])


def _strongest_first(item: tuple[tuple[int, str], Held]) -> int:
    return -STRENGTH.index(item[0][1])
