# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rebuild of indexes needs: to be the tables' owner, or to maintain them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..postgres.database import Database
from ..text.listed import listed
from .indexes import MAINTAIN_SINCE, read_indexes, require_primary

_NAMED = 5  # tables that a sentence names


def reindex_needs(database: Database, options: Mapping[str, Any]) -> list[str]:
    """The sentence that the connected role may not rebuild indexes which are large enough to be, if that is so.

    Args:
        options: Those of reindex, complete.

    Raises:
        TitanError: the server is a standby.
    """
    require_primary(database)
    wanted = set(options["tables"] or ())
    closed = [
        index.table
        for index in read_indexes(database, options["min_size_mb"] << 20)
        if index.method == "btree" and index.concurrently and not index.owned and (not wanted or index.table in wanted)
    ]
    tables = list(dict.fromkeys(closed))
    if not tables:
        return []
    maintain = " (or grant it pg_maintain)" if database.major >= MAINTAIN_SINCE else ""
    return [
        f"The role {str(database.value('SELECT current_user'))!r} may not rebuild the indexes of {listed(tables, _NAMED)}: "
        f"make the role the owner or a member of it{maintain}."
    ]
