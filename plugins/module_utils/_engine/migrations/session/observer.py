# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may be told what a session does. Nobody is in a usual run."""

from __future__ import annotations

from ...errors import DatabaseError
from ...postgres.database import Database


class Observer:
    """Told of each statement; does nothing.

    Attributes:
        by_statement: Whether statements of one transaction are sent one by one, so that each can be told of.
    """

    by_statement = False

    def connected(self, database: Database) -> None:
        """The files run in this session from now on."""

    def file_begins(self, file: str, action: str) -> None:
        """The next statements are those of the file; action: apply or rollback."""

    def transaction_begins(self) -> None:
        """BEGIN was sent."""

    def statement_begins(self, text: str, line: int) -> None:
        """A text is about to be sent; line is 0 where it is not the file's own."""

    def statement_ends(self, error: DatabaseError | None) -> None:
        """It has succeeded, or failed."""

    def transaction_ends(self, committed: bool) -> None:
        """COMMIT or ROLLBACK was sent."""


NOBODY = Observer()
