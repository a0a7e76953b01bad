# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup from start to end: dump, globals, manifest, proof."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Callable

from ...errors import TitanError
from ...outcome import silent
from ...postgres.connection import ConnectionSettings
from ...postgres.database import Database
from ...postgres.programs import Programs
from ...steps import step
from ...version import VERSION
from ..catalog.files import digest
from ..catalog.integrity import content_problem
from ..catalog.manifest import GlobalsFile, Manifest
from ..catalog.manifest_file import unproven, write_manifest
from ..catalog.naming import ENCRYPTED, GLOBALS, FileName
from ..catalog.sealed import seal
from ..catalog.source import Source
from ..catalog.verification import Verification
from ..content.exclusions import NOTHING, Exclusions
from ..content.left_out import LeftOut, read_left_out
from ..copy.copy import SERVER_SETTINGS, Copy, copy_of, make_like_source
from ..load.failure import fault_of, is_of_the_backup, says_nothing
from ..programs.codecs import NONE
from ..programs.pipeline import Deadline, Program, output_of
from ..proof.drill import Drill, run_drill
from ..proof.result import Restored
from .dump import Dumped, DumpRequest, take_dump
from .full_disk import full_disk_named
from .globals import dump_globals
from .offsite import copy_away


@dataclass(frozen=True)
class Wanted:
    """What one backup is to be."""

    dest: str
    name: str
    format: str
    compression: str
    verify: str
    programs: Programs
    jobs: int
    lock_timeout: float
    drill_dir: str
    globals: bool
    pin: bool
    accept_shrink: bool = False
    accepted_since: datetime | None = None
    proof: str = "hash"
    drill_on: ConnectionSettings | None = None
    encrypt_to: tuple[str, ...] = ()
    identity: str = ""
    copy_to: tuple[str, ...] = ()
    copy_back: tuple[str, ...] = ()
    accept_left_out: tuple[str, ...] = ()
    excluded: Exclusions = NOTHING
    accept_superuser: bool = False
    use: Callable[[Copy], object] | None = None


def utc_now() -> datetime:
    """Now, in whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def free_name(wanted: Wanted, now: Callable[[], datetime] | None = None) -> FileName:
    """A file name that nothing has yet; waits for the next second when this one's is taken."""
    for _second in range(30):
        file = FileName(wanted.name, (now or utc_now)(), wanted.format, wanted.compression, bool(wanted.encrypt_to))
        stem = f"{file.name}_{file.started:%Y%m%d_%H%M%S}."
        if not any(item.startswith(stem) for item in os.listdir(wanted.dest)):
            return file
        time.sleep(0.2)
    raise TitanError(
        f"The names of the last seconds are all taken in {wanted.dest}: was the clock set back? Try again."
    )


def take_backup(
    database: Database, source: Source, wanted: Wanted, deadline: Deadline, say: Callable[[str], None] = silent
) -> tuple[str, Manifest, list[str]]:
    """Take one backup and prove it.

    Returns:
        Its path, its manifest, and warnings.

    Raises:
        TitanError: it failed; what is on disk then does not count as verified, and its manifest, if it has come to that,
            says why.
    """
    step("backup.start")
    file = free_name(wanted)
    request = DumpRequest(
        dest=wanted.dest,
        file=file,
        programs=wanted.programs,
        lock_timeout=wanted.lock_timeout,
        jobs=wanted.jobs,
        recipients=wanted.encrypt_to,
        hashes=wanted.proof == "hash",
        decode=wanted.verify == "checksum",  # a restore decodes it anyway
        excluded=wanted.excluded,
    )
    say(f"Dumping database {source.database!r} to {request.path} ...")
    left_out = read_left_out(database, wanted.accept_left_out, wanted.excluded.named)
    with full_disk_named(request.dest, source.bytes):
        dumped = take_dump(database, request, deadline, say)
    manifest = _manifest(source, wanted, file, dumped, left_out)
    warnings = [f"The backup does not hold {each}: {each.why}." for each in left_out if not each.accepted]
    unknown = sorted(set(wanted.accept_left_out) - {each.name for each in left_out})
    warnings += [f"Option 'accept_left_out' names {name!r}, which is not left out." for name in unknown]
    if wanted.globals:
        globals_file, warning = _globals(database, wanted, file, deadline)
        manifest = replace(manifest, globals=globals_file)
        warnings += [warning] if warning else []
    manifest = replace(manifest, finished=datetime.now(timezone.utc))
    if wanted.encrypt_to:
        manifest = seal(request.path, manifest, wanted.encrypt_to, deadline)
    write_manifest(request.path, manifest)
    say("Verifying ...")
    step("backup.verify")
    manifest = _prove(request, manifest, wanted, deadline, say)
    if wanted.copy_to:
        step("backup.copy")
        copied = copy_away(request.path, manifest, wanted.copy_to, wanted.copy_back, deadline)
        manifest = replace(manifest, copied=copied)
        write_manifest(request.path, manifest, "backup.copied")
    return request.path, manifest, [*warnings, *manifest.verified.notes]


