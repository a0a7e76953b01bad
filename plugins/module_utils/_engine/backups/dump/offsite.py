# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a verified backup away with a program of the user's choice, and reading the copy back."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone

from ...errors import TitanError
from ...host.files import sha256_file
from ..catalog.manifest import Copied, Manifest
from ..catalog.manifest_file import manifest_path
from ..programs.pipeline import Deadline, Program, chain, output_of


def copy_away(path: str, manifest: Manifest, command: Sequence[str], back: Sequence[str], deadline: Deadline) -> Copied:
    """Copy the dump, what lies beside it and the manifest.

    Args:
        path: The dump.
        manifest: Its manifest.
        command: Words of the command that copies one file, with {path} and {file}.
        back: Words of the command that prints the copy; empty not to read it back.
        deadline: When it must be done.

    Raises:
        TitanError: a command failed, or a copy reads otherwise than the file.
    """
    folder = os.path.dirname(path)
    beside = [os.path.join(folder, part.file) for part in (manifest.globals, manifest.sealed) if part]
    for item in [path, *beside, manifest_path(path)]:
        try:
            output_of(Program(_filled(command, item)), deadline)
            if back and _sha256_of(Program(_filled(back, item)), deadline) != sha256_file(item):
                raise TitanError("the copy does not read back as the file.")
        except TitanError as error:
            raise TitanError(
                f"The backup {path} is good, but was not copied: of {os.path.basename(item)}, {error.message} Nothing was removed.",
                path=path,
            ) from error
    return Copied(datetime.now(timezone.utc), bool(back))


def _filled(words: Sequence[str], path: str) -> list[str]:
    return [word.replace("{path}", path).replace("{file}", os.path.basename(path)) for word in words]


def _sha256_of(program: Program, deadline: Deadline) -> str:
    digest = hashlib.sha256()
    with chain([program], deadline, stdout=subprocess.PIPE) as started:
        for piece in started.pieces():
            digest.update(piece)
    return digest.hexdigest()
