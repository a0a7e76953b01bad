# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the names of the inventory's objects say: which are a matter of others, which come and go by themselves, what belongs to a
table. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

# The kinds that a fingerprint of version 2 has, and of which nothing has changed.
_KINDS_OF_2 = (
    "schema ", "view ", "materialized view ", "foreign table ", "type ", "table ", "column ", "index ", "sequence ", "constraint ",
    "trigger ", "rule ", "policy ", "statistics ", "procedure ", "aggregate ", "function ", "enum ", "domain ", "range ", "event trigger ",
)  # fmt: skip
# Grants, settings and the database's comment are told if a migration made them: roles and servers are set up by others, too.
_OF_OTHERS = re.compile(r"(?:privilege|default privilege|setting) |comment on the database\Z", re.DOTALL)
# What everybody may do with an object is nobody's own matter; connecting, and creating in a schema, is what a host decides.
_FOR_EVERYBODY = re.compile(
    r"privilege (?:SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER|MAINTAIN|EXECUTE) on .* to public\Z"
    r"|privilege USAGE on [^.]+\..* to public\Z",
    re.DOTALL,
)
ORDER = "order of columns of "  # a table, foreign table or type; a view's is a part of its query
_QUOTED = r'"(?:[^"]|"")+"'
_PART = re.compile(
    rf"(?:settings of )?column (?P<a>.+)\.(?:{_QUOTED}|[^\".]+)"
    rf"|(?:settings of )?(?:constraint|trigger|rule|policy) (?:{_QUOTED}|\S+) on (?P<b>.+)"
    rf"|comment on (?:\w+ )*?(?:constraint|trigger|rule|policy) (?:{_QUOTED}|\S+) on (?P<c>.+)"
    rf"|comment on (?:\w+ )+?column (?P<d>.+)\.(?:{_QUOTED}|[^\".]+)"
    r"|(?:settings of|owner of|tablespace of|order of columns of|rights of the owner of|comment on) "
    r"(?:(?:table|view|materialized view|foreign table|type) )?(?P<e>.+)"
    r"|privilege \w+ on (?P<f>.+) to (?:\S+)",
    re.DOTALL,
)
_TABLES = ("table", "view", "materialized view", "foreign table", "type")


def of_others(name: str) -> bool:
    """Whether the object may be made and changed by others than migrations."""
    return _OF_OTHERS.match(name) is not None and _FOR_EVERYBODY.match(name) is None


def comparable(objects: Mapping[str, str], version: str) -> dict[str, str]:
    """Those that a fingerprint of this version tells of."""
    if version[:1] not in ("2", "3"):
        return dict(objects)
    older = {name: value for name, value in objects.items() if not name.startswith(ORDER)}
    return {name: value for name, value in older.items() if version != "2" or name.startswith(_KINDS_OF_2)}


def table_of(name: str, objects: Collection[str]) -> str:
    """The table (or view) of the objects that something is a part of; empty for others."""
    found = _PART.fullmatch(name)
    identity = next((part for part in found.groups() if part), "") if found else ""
    return next((table for kind in _TABLES if identity and (table := f"{kind} {identity}") in objects), "")


_OF_OBJECT = re.compile(
    r"(?:(?:owner|settings|tablespace|dependence|order of columns) of|comment on(?: table(?= column ))?) (?P<object>.+)"
    r"|(?:rights of the owner of|privilege \w+ on) (?P<name>.+?)(?: to \S+)?",
    re.DOTALL,
)
_WITH_RIGHTS = (
    "table", "view", "materialized view", "foreign table", "sequence", "column", "function", "procedure", "aggregate", "enum", "domain",
    "range", "type", "schema",
)  # fmt: skip


def goes_along(name: str, moved: Collection[str]) -> bool:
    """Whether it is the owner, a right, a comment or a setting of an object that was added or dropped itself."""
    found = _OF_OBJECT.fullmatch(name)
    if found is None:
        return False
    if found["object"]:
        return found["object"] in moved
    return any(f"{kind} {found['name']}" in moved for kind in _WITH_RIGHTS)


class Partitions:
    """The partitions that came or went as a whole between two fingerprints, with all that belongs to them."""

    def __init__(self, before: Collection[str], now: Collection[str]) -> None:
        self.objects = _only(before, now) | _only(now, before)
        self._identities = {name.partition(" ")[2] for name in self.objects}

    def __contains__(self, name: str) -> bool:
        return self._identities != set() and (
            name in self.objects or not self._identities.isdisjoint(_identities(name))
        )


def _only(here: Collection[str], there: Collection[str]) -> set[str]:
    """The partitions that are here and no table there, with their indexes and with the constraints that other tables have for them."""
    prefix, of = "partition ", " of table "
    rows = [name[len(prefix) :] for name in here if name.startswith(prefix)]
    tables = {row for row in rows if row.startswith("table ") and of not in row and row not in there}
    parts = (row.rpartition(of) for row in rows if of in row)
    return tables | {name for name, _of, table in parts if f"table {table}" in tables}


_NAME = rf"(?:{_QUOTED}|[^\s\".]+)"
_IDENTITY = re.compile(rf"{_NAME}\.{_NAME}(?=\.{_NAME}|\s|\Z)")


def _identities(name: str) -> set[str]:
    """All qualified names in it, those of columns without the column."""
    return set(_IDENTITY.findall(name))
