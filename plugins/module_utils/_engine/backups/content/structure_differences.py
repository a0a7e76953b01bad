# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a restored database, beside its rows, is not as it was in its source."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Callable, TypeVar

from ...text.listed import listed
from .extensions import changed_by_hand, changed_members
from .objects import object_differences
from .structure import Structure
from .undumped import undumped_differences

_HEAP = "heap"
_VIEWS = ("VIEW ", "MATERIALIZED VIEW ")
_COLUMNS_ALONE = 16  # from this major on
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Differences:
    """What is not as it was in the source.

    Attributes:
        messages: What makes the restore another database.
        warnings: What a person should know, and what no restore can keep.
    """

    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Differences) -> Differences:
        return Differences((*self.messages, *other.messages), (*self.warnings, *other.warnings))


def structure_differences(
    source: Structure,
    restored: Structure,
    made: Collection[str] = (),
    made_anew: Callable[[str], str] = lambda _extension: "",
) -> Differences:
    """Compare a restored database's structure with its source's.

    Args:
        source, restored: Both structures.
        made: Names of extensions that make_extensions() gives the source's version.
        made_anew: Gives the hash of an extension's functions as its script makes them, by its name; empty if that is not known.
    """
    return (
        _of_objects(source, restored)
        + _of_positions(source, restored)
        + _of_populated(source, restored)
        + _of_extensions(source, restored, made)
        + _of_members(source, restored, made_anew)
        + _of_methods(source, restored)
        + Differences(*map(tuple, undumped_differences(source.undumped, restored.undumped)))
        + _of_large_objects(source, restored)
        + _of_column_order(source, restored)
    )


def _of_objects(source: Structure, restored: Structure) -> Differences:
    same_major = source.tool_version.split(".", 1)[0] == restored.tool_version.split(".", 1)[0]
    there = {f"{kind} {name}" for name in restored.extensions for kind in ("EXTENSION", "COMMENT EXTENSION")}
    # initdb has made plpgsql: pg_dump writes it where somebody has made it anew
    rewritten = _rewritten_views(source, restored) if same_major else []
    messages = object_differences(source.objects, restored.objects, same_major, there, rewritten)
    other_major = (
        f"Which objects there are was compared, but not their definitions: pg_dump {restored.tool_version} writes them differently "
        f"from {source.tool_version}, which read the source."
    )
    other_words = (
        f"PostgreSQL {restored.server_major} writes the text of a view in other words than {source.server_major}, which the source has: "
        f"the definitions of {listed(rewritten)} were not compared. Drill with the programs of PostgreSQL {source.server_major} to compare them."
    )
    warnings = ([] if same_major else [other_major]) + ([other_words] if rewritten else [])
    return Differences(tuple(messages), tuple(warnings))


def _rewritten_views(source: Structure, restored: Structure) -> list[str]:
    """Views that another text is expected of: before 16, a server names the table of each column, also where there is one only."""
    if not 0 < source.server_major < _COLUMNS_ALONE <= restored.server_major:
        return []
    return [
        key
        for key, definition in source.objects.items()
        if key.startswith(_VIEWS) and restored.objects.get(key, definition) != definition
    ]


def _of_positions(source: Structure, restored: Structure) -> Differences:
    messages, found = [], _with_old_labels(restored.sequences)
    for name in sorted(source.sequences):
        if name not in found:
            continue  # it is missing as an object
        before, after = source.sequences[name]
        position = found[name][0]
        low, high = sorted((before.value, after.value))
        right = position == before if before == after else low <= position.value <= high
        if not right:
            where = f"{before.value}" if before == after else f"between {low} and {high}"
            used = " (not called)" if position.value == before.value else ""
            messages.append(
                f"sequence {name} stands at {position.value}{used} after the restore, {where} in the source"
            )
    moved = sum(before != after for before, after in source.sequences.values())
    used_meanwhile = f"{moved} sequence(s) were used while the dump was taken; each was compared with where it stood before and after."
    return Differences(tuple(messages), (used_meanwhile,) if moved else ())


def _with_old_labels(found: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """The values also by the labels without quotes that manifests had before; where two were the same, the last one counted."""
    old = {re.sub(r'"((?:[^"]|"")*)"', _unquoted, label): value for label, value in found.items() if '"' in label}
    return {**old, **found} if old else found


def _unquoted(part: re.Match[str]) -> str:
    return part[1].replace('""', '"')


def _of_populated(source: Structure, restored: Structure) -> Differences:
    now, messages = _with_old_labels(restored.populated), []
    for name, populated in sorted(source.populated.items()):
        if now.get(name, populated) != populated:
            state = "has no rows after the restore" if populated else "has rows after the restore, it had none"
            messages.append(f"materialized view {name} {state}")
    return Differences(tuple(messages))


def _of_extensions(source: Structure, restored: Structure, made: Collection[str]) -> Differences:
    messages, warnings = [], []
    for name, extension in sorted(source.extensions.items()):
        found = restored.extensions.get(name, extension)
        if found.version != extension.version:
            text = f"extension {name} has version {found.version} after the restore, {extension.version} in the source"
            if found.version == found.default_version and name not in made:
                warnings.append(f"The {text}: a dump does not contain the version.")
            else:
                messages.append(text)
    return Differences(tuple(messages), tuple(warnings))


def _of_members(source: Structure, restored: Structure, made_anew: Callable[[str], str]) -> Differences:
    """Of what belongs to extensions, and is in no dump."""
    messages, warnings = [], []
    for name in changed_members(source.members, restored.members, source.extensions, restored.extensions):
        if made_anew(name) in ("", restored.members.get(name)):
            warnings.append(changed_by_hand("Functions", name))
        else:
            messages.append(
                f"functions of the extension {name} are neither as in the source nor as the extension makes them"
            )
    relations = source.member_relations, restored.member_relations
    changed = changed_members(*relations, source.extensions, restored.extensions)
    warnings += [changed_by_hand("Tables or views", name) for name in changed]
    return Differences(tuple(messages), tuple(warnings))


def _of_methods(source: Structure, restored: Structure) -> Differences:
    was, now = source.methods, restored.methods
    if was is None or now is None:
        return Differences()
    messages = [
        f"{name} is stored by the access method {now.get(name, _HEAP)} after the restore, by {was.get(name, _HEAP)} in the source"
        for name in sorted({*was, *now})
        if now.get(name, _HEAP) != was.get(name, _HEAP)
    ]
    return Differences(tuple(messages))


def _of_large_objects(source: Structure, restored: Structure) -> Differences:
    if source.large_objects and source.large_objects != restored.large_objects:
        return Differences(("the owners, privileges or comments of large objects differ from the source",))
    return Differences()


def _of_column_order(source: Structure, restored: Structure) -> Differences:
    now = _with_old_labels(restored.column_order)
    warnings = [
        f"Table {name} inherits, and its columns come in another order after a restore. Name the columns in INSERT and COPY."
        for name, order in sorted(source.column_order.items())
        if now.get(name, order) != order
    ]
    return Differences((), tuple(warnings))
