# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drilling a backup that exists already, and noting in its manifest what came out."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from ...errors import OptionError, TitanError
from ...host.files import absolute
from ...outcome import Call, Outcome
from ...postgres.programs import CLIENT, SERVER, Programs, find_programs
from ...postgres.throw_away import default_directory
from ...version import VERSION
from ..catalog.entry import Entry
from ..catalog.files import backup_lock, digest
from ..catalog.manifest import Manifest, Verification, manifest_path, write_manifest
from ..catalog.naming import FileName, parse_file_name
from ..catalog.read import read_entry
from ..catalog.sealed import unseal
from ..content.fingerprint import Fingerprint
from ..programs.pipeline import Deadline
from .drill import run_drill


def drill_entry(entry: Entry, call: Call) -> Outcome:
    """Drill one backup.

    A file without a manifest (made by others) gets one when its restore works: level "checksum", because nobody knows
    what its source held.

    Raises:
        TitanError: it is damaged, does not restore, or differs from its source; the manifest says so from then on.
    """
    file = parse_file_name(os.path.basename(entry.path))
    if file is None:
        raise OptionError("source", entry.path, "It must be a backup called <name>_YYYYMMDD_HHMMSS.<extension>.")
    if not os.path.lexists(entry.path):
        raise OptionError("source", entry.path, "There is no such file.")
    options = call.options
    if options["jobs"] < 1:
        raise OptionError("jobs", options["jobs"], "Use 1 or more.")
    if entry.manifest is None and os.path.lexists(manifest_path(entry.path)):
        raise TitanError(f"The backup {entry.path} cannot be drilled: {entry.problem}.", path=entry.path)
    programs = _programs(entry, options["programs"])
    if call.check_mode:
        return Outcome(True, {"backup": {"path": entry.path}}, f"Would drill {entry.path}.")
    with backup_lock(os.path.dirname(entry.path), entry.name, f"a drill of {os.path.basename(entry.path)}"):
        return _drilled(read_entry(entry.path), file, programs, call)  # somebody may have pinned it meanwhile


def _programs(entry: Entry, folder: str | None) -> Programs:
    """Those of the major that made the dump."""
    needed = [*CLIENT, *SERVER]
    if entry.manifest and entry.manifest.tool_major:
        return find_programs(folder, entry.manifest.tool_major, needed)
    return find_programs(folder, _ANY_MAJOR, needed, newer=True)


_ANY_MAJOR = 14  # of a file without a manifest nothing is known; the oldest installed one that can do it is tried


def _drilled(entry: Entry, file: FileName, programs: Programs, call: Call) -> Outcome:
    options, manifest = call.options, entry.manifest
    if manifest:
        manifest = unseal(entry.path, manifest, absolute(options["identity"]), Deadline(options["timeout"]))
    found = digest(entry.path)
    problem, tables, rows, seconds, restored = "", 0, 0, 0.0, None
    notes: tuple[str, ...] = ()
    if manifest and found != manifest.sha256:
        problem = f"its SHA-256 is {found}, but {manifest.sha256} in the manifest"
    else:
        try:
            folder = absolute(options["drill_dir"]) or default_directory()
            result = run_drill(
                entry.path,
                file,
                manifest,
                programs,
                Deadline(options["timeout"]),
                folder,
                options["jobs"],
                absolute(options["identity"]),
                say=call.say,
            )
            problem, tables, rows = "; ".join(result.differences), result.tables, result.rows
            seconds, restored, notes = result.seconds, result.restored, result.warnings
        except TitanError as error:
            if not error.details.get("of_the_backup"):
                raise
            problem = error.message.rstrip(".")
    level = "none" if problem else "restored" if manifest else "checksum"
    noted = manifest if manifest else _adopted(entry, file, programs, found, restored) if restored else None
    if noted:
        checked = Verification(level, datetime.now(timezone.utc), problem, tables, rows, seconds, notes)
        write_manifest(entry.path, noted.with_verification(checked), "drill.manifest")
    if problem:
        raise TitanError(f"The backup {entry.path} is not good: {problem}.", path=entry.path)
    what = "compared" if manifest else "counted (there is no manifest to compare with)"
    summary = f"{entry.path}: {tables} tables, {rows} rows {what} after restore{noted.without if noted else ''} in {seconds:.1f} s."
    return Outcome(
        True,
        {"backup": {**(noted.as_result() if noted else {}), "path": entry.path, "verified": checked.as_json()}},
        summary,
        warnings=notes,
    )


def _adopted(entry: Entry, file: FileName, programs: Programs, found: str, restored: Fingerprint) -> Manifest:
    """A manifest for a file of others, from what its restore holds."""
    return Manifest(
        engine_version=VERSION,
        file=str(file),
        name=file.name,
        started=entry.started,
        finished=entry.finished,
        format=file.format,
        compression=file.compression,
        size=entry.size,
        sha256=found,
        adopted=True,
        tool_version=programs.version,
        fingerprint=restored,
    )
