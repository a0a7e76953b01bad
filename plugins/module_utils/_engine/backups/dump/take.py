# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup from start to end: dump, globals, manifest, proof."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Callable

from ...errors import TitanError
from ...outcome import silent
from ...postgres.database import Database
from ...steps import step
from ...version import VERSION
from ..catalog.manifest import GlobalsFile, Manifest
from ..catalog.manifest_file import unproven, write_manifest
from ..catalog.naming import ENCRYPTED, GLOBALS, FileName
from ..catalog.sealed import seal
from ..catalog.source import Source
from ..content.left_out import LeftOut, read_left_out
from ..programs.pipeline import Deadline
from .dump import Dumped, take_dump
from .full_disk import full_disk_named
from .globals import dump_globals
from .offsite import copy_away
from .request import DumpRequest
from .verify import verify_backup
from .wanted import Wanted


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
