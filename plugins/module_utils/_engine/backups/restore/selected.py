# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single tables and schemas of a backup: what is asked for, and whether what came back is what the manifest says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Callable

from ...errors import OptionError
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ..catalog.manifest import Manifest
from ..catalog.source import Source
from ..content.differences import content_differences
from ..content.extensions import makeable_extensions
from ..content.fingerprint import Fingerprint, canceller
from ..content.structure import Structure
from ..content.structure_differences import structure_differences
from ..load.loading import Loader
from ..load.selection import Selection, require_known
from ..proof.comparison import Comparison, read_restored_structure
from ..proof.read_restored import LoadersRows
from .prune import Pruned, prune

_COUNTED = "The manifest has no hash of the rows, so that they were only counted (the backup's proof is 'redump')."
_FOREIGN = "This dump was made by others: what its source held is unknown, so nothing was compared."
_SEMICOLON = (
    "Only the rows were compared: a schema has a semicolon in its name, and the manifest cannot tell its objects apart."
)
_NOT_DEFINITIONS = "Definitions were not compared: they name owners and privileges, which were left out."


def selection_from(options: Mapping[str, Any]) -> Selection | None:
    """The selection that the options name; None for the whole backup.

    Raises:
        OptionError: an option makes no sense without one, or a name cannot be one.
    """
    tables, schemas = tuple(options["tables"] or ()), tuple(options["schemas"] or ())
    for option, names in (("tables", tables), ("schemas", schemas)):
        for name in names:
            if not name or "\0" in name:
                raise OptionError(option, name, "Write SCHEMA.TABLE, or TABLE in the schema public, without quotes." if option == "tables"
                                  else "Write the name of a schema, without quotes.")  # fmt: skip
    if tables or schemas:
        if options["swap"]:
            raise OptionError("swap", True, "Single tables cannot replace a whole database. Leave out 'swap'.")
        return Selection(tables, schemas, not options["no_owner"], not options["no_privileges"])
    for option in ("no_owner", "no_privileges"):
        if options[option]:
            raise OptionError(option, True, "It applies to single tables: name them in 'tables' or 'schemas'.")
    if not options["into"]:
        raise OptionError("into", None, "Name the database to restore into.")
    return None


def require_in_manifest(selection: Selection, manifest: Manifest | None) -> None:
    """Refuse at once what the manifest does not know; what others' dumps hold is known only when they are loaded.

    Raises:
        OptionError: the backup has no such table or schema.
    """
    if manifest is None or manifest.structure is None or manifest.adopted:
        return
    kinds = ("TABLE ", "SCHEMA ")
    named = [key.split(" ", 1) for key in manifest.structure.objects if key.startswith(kinds)]
    tables = {name for kind, name in named if kind == "TABLE"}
    held = {(each.schema, each.name) for each in manifest.fingerprint.tables}
    tables |= {".".join(each) for each in held}
    schemas = {name for kind, name in named if kind == "SCHEMA"} | {"public"} | {schema for schema, _name in held}
    require_known(selection, tables, schemas)


def wanted_rows(selection: Selection, manifest: Manifest | None) -> tuple[int, int]:
    """The tables and rows that the manifest counts of the selection; a partition's with its table are known only in the dump."""
    found = (
        [each for each in manifest.fingerprint.tables if selection.names(each.schema, each.name)] if manifest else []
    )
    return len(found), sum(each.rows for each in found)


def selected_source(selection: Selection, source: Source) -> Source:
    """The source as far as the selection wants it back: without the owner and the privileges if those are left out."""
    properties = source.properties
    if not selection.privileges:
        properties = replace(properties, granted=False, grants=())
    source = replace(source, properties=properties, owner=source.owner if selection.owners else "")
    return source if selection.owners or selection.privileges else replace(source, roles=(), superuser_owns=False)


