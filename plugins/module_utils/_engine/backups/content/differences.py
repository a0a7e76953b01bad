# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between a source and its restore, said so that a person can act on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from .fingerprint import Content, Fingerprint
from .schema_text import Skeleton

_SHOWN = 5

# What PostgreSQL itself writes differently when it reads its own text of an expression again: IN ('a', 'b') over a
# varchar column comes back with the casts inside the array instead of around it.
_CASTS = re.compile(rb"::(?:character varying|text)(?:\[\])?|[()]")


def content_differences(source: Fingerprint, restored: Fingerprint) -> list[str]:
    """One sentence for each table (and for the large objects) that is not the same."""
    wanted = {(table.schema, table.name): table for table in source.tables}
    found = [(each, wanted.pop((each.schema, each.name), None)) for each in restored.tables]
    told = [(table[:2], f"is missing after the restore ({table.rows} rows)") for table in wanted.values()]
    told += [(now[:2], why) for now, was in found if (why := _difference(was, now))]
    said = [f"table {'.'.join(key)} {why}" for key, why in sorted(told)]
    if (source.large_objects, source.large_objects_hash) != (restored.large_objects, restored.large_objects_hash):
        said.append(
            f"the large objects differ: {restored.large_objects} after the restore, {source.large_objects} in the source"
        )
    return said


def _difference(was: Content | None, now: Content) -> str:
    """What of a table is otherwise in the restored database; empty for nothing."""
    if was is None:
        return "is in the restore but was not in the source"
    if now.rows != was.rows:
        return f"has {now.rows} rows after the restore, {was.rows} in the source"
    return (
        f"has as many rows as the source ({now.rows}), but other content" if was.hash and now.hash != was.hash else ""
    )


def schema_differences(archive: Skeleton, restored: Skeleton) -> list[str]:
    """Sentences on the statements that only one of both has."""
    lost, gained = archive.lines - restored.lines, restored.lines - archive.lines
    if _without_casts(lost) == _without_casts(gained):
        return []
    said = []
    for title, lines in (("only in the archive", lost), ("only in the restored database", gained)):
        if lines:
            shown = " | ".join(line.decode(errors="replace").strip()[:120] for line in list(lines)[:_SHOWN])
            said.append(f"{sum(lines.values())} schema line(s) {title}: {shown}")
    return said


def _without_casts(lines: Counter[bytes]) -> Counter[bytes]:
    return Counter(_CASTS.sub(b"", line) for line in lines.elements())


def row_differences(
    archive: Skeleton, restored: Skeleton, hashed: Collection[tuple[str, str]] | None = None
) -> list[str]:
    """One sentence for each table whose rows read otherwise in a dump of the restored database than in the archive.

    Args:
        archive, restored: With rows.
        hashed: Schema and name of tables that need no such comparison, because their rows' hashes are compared.
    """
    said = []
    for copy in sorted(archive.rows.keys() | restored.rows.keys()):
        if archive.rows.get(copy) != restored.rows.get(copy) and _copied(copy) not in (hashed or ()):
            name = copy.decode(errors="replace").partition(" (")[0].replace("COPY ", "")
            where = "other rows" if copy in archive.rows and copy in restored.rows else "rows on one side only"
            said.append(f"a dump of the restored database has {where} for table {name} than the archive")
    return said


_COPY = re.compile(
    rb'COPY ("(?:[^"]|"")+"|[^".(]+)\.("(?:[^"]|"")+"|[^".(]+) \(|COPY ("(?:[^"]|"")+"|[^".(]+)\.(.+?)  ?FROM',
    re.DOTALL,
)


def _copied(copy: bytes) -> tuple[str, str]:
    """Schema and name of the table of a COPY statement."""
    found = _COPY.match(copy)
    parts = [part.decode(errors="replace") for part in found.groups() if part is not None] if found else ["", ""]
    schema, name = (part[1:-1].replace('""', '"') if part.startswith('"') else part for part in parts)
    return schema, name


def sequence_differences(archive: dict[str, tuple[int, bool]], restored: dict[str, tuple[int, bool]]) -> list[str]:
    """One sentence for each sequence that does not stand where the archive puts it."""
    return [
        f"sequence {name} stands at {restored.get(name, ('nothing', ''))[0]}, at {value[0]} in the archive"
        for name, value in sorted(archive.items())
        if restored.get(name) != value
    ]
