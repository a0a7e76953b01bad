# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line of an archive's list (pg_restore --list) is of, told by its kind alone: names may hold the same words. Pure."""

from __future__ import annotations

import re


def _kinds(kinds: str) -> re.Pattern[str]:
    return re.compile(rf"\d+; \d+ \d+ (?:{kinds}) ")


# What is loaded through the pipe. A large object is made before its content comes.
_OF_DATA = _kinds("TABLE DATA|BLOBS?|BLOB METADATA|BLOB COMMENTS|SEQUENCE SET")
_OF_ROWS = _kinds("TABLE DATA")
_REFRESH = _kinds("MATERIALIZED VIEW DATA")
_EVENT_TRIGGER = _kinds("(?:COMMENT - )?EVENT TRIGGER")
_BY_SUPERUSER = _kinds(
    "ACL|DEFAULT ACL|EVENT TRIGGER|PUBLICATION|PUBLICATION TABLES? .*|SUBSCRIPTION|SUBSCRIPTION TABLE|SECURITY LABEL|"
    "COMMENT - (?:EVENT TRIGGER|PUBLICATION|SUBSCRIPTION)"
)
_WITH_OWNER = _kinds("STATISTICS|BLOB|BLOB METADATA|LARGE OBJECT")


def number_of(line: str) -> int:
    """The entry's number in the archive."""
    return int(line.split(";", 1)[0])


def is_of_data(line: str) -> bool:
    """Whether it is of rows, large objects or where a sequence stands."""
    return bool(_OF_DATA.match(line))


def is_of_rows(line: str) -> bool:
    """Whether it is of a table's rows."""
    return bool(_OF_ROWS.match(line))


def is_refresh(line: str) -> bool:
    """Whether it fills a materialized view."""
    return bool(_REFRESH.match(line))


def is_event_trigger(line: str) -> bool:
    """Whether it makes an event trigger, or comments on one."""
    return bool(_EVENT_TRIGGER.match(line))


def is_by_superuser(line: str) -> bool:
    """Whether a superuser restores it."""
    return bool(_BY_SUPERUSER.match(line))


def has_owner_only(line: str) -> bool:
    """Whether the loading role makes it, and a superuser sets its owner."""
    return bool(_WITH_OWNER.match(line))
