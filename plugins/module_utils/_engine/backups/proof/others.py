# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drilling a dump that others made, under any name: it is restored, and what is in it is told."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ...errors import TitanError
from ...host.files import absolute
from ...outcome import Call, Data, Outcome
from ...postgres.programs import CLIENT, SERVER, Programs, find_programs
from ...postgres.throw_away import default_directory
from ...version import VERSION
from ..catalog.files import backup_lock, digest, keep_from_others, size_of
from ..catalog.manifest import Manifest
from ..catalog.manifest_file import write_manifest
from ..catalog.naming import DumpKind, FileName, parse_file_name
from ..catalog.recognise import recognise
from ..catalog.verification import Verification
from ..content.fingerprint import Fingerprint
from ..load.failure import fault_of
from ..programs.pipeline import Deadline
from .drill import Drill, run_drill
from .look import Seen, wishes_from
from .result import DrillResult

_OLDEST = 14  # the major whose programs are tried for a dump that does not say what made it
_SHOWN = 200


@dataclass(frozen=True)
class OthersDump:
    """A dump that has no manifest of ours.

    Attributes:
        path: Of the file or directory.
        name: What its name says, if it is that of a backup; such a one gets a manifest.
        kind: What its bytes say.
        programs: That can restore it.
    """

    path: str
    name: FileName | None
    kind: DumpKind
    programs: Programs


def drill_others(path: str, call: Call, known: Manifest | None = None) -> Outcome:
    """Restore the dump into a throw-away cluster and tell what is in it.

    A dump that is called as a backup is gets a manifest of level "checksum": nobody knows what its source held.

    Args:
        path: The dump.
        call: The drill.
        known: The manifest that an earlier drill gave it.

    Raises:
        TitanError: it does not restore, a check does not hold, or it differs from the live database.
    """
    options = call.options
    path = os.path.abspath(path)
    name = parse_file_name(os.path.basename(path))
    wishes = wishes_from(options)
    if call.check_mode:
        _recognised(path, name, call)
        return Outcome(True, {"backup": {"path": path}}, f"Would drill {path}.")
    lock = (
        backup_lock(os.path.dirname(path), name.name, f"a drill of {os.path.basename(path)}") if name else nullcontext()
    )
    with lock:
        dump = _recognised(path, name, call)
        before = digest(path)
        if known and known.sha256 != before:
            raise _not_good(dump, known, f"its SHA-256 is {before}, but {known.sha256} in the manifest")
        try:
            drill = Drill(
                path, dump.kind, None, dump.programs, Deadline(options["timeout"]), absolute(options["drill_dir"]) or default_directory(),
                options["jobs"], absolute(options["identity"]), None, call.say, wishes,
            )  # fmt: skip
            result = run_drill(drill)
        except TitanError as error:
            raise _not_good(dump, known, fault_of(error)) from error
        if digest(path) != before:
            raise TitanError(f"{path} was written to while it was drilled: nothing is known of it.", path=path)
        manifest = _noted(dump, before, result, known)
    return _outcome(dump, result, manifest)


def _recognised(path: str, name: FileName | None, call: Call) -> OthersDump:
    options = call.options
    kind = recognise(path, absolute(options["identity"]), Deadline(options["timeout"]))
    programs = find_programs(options["programs"], kind.major or _OLDEST, [*CLIENT, *SERVER], newer=True)
    return OthersDump(path, name, kind, programs)


def _not_good(dump: OthersDump, known: Manifest | None, problem: str) -> TitanError:
    """What to raise; a manifest that is there says so from then on."""
    if known:
        checked = Verification("none", datetime.now(timezone.utc), problem)
        write_manifest(dump.path, known.with_verification(checked), "drill.manifest")
    return TitanError(f"The backup {dump.path} is not good: {problem}.", path=dump.path)


def _noted(dump: OthersDump, sha256: str, result: DrillResult, known: Manifest | None) -> Manifest | None:
    """The manifest of a dump of one database that is called as a backup is; written beside it."""
    if dump.name is None or result.structure is None:
        return None
    manifest = replace(
        known or _new_manifest(dump, dump.name, sha256),
        tool_version=dump.programs.version,
        fingerprint=result.restored,
        structure=result.structure,
        verified=result.verification("checksum"),
    )
    keep_from_others(dump.path)
    write_manifest(dump.path, manifest, "drill.manifest")
    return manifest


def _new_manifest(dump: OthersDump, name: FileName, sha256: str) -> Manifest:
    return Manifest(
        engine_version=VERSION,
        file=os.path.basename(dump.path),
        name=name.name,
        started=name.started,
        finished=name.started,
        format=name.format,
        compression=name.compression,
        size=size_of(dump.path),
        sha256=sha256,
        adopted=True,
        fingerprint=Fingerprint((), 0, "0"),
    )


def _outcome(dump: OthersDump, result: DrillResult, manifest: Manifest | None) -> Outcome:
    backup = {**(manifest.as_result() if manifest else {}), "path": dump.path}
    data: Data = {"backup": backup, "contents": [seen_data(each) for each in result.seen]}
    require_wishes(dump.path, result, data)
    what = f"{dump.kind.format} dump for PostgreSQL {dump.kind.major or '(unknown)'}"
    summary = (
        f"{dump.path}: {what}, {result.tables} tables, {result.rows} rows counted after restore (there is no manifest to compare "
        f"with) in {result.seconds:.1f} s."
    )
    warnings = (
        result.warnings
        if result.tables
        else (*result.warnings, "It holds no table: it may be the dump of an empty database.")
    )
    return Outcome(True, data, "\n".join([summary, *seen_lines(result.seen)]), warnings=warnings)


def require_wishes(path: str, result: DrillResult, data: Data) -> None:
    """Fail if a check does not hold or the live database differs, though it restores.

    Raises:
        TitanError: with the data as its details.
    """
    if result.problems:
        raise TitanError(f"The backup {path} restores, but {'; '.join(result.problems)}.", **data, path=path)


def seen_data(seen: Seen) -> Data:
    """What was seen in a database, as it is returned."""
    return {
        "database": seen.database,
        "tables": [{"table": f"{each.schema}.{each.name}", "rows": each.rows} for each in seen.content.tables],
        "large_objects": seen.content.large_objects,
        "newest": [each._asdict() for each in seen.newest],
        "checks": [each._asdict() for each in seen.checks],
        "against": None if seen.against is None else [each._asdict() for each in seen.against],
    }


def seen_lines(all_seen: tuple[Seen, ...]) -> list[str]:
    """The same for people."""
    lines = []
    for seen in all_seen:
        if len(all_seen) > 1:
            lines.append(f"database {seen.database}:")
        tables = [f"  {each.schema}.{each.name}: {each.rows} rows" for each in seen.content.tables]
        lines += tables[:_SHOWN] + ([f"  and {len(tables) - _SHOWN} more tables"] if len(tables) > _SHOWN else [])
        lines += [f"  newest {each.table}.{each.column}: {each.newest or 'nothing'}" for each in seen.newest]
        lines += [f"  holds: {each.sql}" for each in seen.checks]
        lines += ["  equals the live database"] if seen.against == () else []
    return lines
