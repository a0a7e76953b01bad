# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that make objects in sessions of their owners (pg_dump --use-set-session-authorization), instead of giving them to these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Callable

from ...errors import TitanError

_TAIL = 4096
# Around a GRANT of another role's, there is no name of an object in between.
_OWNERS_SESSION = re.compile(
    rb"\nSET SESSION AUTHORIZATION (?!DEFAULT)[^\n]+;\r?\n\s*(?:SET default_[^\n]*;\s*)*--\r?\n(?:-- TOC entry [^\n]*\n)?-- Name: "
)
_DENIED = "permission denied"
_IN_SESSIONS = (
    "The dump creates its objects in sessions of their owners (pg_dump --use-set-session-authorization), which may do so in the source only. "
    "{}, or take dumps without that option."
)


class OwnersSessions:
    """Whether a dump is such a one.

    Attributes:
        seen: What has been read of it.
    """

    def __init__(self) -> None:
        self.seen = False

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, unchanged."""
        tail = b""
        for piece in pieces:
            if not self.seen:
                window = tail + piece
                self.seen = b"SET SESSION AUTH" in window and _OWNERS_SESSION.search(window) is not None
                tail = window[-_TAIL:]
            yield piece

    @contextmanager
    def explained(self, split: bool, warn: Callable[[str], None]) -> Iterator[None]:
        """Load the dump within the block: its failure says what to do, and after a success it is told whose the objects are.

        Args:
            split: Whether a superuser does what the loading role may not, so that the dump's own sessions are left out.
            warn: Takes the warning.
        """
        try:
            yield
        except TitanError as error:
            if self.seen and not split and _DENIED in error.message:
                why = _IN_SESSIONS.format("Restore it without accept_superuser")
                raise TitanError(f"{error.message.rstrip('.')}. {why}", **error.details) from error
            raise
        if self.seen and split:
            warn(_IN_SESSIONS.format("All objects then belong to one role: check the owners"))
