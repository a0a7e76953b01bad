# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinning a backup that exists already, so that it is never removed, and letting it go again."""

from __future__ import annotations

import os
from dataclasses import replace

from ...errors import OptionError, TitanError
from ...outcome import Call, Outcome
from .entry import PHYSICAL, Entry
from .files import backup_lock
from .manifest import Manifest
from .manifest_file import write_manifest
from .read import read_entry
from .report import public_entry


def pin_entry(entry: Entry, call: Call) -> Outcome:
    """Note in the backup's manifest whether the keep rules may ever remove it.

    Raises:
        OptionError: there is no such file, or no manifest that could say so.
        TitanError: the backup is damaged and is to be pinned.
        LockedError: a backup, drill or clean-up of this name is running.
    """
    wanted = call.options["state"] == "present"
    _require_usable(entry, wanted)
    if not call.check_mode and entry.pinned != wanted:
        with backup_lock(os.path.dirname(entry.path), entry.name, f"pinning {os.path.basename(entry.path)}"):
            now = read_entry(entry.path)  # a drill may have noted its result meanwhile
            write_manifest(entry.path, replace(_require_usable(now, wanted), pinned=wanted), "pin.manifest")
        if read_entry(entry.path).pinned != wanted:
            raise TitanError(f"The manifest of {entry.path} does not read back as it was written.")
    name = os.path.basename(entry.path)
    data = {"backup": {**public_entry(entry), "pinned": wanted}}
    changed = entry.pinned != wanted
    told = (
        f"{name} is {'pinned: it stays until it is unpinned' if wanted else 'not pinned: the keep rules apply to it'}"
    )
    return Outcome(
        changed, data, f"{told}{'' if changed else ', as before'}.", _line(name, entry.pinned), _line(name, wanted)
    )


def _require_usable(entry: Entry, wanted: bool) -> Manifest:
    if entry.format == PHYSICAL:
        raise OptionError("source", entry.path, "pgBackRest removes its backups by its own rules, which know no pins.")
    if not os.path.lexists(entry.path) and not entry.manifest:
        raise OptionError("source", entry.path, "There is no such file.")
    if entry.manifest is None:
        why = entry.problem or "it has no manifest, because another program made it; a drill gives it one"
        raise OptionError("source", entry.path, f"It cannot be pinned: {why}.")
    if wanted and entry.problem:
        raise TitanError(f"The backup {entry.path} cannot be pinned: {entry.problem}.", path=entry.path)
    return entry.manifest


def _line(name: str, pinned: bool) -> str:
    return f"{name}{' (pinned)' if pinned else ''}\n"
