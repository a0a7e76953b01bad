# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What files beside the SQL say of it: Flyway's .conf, Diesel's metadata.toml, Drizzle's journal. Pure."""

from __future__ import annotations

import re

from ...errors import TitanError
from ...text.json_kinds import parsed

JOURNAL = "meta/_journal.json"  # Drizzle's list of its migrations
_FLYWAY_CONF = r"(?im)^\s*executeInTransaction\s*=\s*false\b"
# What else such a file may say that changes what of the SQL is run.
_FLYWAY_OTHER = r"(?im)^\s*(?P<line>shouldExecute\s*=(?!\s*true\s*$).*|placeholderReplacement\s*=\s*false\b.*)$"
_DIESEL_TOML = r"(?m)^\s*run_in_transaction\s*=\s*false\b"


def says_by_statement(text: str, file: str, naming: str) -> bool:
    """Whether a file beside the SQL says that it runs by statement.

    Args:
        text: What that file says.
        file: Its name.

    Raises:
        TitanError: Flyway's says something else that is not heeded here.
    """
    if naming != "flyway":
        return re.search(_DIESEL_TOML, text) is not None
    other = re.search(_FLYWAY_OTHER, text)
    if other is not None:
        raise TitanError(
            f"{file}: {other['line'].strip()!r} is not heeded here. Remove it, and the migration if it is not to run.",
            file=file,
        )
    return re.search(_FLYWAY_CONF, text) is not None


def files_of_journal(text: str) -> list[str]:
    """The files that Drizzle's journal names, in its order.

    Raises:
        TitanError: it is no journal.
    """
    try:
        entries = sorted(parsed(text)["entries"], key=lambda entry: entry["idx"])
        return [f"{entry['tag']}.sql" for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise TitanError(f"{JOURNAL} is not a journal of Drizzle.", file=JOURNAL) from error
