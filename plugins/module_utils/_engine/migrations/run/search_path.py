# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search_path that a file's statements will have, taken over into the session that looks at them before they run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ...errors import DatabaseError
from ...postgres.database import Database
from ..files.script import Script
from ..sql.lexer import Statement
from ..sql.statements import moves_names
from ..sql.tokens import STRING

_BACK = "RESET search_path"


class FollowedPath:
    """search_path, as far as it is known.

    Attributes:
        known: Unqualified names mean in this session what they will mean in the file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = True
        self.moved = False

    def follow(self, statement: Statement, script: Script, touched: Collection[str]) -> None:
        """Take over what the statement sets.

        Args:
            touched: Names of what is made or dropped before, in lower case: which schemas will be there is not known then.
        """
        words = statement.key()
        if words[0] in ("rollback", "abort"):
            self.known = self.known and not self.moved
        if not self.known or not moves_names(statement):
            return
        setting = _setting(statement, script)
        lowered = setting.lower()
        self.known = bool(setting) and not any(name in lowered for name in touched)
        if not self.known:
            return
        self.moved = True
        try:
            self._database.execute(setting)
        except DatabaseError as error:
            if error.lost:
                raise
            self.known = False


@contextmanager
def followed_path(database: Database) -> Iterator[FollowedPath]:
    """Follow one file; the session's own path comes back behind it."""
    before = str(database.value("SELECT pg_catalog.current_setting('search_path')"))
    path = FollowedPath(database)
    try:
        yield path
    finally:
        if path.moved and not database.closed:
            database.execute("SELECT pg_catalog.set_config('search_path', %s, false)", (before,))


def _setting(statement: Statement, script: Script) -> str:
    """The statement that sets the session's path as this one sets the file's; empty where that is not plain."""
    words, tokens = statement.key(), statement.tokens
    if words == ("reset", "search_path"):
        return _BACK
    if words[0] == "set":
        at = 1 + (words[1] in ("session", "local"))
        if words[1] == "local" and not script.whole:
            return ""  # until the end of a transaction that the file ends itself, or not at all
        if words[at : at + 1] == ("search_path",) and words[at + 1 : at + 2] in (("to",), ("=",)):
            return _BACK if words[at + 2 :] == ("default",) else f"SET {script.text[tokens[at].start : statement.end]}"
        return f"SET {script.text[tokens[at].start : statement.end]}" if words[at : at + 1] == ("schema",) else ""
    call = words[1 + 2 * (words[1:3] == ("pg_catalog", ".")) :]
    literal = tokens[-4] if len(call) == 8 else None
    if (
        words[0] != "select"
        or literal is None
        or literal.kind != STRING
        or call[:3] != ("set_config", "(", "'search_path'")
    ):
        return ""
    if call[6] not in ("true", "false") or (call[6] == "true" and not script.whole):
        return ""
    return f"SELECT pg_catalog.set_config('search_path', {literal.text}, false)"
