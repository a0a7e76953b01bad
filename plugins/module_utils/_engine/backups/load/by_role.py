# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a dump's text as a role that is no superuser, and the few statements that need one as a superuser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Callable

from .elevated import Superuser
from .kinds import TRUSTED_LANGUAGES, Kind, is_innocent, kind_of
from .refreshes import STATEMENT, in_some_order
from .script import Rows, Statement, cut
from .texts import Texts

Write = Callable[[bytes], object]
_SET = re.compile(rb"SET\s+([a-z_.]+)", re.IGNORECASE)
_AT_ITS_PLACE = (Kind.EXTENSION, Kind.NEEDS_SUPERUSER, Kind.CONTAINED)


@dataclass
class Waiting:
    """What a superuser has to run when all objects and rows are there.

    Attributes:
        later: Statements on owners, privileges and publications.
        last: Those on event triggers.
        settings: By name, the statements that set what they are read by.
    """

    later: Texts = field(default_factory=Texts)
    last: Texts = field(default_factory=Texts)
    settings: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, kind: Kind, statement: bytes) -> bool:
        """Note the statement, if it is one that waits."""
        if kind == Kind.SETTING:
            found = _SET.match(statement)
            self.settings[found[1].lower() if found else b"search_path"] = statement
        elif kind in (Kind.LATER, Kind.LAST):
            (self.later if kind == Kind.LATER else self.last).append(statement)
            return True
        return False

    def run(self, superuser: Superuser) -> None:
        """Run them.

        Raises:
            TitanError: one fails.
        """
        superuser.take_back()
        settings = list(self.settings.values())
        superuser.run(((Kind.LATER, statement) for statement in self.later), settings)
        superuser.finish()
        superuser.run(((Kind.LAST, statement) for statement in self.last), settings)


class TextLoad:
    """Runs the text of a dump.

    Args:
        superuser: Who runs what the loader may not.
        session: Opens a session of the loader, which takes text.
        waiting: Takes what has to come at the end.
    """

    def __init__(
        self, superuser: Superuser, session: Callable[[], AbstractContextManager[Write]], waiting: Waiting
    ) -> None:
        self._superuser, self._session, self._waiting = superuser, session, waiting
        self._trusted = TRUSTED_LANGUAGES
        self._asked = False
        self._elevated: list[tuple[Kind, bytes]] = []
        self._refreshes: list[bytes] = []
        self._innocent = True

    def run(self, pieces: Iterable[bytes]) -> None:
        """Run the text but for what has to wait.

        Raises:
            TitanError: the first error ends it.
        """
        with ExitStack() as stack:
            write: Write | None = None
            for item in cut(pieces):
                kind = self._kind(item)
                bare = item.bare if isinstance(item, Statement) else b""
                if self._waiting.take(kind, bare):
                    continue
                if bare.startswith(STATEMENT):  # a dump ends with them
                    self._refreshes.append(bare)
                    continue
                if kind in _AT_ITS_PLACE:
                    stack.close()
                    write = None
                    self._elevated.append((kind, bare))
                elif kind == Kind.SETTING:
                    if write:
                        write(item.text)
                elif bare or write:
                    self._run_elevated()
                    write = write or self._begin(stack)
                    write(item.text)
                    self._innocent = self._innocent and is_innocent(bare)
        self._run_elevated()
        if self._refreshes:
            in_some_order(self._refreshes, self._refresh)

    def _refresh(self, statements: Sequence[bytes]) -> None:
        with ExitStack() as stack:
            self._begin(stack)(b"\n".join([*statements, b""]))

    def _begin(self, stack: ExitStack) -> Write:
        write = stack.enter_context(self._session())
        write(b"\n".join([*self._waiting.settings.values(), b""]))
        return write

    def _run_elevated(self) -> None:
        if self._elevated:
            self._superuser.run(self._elevated, list(self._waiting.settings.values()))
            self._elevated = []

    def _kind(self, item: Statement | Rows) -> Kind:
        if isinstance(item, Rows):
            return Kind.ANYBODY
        kind = kind_of(item.bare, self._trusted)
        if kind == Kind.CONTAINED and not self._asked:
            self._run_elevated()  # it may make the language
            self._asked, self._trusted = True, self._superuser.trusted_languages()
            kind = kind_of(item.bare, self._trusted)
        if kind == Kind.EXTENSION and not self._innocent:
            return Kind.ANYBODY  # a script that runs as superuser must not find anybody's objects
        return kind


def waiting_in(pieces: Iterable[bytes], waiting: Waiting) -> None:
    """Note what in the text has to wait for the end, and nothing else."""
    for item in cut(pieces):
        if isinstance(item, Statement):
            waiting.take(kind_of(item.bare), item.bare)
