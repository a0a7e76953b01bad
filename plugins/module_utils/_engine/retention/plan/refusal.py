# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server would refuse, said before it is tried."""

from __future__ import annotations

from collections.abc import Sequence

from ...postgres.database import Database
from ..policies.published import unpublishable, unpublishable_along
from ..policies.tables import Leaf, Table
from .count import Dated
from .marking import unmarkable


def refusal(database: Database, table: Table, dated: Dated, changed: Sequence[Leaf]) -> str:
    """Why the server would refuse to delete (or mark) due rows of these leaves; empty if it would not."""
    event = "update" if dated.policy.mark else "delete"
    for leaf in changed:
        if why := unpublishable(database, leaf.oid, f"{leaf.schema}.{leaf.name}", event):
            return why
    if event == "update":
        return unmarkable(database, table, dated, changed)
    return unpublishable_along(database, [table.oid, *(leaf.oid for leaf in changed)]) if changed else ""
