# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make files ready to run, by the options of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ..files.migration import Migration
from ..files.naming import OTHER_TOOLS
from ..files.placeholders import fill_as
from ..files.script import Script, make_script
from ..history.read import sort_key
from ..session.session import Rules

# A file made ready to run takes some thirty times its text in memory: 4 MiB for these, and less with each that has run.
_KEPT_CHARACTERS = 128 * 1024


def rules_of(options: Mapping[str, Any]) -> Rules:
    """How the options say that files are run."""
    return Rules(
        redundant=options["redundant_indexes"],
        lock_timeout=options["lock_timeout"],
        concurrent_lock_timeout=options["concurrent_lock_timeout"],
        lock_retries=options["lock_retries"],
        plain_index_max_rows=options["plain_index_max_rows"],
        mixed=options["mixed"],
        by_statement=tuple(options["without_transaction"]),
        placeholders=dict(options["placeholders"] or {}),
        history=options["history"] or "",
    )


def script_of(item: Migration, rules: Rules) -> Script:
    """The file with its placeholders filled in, cut and judged.

    Raises:
        TitanError: it cannot be run; names file and line.
    """
    apart = any(sort_key(version) == item.sort_key for version in rules.by_statement)
    filled = fill_as(item.naming, item.text, rules.placeholders, item.file)
    mixed = (
        "steps" if item.naming in OTHER_TOOLS else rules.mixed
    )  # such a history was written to be run as psql runs it
    return make_script(filled, item.file, mixed, apart or item.transaction == "none")


def read_all(
    migrations: Sequence[Migration], rules: Rules, look: Callable[[Script], None] = lambda script: None
) -> dict[str, Script]:
    """Read every pending file before the first one runs, and have a look at each.

    As many as there is room for are kept, by key; the others are read again when it is their turn.

    Raises:
        TitanError: see script_of.
    """
    kept: dict[str, Script] = {}
    room = _KEPT_CHARACTERS
    for item in migrations:
        script = script_of(item, rules)
        look(script)
        room -= len(item.text)
        if room >= 0:
            kept[item.key] = script
    return kept
