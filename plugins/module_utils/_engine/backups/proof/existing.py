# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drilling a backup that exists already, and noting in its manifest what came out."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from ...errors import OptionError, TitanError
from ...host.files import absolute
from ...outcome import Call, Data, Outcome
from ...postgres.programs import CLIENT, SERVER, Programs, find_programs
from ...postgres.throw_away import default_directory
from ..catalog.entry import Entry
from ..catalog.files import backup_lock, digest
from ..catalog.manifest import Manifest
from ..catalog.manifest_file import manifest_path, write_manifest
from ..catalog.naming import FileName, parse_file_name
from ..catalog.read import read_entry
from ..catalog.sealed import unseal
from ..catalog.verification import Verification
from ..load.failure import fault_of
from ..load.room import drill_room, require_room
from ..programs.pipeline import Deadline
from .drill import Drill, run_drill
from .look import wishes_from
from .others import drill_others, require_wishes, seen_data, seen_lines
from .result import DrillResult


def drill_entry(entry: Entry, call: Call) -> Outcome:
    """Drill one backup.

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
    if entry.manifest is None or entry.manifest.adopted:
        return drill_others(entry.path, call, entry.manifest)
    programs = programs_for(entry.manifest, options["programs"])
    if call.check_mode:
        return Outcome(True, {"backup": {"path": entry.path}}, f"Would drill {entry.path}.")
    with backup_lock(os.path.dirname(entry.path), entry.name, f"a drill of {os.path.basename(entry.path)}"):
        now = read_entry(entry.path).manifest  # somebody may have pinned it meanwhile
        if now is None:
            raise TitanError(f"The manifest of {entry.path} is missing or cannot be read.", path=entry.path)
        return _drilled(entry.path, now, file, programs, call)


def programs_for(manifest: Manifest, folder: str | None) -> Programs:
    """Those of the major that made the dump."""
    return find_programs(folder, manifest.tool_major or _ANY_MAJOR, [*CLIENT, *SERVER], newer=not manifest.tool_major)


def place_for(manifest: Manifest, drill_dir: str | None) -> str:
    """The directory for the cluster: the one that is given, or the usual one, if there is room in it.

    Raises:
        TitanError: there is not.
    """
    folder = absolute(drill_dir) or default_directory()
    if manifest.source:
        require_room([(folder, drill_room(manifest.source.bytes))], "Name another one in 'drill_dir'.")
    return folder


_ANY_MAJOR = 14  # of a manifest that does not say it; the oldest installed one that can do it is tried


def _drilled(path: str, manifest: Manifest, file: FileName, programs: Programs, call: Call) -> Outcome:
    options = call.options
    wishes = wishes_from(options)
    manifest = unseal(path, manifest, absolute(options["identity"]), Deadline(options["timeout"]))
    found, result, problem = digest(path), None, ""
    if found != manifest.sha256:
        problem = f"its SHA-256 is {found}, but {manifest.sha256} in the manifest"
    else:
        folder = place_for(manifest, options["drill_dir"])
        try:
            drill = Drill(
                path, file.kind, manifest, programs, Deadline(options["timeout"]),
                folder, options["jobs"], absolute(options["identity"]), None,
                call.say, wishes,
            )  # fmt: skip
            result = run_drill(drill)
        except TitanError as error:
            problem = fault_of(error)
    checked = result.verification("restored") if result else Verification("none", datetime.now(timezone.utc), problem)
    write_manifest(path, manifest.with_verification(checked), "drill.manifest")
    if result is None or checked.problem:
        raise TitanError(f"The backup {path} is not good: {checked.problem}.", path=path)
    return _outcome(path, manifest, checked, result)


def _outcome(path: str, manifest: Manifest, checked: Verification, result: DrillResult) -> Outcome:
    data: Data = {
        "backup": {**manifest.as_result(), "path": path, "verified": checked.as_json()},
        "contents": [] if manifest.sealed else [seen_data(each) for each in result.seen],
    }
    require_wishes(path, result, data)
    summary = f"{path}: {checked.tables} tables, {checked.rows} rows compared after restore{manifest.without} in {checked.seconds:.1f} s."
    lines = seen_lines(tuple(each for each in result.seen if each.newest or each.checks or each.against is not None))
    return Outcome(True, data, "\n".join([summary, *lines]), warnings=result.warnings)
