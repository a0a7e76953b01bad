# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what the files make with what a live database holds. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...outcome import Data
from ..files.migration import Migration
from ..history.inventory import hashes_of
from ..history.objects import ORDER, Partitions, of_others
from ..history.records import IndexRecord
from .replay import Effect

PROVEN, PARTLY, ABSENT, UNPROVEN, UNPROVEN_DATA = "proven", "partly", "absent", "unproven", "unproven: data"
_SHORT = 160
_BY_DEFAULT = re.compile(r"privilege (?:EXECUTE|USAGE) on .* to public\Z", re.DOTALL)


class TakenOver(NamedTuple):
    """What a baseline or an adoption did, or would do; listed: each version with its verdict, for the result."""

    changed: bool
    listed: list[Data]
    warnings: list[str]
    summary: str
    after: str


@dataclass
class Evidence:
    """What speaks for and against one version: sentences each.

    Attributes:
        duplicates: Indexes that are not there, each with the equal one that is; both as the catalog quotes them.
        doubt: What cannot be seen; empty if everything can.
        traceless: The file has left nothing that could be seen, and nothing that contradicts it.
        data: It changes rows, which a comparison of schemas does not see.
    """

    migration: Migration
    there: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    indexes: list[IndexRecord] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    doubt: str = ""
    traceless: bool = False
    data: bool = False

    @property
    def verdict(self) -> str:
        if self.missing:
            return PARTLY if self.there else ABSENT
        if self.doubt:
            return UNPROVEN
        if self.data:
            return UNPROVEN_DATA
        return UNPROVEN if self.traceless else PROVEN

    def as_dict(self) -> Data:
        return {
            "version": self.migration.key, "name": self.migration.name, "verdict": self.verdict,
            "there": self.there, "missing": self.missing, "doubt": self.doubt,
        }  # fmt: skip


def compare(
    effects: Sequence[Effect], replayed: Mapping[str, str], live: Mapping[str, str]
) -> tuple[list[Evidence], list[str]]:
    """Hold each file's objects against the live database.

    An object that several files touch proves those up to the last one whose result is what the database holds.

    Args:
        effects: From the replay, in order.
        replayed, live: The definitions in the replay's end and in the live database.

    Returns:
        The evidence for each file; and the live objects that no file makes.
    """
    hashes = hashes_of(live)
    touches: dict[str, list[tuple[int, str | None]]] = {}
    first: dict[str, str | None] = {}
    for at, effect in enumerate(effects):
        for name, after in effect.after.items():
            if name.startswith((_PLACE, *_ORDERS)):
                continue
            first.setdefault(name, effect.before[name])
            touches.setdefault(name, []).append((at, after))
    evidence = [Evidence(effect.migration, doubt=effect.error) for effect in effects]
    duplicates = _duplicates(live)
    for name in sorted(touches):
        _object(name, touches[name], first[name], hashes.get(name), (replayed, live, duplicates), evidence)
    _orders_of_types(effects, replayed, live, evidence)
    for item in evidence:
        item.traceless = not item.there and not item.missing
    return evidence, _extra(replayed, live)


_ORDERS = tuple(f"{ORDER}{kind} " for kind in ("table", "foreign table", "type"))


def other_orders(replayed: Mapping[str, str], live: Mapping[str, str]) -> dict[str, str]:
    """The tables and types whose columns the files make in another order, as far as both have them, each with both orders. Pure."""
    found = {}
    for name in sorted(name for name in replayed if name in live and name.startswith(_ORDERS)):
        mine, theirs = _NAMES.findall(replayed[name]), _NAMES.findall(live[name])
        if [each for each in mine if each in theirs] != [each for each in theirs if each in mine]:
            orders = f"the database has {_short(theirs, ', ')}, the files make {_short(mine, ', ')}"
            found[name[len(ORDER) :]] = orders
    return found


_NAMES = re.compile(r'"(?:[^"]|"")*"|[^", ]+')


def _orders_of_types(
    effects: Sequence[Effect], replayed: Mapping[str, str], live: Mapping[str, str], evidence: Sequence[Evidence]
) -> None:
    """A row of a type is written without the names of its columns: another order is another type."""
    for name, orders in other_orders(replayed, live).items():
        touched = [item for item, effect in zip(evidence, effects) if f"{ORDER}{name}" in effect.after]
        if name.startswith("type ") and touched:
            touched[-1].missing.append(f"the order of columns of {name}: {orders}")


