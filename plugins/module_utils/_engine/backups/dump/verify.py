# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new backup, read back, and drilled if that is wanted."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import partial
from typing import Callable

from ...errors import TitanError
from ...outcome import silent
from ...steps import step
from ..catalog.files import digest
from ..catalog.integrity import content_problem
from ..catalog.manifest import Manifest
from ..catalog.naming import FileName
from ..catalog.verification import Verification
from ..copy.copy import SERVER_SETTINGS, copy_of, make_like_source
from ..load.failure import fault_of, is_of_the_backup, says_nothing
from ..programs.codecs import NONE
from ..programs.pipeline import Deadline, Program, output_of
from ..proof.drill import Drill, run_drill
from ..proof.result import Restored
from .request import DumpRequest
from .wanted import Wanted


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
