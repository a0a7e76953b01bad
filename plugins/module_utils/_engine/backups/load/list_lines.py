# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line of an archive's list (pg_restore --list) is of, told by its kind alone: names may hold the same words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable


def _of(kinds: str) -> Callable[[str], bool]:
    """Whether a line is of one of the kinds."""
    pattern = re.compile(rf"\d+; \d+ \d+ (?:{kinds}) ")
    return lambda line: pattern.match(line) is not None


# Rows, large objects and where a sequence stands: they are loaded through the pipe. A large object is made before its content comes.
is_of_data = _of("TABLE DATA|BLOBS?|BLOB METADATA|BLOB COMMENTS|SEQUENCE SET")
is_of_rows = _of("TABLE DATA")
is_refresh = _of("MATERIALIZED VIEW DATA")
# It makes an event trigger, or comments on one.
is_event_trigger = _of("(?:COMMENT - )?EVENT TRIGGER")
# A superuser restores it.
is_by_superuser = _of(
    "ACL|DEFAULT ACL|EVENT TRIGGER|PUBLICATION|PUBLICATION TABLES? .*|SUBSCRIPTION|SUBSCRIPTION TABLE|SECURITY LABEL|"
    "COMMENT - (?:EVENT TRIGGER|PUBLICATION|SUBSCRIPTION)"
)
# The loading role makes it, and a superuser sets its owner.
has_owner_only = _of("STATISTICS|BLOB|BLOB METADATA|LARGE OBJECT")


def number_of(line: str) -> int:
    """The entry's number in the archive."""
    return int(line.split(";", 1)[0])