_PLACE = "settings of extension "  # where somebody has put it before the files is no matter of theirs
# Kinds of objects of which a database may well have more than its migrations make.
_OTHERS = ("role ", "settings of role ", "membership ", "default privilege ", "setting ", "partition ")


def _extra(replayed: Mapping[str, str], live: Mapping[str, str]) -> list[str]:
    """What the live database has and no file makes."""
    usual = Counter(value for name, value in live.items() if name.startswith("owner of ")).most_common(1)
    found = []
    partitions = Partitions(replayed, live)
    for name in sorted(live):
        if name.startswith(_PLACE) and live[name] != replayed.get(name, live[name]):
            found.append(f"{name[len('settings of ') :]} in another schema ({live[name].lower()})")
        elif (
            name in replayed
            or name.startswith((*_OTHERS, *_ORDERS))
            or name in partitions
            or (of_others(name) and name != _COMMENT)
        ):
            continue
        elif name.startswith("owner of "):
            if live[name] != usual[0][0]:
                found.append(f"{name}: {live[name]}")
        else:
            found.append(name)
    return found


_COMMENT = "comment on the database"


def _object(
    name: str,
    touched: Sequence[tuple[int, str | None]],
    first: str | None,
    here: str | None,
    known: tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]],
    evidence: Sequence[Evidence],
) -> None:
    """Write down what one object says of the files that touch it."""
    replayed, live, duplicates = known
    equal = [place for place, (_at, after) in enumerate(touched) if after == here]
    last = equal[-1] if equal else -1
    if last >= 0 and here == first:
        return  # as it was before all of them, too: it tells nothing
    duplicate = (
        duplicates.get(_without_name(replayed.get(name, ""))) if here is None and name.startswith("index ") else None
    )
    for place, (at, after) in enumerate(touched):
        if place <= last and (place > equal[0] or _BY_DEFAULT.match(name)):
            continue  # it was so before this file, too; or every function and type has it
        if place <= last:
            evidence[at].there.append(name if after is not None else f"{name} is gone")
        elif duplicate:
            if f"index {duplicate}" not in replayed:  # else it is there without this file, too
                evidence[at].there.append(f"{name} (its duplicate {duplicate} is there)")
            evidence[at].duplicates.append((name[len("index ") :], duplicate))
        elif here is None:
            evidence[at].missing.append(f"{name} is not there")
        elif after is None:
            evidence[at].missing.append(f"{name} is still there")
        else:
            wanted = replayed.get(name) if place == len(touched) - 1 else None
            evidence[at].missing.append(f"{name} differs{_difference(wanted, live[name])}")


def _difference(wanted: str | None, here: str) -> str:
    if wanted is None or wanted == here:
        return " (it is not as this file leaves it)"
    mine, theirs = wanted.split(), here.split()
    start = 0
    while start < min(len(mine), len(theirs)) and mine[start] == theirs[start]:
        start += 1
    start = max(0, start - 3) if len(wanted) + len(here) > 2 * _SHORT else 0
    return f": the database has {_short(theirs[start:])!r}, the file makes {_short(mine[start:])!r}"


def _short(words: Sequence[str], between: str = " ") -> str:
    text = between.join(words)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def _without_name(definition: str) -> str:
    """An index definition without the index's name."""
    head, _on, rest = definition.partition(" ON ")
    return f"{'unique' if head.startswith('CREATE UNIQUE') else ''} {rest}" if rest else ""


def _duplicates(live: Mapping[str, str]) -> dict[str, str]:
    """The live indexes by their definition without the name."""
    return {
        _without_name(text): name[len("index ") :]
        for name, text in live.items()
        if name.startswith("index ") and " INVALID" not in text
    }


def settle_traceless(evidence: Sequence[Evidence]) -> None:
    """Files that leave nothing are proven by what came after them, or by a database that is as all files make it."""
    everything = all(
        item.verdict in (PROVEN, UNPROVEN_DATA) or (item.traceless and not item.doubt) for item in evidence
    )
    proven_later = everything and any(item.there for item in evidence)
    for item in reversed(evidence):
        if item.traceless and proven_later and not item.doubt and not item.data:
            item.traceless = False
            item.there.append("nothing is left of it to be seen, and a later file is proven")
        proven_later = proven_later or item.verdict == PROVEN