def reduce_and_compare(
    manifest: Manifest | None,
    target: ConnectionSettings,
    pruner: ConnectionSettings,
    loader: Loader,
    selection: Selection,
    reading: LoadersRows,
    say: Callable[[str], None],
) -> tuple[Pruned, Comparison]:
    """Remove from the restored database what the selection does not need, and compare the rest with the manifest.

    Args:
        manifest: What the source was; None, or one of others' dumps, compares nothing.
        target: The restored database.
        pruner: The same, as who may drop all that is in it.
        loader: What has loaded it.
        selection: What is wanted.
        reading: Reads the rows, or has done so.
        say: Takes progress lines.

    Raises:
        OptionError: the dump has no such table or schema.
        TitanError: what is wanted cannot be separated.
    """
    with connect(pruner, "restore") as database, loader.deadline.ends(canceller(database)):
        pruned = prune(database, selection)
    say("Comparing ...")
    source = manifest.fingerprint if manifest else None
    hashed = source.hashed if source else None
    everything = reading.complete(target)
    restored = _only(everything, pruned)
    if manifest is None or source is None or manifest.adopted:
        return pruned, Comparison(restored, (), (*pruned.notes, _FOREIGN))
    differences = content_differences(_only(source, pruned), restored)
    notes = [
        *pruned.notes,
        *([_COUNTED] if hashed is not None and restored.tables and not all(t.hash for t in restored.tables) else []),
    ]
    if manifest.structure and any(key.startswith("SCHEMA ") and ";" in key for key in manifest.structure.objects):
        notes.append(_SEMICOLON)  # pg_dump's comments do not tell where the next object of it begins
    elif manifest.structure:
        found = read_restored_structure(target, loader)
        different, warned = _structure_differences(manifest.structure, found, target, pruned, selection)
        differences += different
        notes += warned
    return pruned, Comparison(restored, tuple(differences), tuple(notes))


def _only(content: Fingerprint, pruned: Pruned) -> Fingerprint:
    tables = tuple(each for each in content.tables if pruned.has(each.schema, each.name))
    return Fingerprint(tables, 0, "0", content.hash_method)


def _structure_differences(
    source: Structure, restored: Structure, target: ConnectionSettings, pruned: Pruned, selection: Selection
) -> tuple[list[str], list[str]]:
    """Of what came back: definitions and sequences. What belongs to a wanted table has to be there, too."""
    altered = {f"{kind} {label}" for label in pruned.altered for kind in ("TABLE", "CONSTRAINT")}
    objects = {key: value for key, value in restored.objects.items() if not _is_altered(key, altered)}
    expected = {
        key: value
        for key, value in source.objects.items()
        if key in objects or _belongs(key, source, pruned, selection)
    }
    expected = {key: value for key, value in expected.items() if not _is_altered(key, altered)}
    compares = selection.owners and selection.privileges
    if not compares:
        expected = {key: objects.get(key, value) for key, value in expected.items()}
        expected = {key: value for key, value in expected.items() if key in objects or not key.startswith("ACL ")}
    reduced = replace(source, objects=expected, large_objects="", column_order={}, populated={})
    with connect(target, "restore") as database:
        made = makeable_extensions(database, source.extensions)
    found = structure_differences(reduced, replace(restored, objects=objects), made)
    return list(found.messages), [*found.warnings, *([] if compares else [_NOT_DEFINITIONS])]


_PARTS = ("CONSTRAINT", "CHECK CONSTRAINT", "DEFAULT", "TRIGGER", "POLICY", "RULE", "FK CONSTRAINT")


def _is_altered(key: str, altered: set[str]) -> bool:
    return any(key == each or key.startswith(f"{each} ") for each in altered)


def _belongs(key: str, source: Structure, pruned: Pruned, selection: Selection) -> bool:
    """Whether the object is a part of a wanted table, by its name: "CONSTRAINT public.orders orders_pkey"."""
    kind, _space, name = key.partition(" ")
    for each in _PARTS:
        if key.startswith(f"{each} "):
            kind, name = each, key[len(each) + 1 :]
    if kind not in _PARTS:
        return False
    for table in pruned.tables:
        left = {each.name for each in selection.left_keys if each.table == table.label and kind == "FK CONSTRAINT"}
        part = name[len(table.label) + 1 :] if name.startswith(f"{table.label} ") else ""
        longer = any(
            name.startswith(f"{other[6:]} ") for other in source.objects
            if other.startswith(f"TABLE {table.label} ")
        )  # fmt: skip
        if part and not longer and part not in left:
            return True
    return False
