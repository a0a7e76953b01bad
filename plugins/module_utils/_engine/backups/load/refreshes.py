# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling materialized views in an order that does: one that reads another by a function comes too early in a dump, because
the server does not know what functions read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Callable, TypeVar

from ...errors import TitanError
from .failure import says_nothing
from .kinds import Kind, kind_of
from .script import Statement, cut

T = TypeVar("T")

STATEMENT = b"REFRESH MATERIALIZED VIEW "


class Held:
    """What is held back of a dump's text until everything else is there.

    Attributes:
        refreshes: The statements that fill views, with which a dump ends.
        settings: Those that set what the statements are read by.
    """

    def __init__(self) -> None:
        self.refreshes: list[bytes] = []
        self.settings: list[bytes] = []

    def without_refreshes(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The rest of the text."""
        for item in cut(pieces):
            bare = item.bare if isinstance(item, Statement) else b""
            if bare.startswith(STATEMENT):
                self.refreshes.append(bare)
                continue
            if bare[:1] in (b"S", b"s") and kind_of(bare) == Kind.SETTING:
                self.settings.append(bare)
            yield item.text


def in_some_order(refreshes: Sequence[T], run: Callable[[Sequence[T]], None]) -> None:
    """Run the refreshes; if one fails, those that can be run, round by round.

    Args:
        refreshes: In the dump's order.
        run: Runs some of them, the first failure ends it.

    Raises:
        TitanError: of the first one that fails in a round in which none succeeds.
    """
    failure = _failure(refreshes, run)
    if failure and len(refreshes) == 1:
        raise failure
    waiting = list(refreshes) if failure else []
    while waiting:
        failed = [(each, error) for each in waiting if (error := _failure([each], run))]
        if len(failed) == len(waiting):
            raise failed[0][1]
        waiting = [each for each, _error in failed]


def _failure(refreshes: Sequence[T], run: Callable[[Sequence[T]], None]) -> TitanError | None:
    try:
        run(refreshes)
    except TitanError as error:
        if not _of_the_dump(error):
            raise
        return error
    return None


def _of_the_dump(error: TitanError) -> bool:
    return bool(error.details.get("programs")) and not says_nothing(error.message)
