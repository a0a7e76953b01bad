# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that is to be restored: its whole manifest, and how its undamaged file is read."""

from __future__ import annotations

import os
from dataclasses import replace

from ...errors import TitanError
from ..catalog.entry import Entry
from ..catalog.files import require_undamaged
from ..catalog.manifest import Manifest
from ..catalog.naming import DumpKind, parse_file_name
from ..catalog.recognise import recognise
from ..catalog.sealed import unseal
from ..programs.pipeline import Deadline


def opened(entry: Entry, identity: str, deadline: Deadline) -> tuple[Entry, DumpKind]:
    """The backup with its whole manifest, whose file is undamaged, and how it is read.

    Raises:
        TitanError: it cannot be used.
    """
    if entry.manifest:
        entry = replace(entry, manifest=unseal(entry.path, entry.manifest, identity, deadline))
    return entry, _sound(entry, identity, deadline)


def is_foreign(manifest: Manifest | None) -> bool:
    return manifest is None or manifest.adopted


def _sound(entry: Entry, identity: str, deadline: Deadline) -> DumpKind:
    """How the dump is read: by its name if it is ours, by its bytes if others made it."""
    ours = entry.manifest is not None and not entry.manifest.adopted
    file = parse_file_name(os.path.basename(entry.path))
    if entry.problem or (ours and file is None):
        raise TitanError(
            f"The backup {entry.path} cannot be used: {entry.problem or 'its name is not that of a backup'}."
        )
    if entry.sha256:
        require_undamaged(entry.path, entry.sha256)
    return file.kind if ours and file else recognise(entry.path, identity, deadline)
