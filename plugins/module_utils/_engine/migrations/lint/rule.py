# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lint rule is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Callable, NamedTuple

from .view import View

# BLOCKING: an error on a table with more rows than plain_index_max_rows, nothing on a smaller one. RISKY: a warning on a
# table that is there already. STYLE: a notice.
BLOCKING, RISKY, STYLE = "blocking", "risky", "style"


class Match(NamedTuple):
    """What a rule found in a statement.

    Attributes:
        table: The table (or index, then what: "index") that it concerns, as written; empty if it is no table's matter.
        column, new_type: Of a column whose type is changed.
        what: "table", "index" (the table is the index's), "partition" (free if a CHECK constraint proves the bounds), "all" (the
            largest table, of the schema that table names) or "clustered" (the largest one that CLUSTER ran on).
    """

    table: str = ""
    column: str = ""
    new_type: str = ""
    what: str = "table"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: As in ``-- allow: name (reason)`` and in the option lint.
        level: BLOCKING, RISKY or STYLE.
        heads: The first words of the statements that it looks at.
        reason: What is dangerous, as a sentence.
        instead: What to write instead.
        find: What a statement of these has of it.
    """

    name: str
    level: str
    heads: tuple[tuple[str, ...], ...]
    reason: str
    instead: str
    find: Callable[[View], Iterable[Match]]
