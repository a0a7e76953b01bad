# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of objects that few databases have: what is not there is not asked for, since to plan the whole query costs more than to run it."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...postgres.database import Database

_OWN = "oid >= 16384"
# By catalog: what an object of its own looks like, and the kinds of rows that there are then.
_CATALOGS = {
    "statistic_ext": ("true", ("statistics", "settings of statistics")),
    "rewrite": (f"{_OWN} AND rulename <> '_RETURN'", ("rule", "settings of rule")),
    "policy": ("true", ("policy",)),
    "trigger": ("true", ("trigger", "settings of constraint")),
    "event_trigger": ("true", ("event trigger",)),
    "cast": (_OWN, ("cast",)),
    "operator": (_OWN, ("operator", "settings of operator")),
    "publication": ("true", ("publication", "settings of publication", "published table", "published schema")),
    "aggregate": ("aggfnoid::oid >= 16384", ("settings of aggregate",)),
    "range": ("rngtypid >= 16384", ("settings of range",)),
    "collation": (_OWN, ("collation",)),
    "conversion": (_OWN, ("conversion",)),
    "ts_config": (_OWN, ("text search configuration",)),
    "ts_dict": (_OWN, ("text search dictionary",)),
    "ts_template": (_OWN, ("text search template",)),
    "ts_parser": (_OWN, ("text search parser",)),
    "opclass": (_OWN, ("operator class",)),
    "opfamily": (_OWN, ("operator family",)),
    "foreign_data_wrapper": ("true", ("foreign-data wrapper", "user mapping")),
    "foreign_server": ("true", ("server",)),
    "language": (_OWN, ("language",)),
    "am": (_OWN, ("access method",)),
    "transform": ("true", ("transform",)),
    "subscription": ("true", ("subscription",)),
    "default_acl": ("true", ("default privilege",)),
}
_PART = re.compile(r"\n +UNION ALL\n(?=  SELECT )")
_KIND = re.compile(r"\s*SELECT '([a-z -]+)'")


def absent_kinds(database: Database) -> set[str]:
    """The kinds of rows that the database has none of, by one look at the catalogs."""
    looks = ", ".join(
        f"EXISTS (SELECT FROM pg_{name} WHERE {own}) AS {name}" for name, (own, _kinds) in _CATALOGS.items()
    )  # noqa: S608
    row = database.row(f"SELECT {looks}") or {}
    return {kind for name, (_own, kinds) in _CATALOGS.items() if not row.get(name, True) for kind in kinds}


def without(query: str, kinds: Collection[str]) -> str:
    """The parts of the query, which UNION ALL joins, that are not rows of these kinds."""
    kept = []
    for part in _PART.split(query):
        found = _KIND.match(part)
        if found is None or found[1] not in kinds:
            kept.append(part)
    return "\n  UNION ALL\n".join(kept)