def _prove(
    request: DumpRequest, manifest: Manifest, wanted: Wanted, deadline: Deadline, say: Callable[[str], None]
) -> Manifest:
    """Verify the backup, note the result in its manifest, and raise unless it is good."""
    path = request.path
    try:
        manifest = manifest.with_verification(verify_backup(request, manifest, wanted, deadline, say))
    except TitanError as error:
        raise unproven(path, error) from error
    write_manifest(path, manifest, "backup.verified")
    if manifest.verified.problem:
        raise TitanError(
            f"The backup {path} was taken but is not good: {manifest.verified.problem}. It does not count; "
            "older backups were left alone.",
            path=path,
        )
    return manifest


def verify_backup(
    request: DumpRequest,
    manifest: Manifest,
    wanted: Wanted,
    deadline: Deadline,
    say: Callable[[str], None] = silent,
) -> Verification:
    """Read the file back and, if wanted, drill it.

    Raises:
        TitanError: no drill could be made, which says nothing about the backup.
    """
    began, path, file = time.monotonic(), request.path, request.file
    found = digest(path)
    if found != manifest.sha256:
        problem = f"it reads back as SHA-256 {found}, written was {manifest.sha256}"
        return Verification("none", datetime.now(timezone.utc), problem)
    try:
        if wanted.verify == "checksum":
            # what was decoded while it was written is, by its SHA-256, what lies there now
            problem = "" if request.decodes else decode_problem(path, file, wanted, deadline)
            level = "none" if problem else "checksum"
            return Verification(level, datetime.now(timezone.utc), problem, seconds=time.monotonic() - began)
        drill = Drill(
            path,
            file.kind,
            manifest,
            wanted.programs,
            deadline,
            wanted.drill_dir,
            wanted.jobs,
            wanted.identity,
            wanted.drill_on,
            say,
            accept_superuser=wanted.accept_superuser,
            use=partial(_use, path, manifest, wanted, deadline, say) if wanted.use else None,
            server_settings=SERVER_SETTINGS if wanted.use else (),
        )
        result = run_drill(drill)
    except TitanError as error:
        return Verification("none", datetime.now(timezone.utc), fault_of(error))
    return result.verification("restored", time.monotonic() - began)


def _use(
    path: str, manifest: Manifest, wanted: Wanted, deadline: Deadline, say: Callable[[str], None], restored: Restored
) -> None:
    """Hand on what was proven, before it is removed."""
    if wanted.use:
        copy = copy_of(restored, path, manifest, wanted.programs)
        say("Collecting statistics ...")
        make_like_source(copy, wanted.jobs, deadline)
        step("backup.use")
        wanted.use(copy)


def decode_problem(path: str, file: FileName, wanted: Wanted, deadline: Deadline) -> str:
    """Why the file cannot be decoded to its end; empty if it can.

    Raises:
        TitanError: it could not be tried, which says nothing about the file.
    """
    if file.encrypted and not wanted.identity:
        return ""  # it can be read back, but not decoded, without the key
    try:
        if file.format == "plain" or file.packed != NONE or file.encrypted:
            problem = content_problem(path, file, wanted.identity, deadline)
            deadline.left()
            if says_nothing(problem):
                raise TitanError(f"Whether the file is whole could not be tried: {problem}.")
            return "" if problem.startswith("it holds no table") else problem
        output_of(Program([wanted.programs.path("pg_restore"), "--file=/dev/null", path]), deadline)
    except TitanError as error:
        if not is_of_the_backup(error):
            raise
        return error.message.rstrip(".")
    return ""


def _globals(database: Database, wanted: Wanted, file: FileName, deadline: Deadline) -> tuple[GlobalsFile | None, str]:
    name = f"{file.name}_{file.started:%Y%m%d_%H%M%S}{GLOBALS}{ENCRYPTED if file.encrypted else ''}"
    path = os.path.join(wanted.dest, name)
    sha256, problem = dump_globals(database.settings, wanted.programs, path, deadline, wanted.encrypt_to)
    if problem:
        return None, f"Roles and tablespaces were not written beside the dump: {problem}"
    return GlobalsFile(name, sha256, os.path.getsize(path)), ""


def _manifest(
    source: Source, wanted: Wanted, file: FileName, dumped: Dumped, left_out: tuple[LeftOut, ...]
) -> Manifest:
    return Manifest(
        engine_version=VERSION,
        file=str(file),
        name=file.name,
        database=source.database,
        system_identifier=source.system_identifier,
        source=source,
        tool_version=wanted.programs.version,
        host=socket.gethostname(),
        started=file.started,
        finished=file.started,
        format=file.format,
        compression=file.compression,
        size=dumped.size,
        sha256=dumped.sha256,
        snapshot=dumped.snapshot,
        fingerprint=dumped.fingerprint,
        structure=dumped.structure,
        left_out=left_out,
        excluded_data=tuple(sorted(wanted.excluded.data)),
        pinned=wanted.pin,
        shrink_accepted=file.started if wanted.accept_shrink else wanted.accepted_since,
        dump_seconds=dumped.seconds,
    )
