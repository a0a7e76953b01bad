# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that holds a manifest, beside its backup."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from ...errors import TitanError
from ...host.files import published
from ...host.safe_open import UnsafePathError, regular_stream
from ...text.json_kinds import parsed
from .files import hand_over
from .manifest import Manifest
from .manifest_reader import manifest_from_json
from .naming import MANIFEST
from .record_text import json_parts

_STRUCTURE, _END = b' "structure": {\n', b" },\n"


def manifest_path(path: str) -> str:
    """Where the manifest of the backup at path lies."""
    return path + MANIFEST


def read_manifest(path: str, structure: bool = True) -> Manifest:
    """Read the manifest of the backup at path.

    Args:
        path: The backup.
        structure: False to leave the structure out, by far the largest part.

    Raises:
        FileNotFoundError: there is none.
        TitanError: it cannot be read, or is not a manifest that this version understands; the message says why.
    """
    try:
        with regular_stream(manifest_path(path)) as stream:
            found = parsed(stream.read()) if structure else parsed(b"".join(_without_structure(stream)))
    except FileNotFoundError:
        raise
    except UnsafePathError as error:
        raise TitanError(f"its manifest {error.why}") from error
    except (OSError, ValueError) as error:
        raise TitanError(f"its manifest cannot be read ({error})") from error
    manifest = manifest_from_json(found)
    if manifest.file != os.path.basename(path):
        raise TitanError(f"its manifest is that of {manifest.file!r}")
    return manifest


def _without_structure(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a manifest, as json_bytes() writes it, without the structure: no line of a JSON text is within a string."""
    inside = False
    for line in lines:
        inside = inside or line == _STRUCTURE
        if not inside:
            yield line
        inside = inside and line != _END


def write_manifest(path: str, manifest: Manifest, label: str = "backup.manifest") -> None:
    """Write the manifest of the backup at path: whole or not at all, mode 0600."""
    content = manifest.in_clear() if manifest.sealed else manifest.as_json()
    with published(manifest_path(path), 0o600, label) as stream:
        stream.writelines(json_parts(content))
    hand_over(manifest_path(path))


def unproven(path: str, error: TitanError) -> TitanError:
    """What to say when no verdict on a new backup was reached."""
    return TitanError(
        f"The backup {path} was taken but could not be proven: {error.message} It does not count as verified; "
        "older backups were left alone.",
        **{**error.details, "path": path},
    )
