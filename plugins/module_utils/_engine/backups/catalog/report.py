# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog entries as the modules return and show them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from ...outcome import Data
from .entry import Entry
from .record_text import format_time


def listing_diff(entries: Sequence[Entry], removed: Sequence[str], new: str) -> tuple[str, str]:
    before = [os.path.basename(entry.path) for entry in entries]
    after = [new, *(os.path.basename(entry.path) for entry in entries if entry.path not in removed)]
    return "".join(f"{item}\n" for item in before), "".join(f"{item}\n" for item in after)


def listing_line(entry: Entry) -> str:
    """A backup as the list shows it."""
    pinned = "  pinned" if entry.pinned else ""
    return f"{entry.path}  {entry.size} bytes  {entry.problem or entry.verified_level + entry.without}{pinned}"


def public_entry(entry: Entry) -> Data:
    """An entry as modules return it: the manifest's facts, and what was found now."""
    found: Data = {
        "path": entry.path,
        "name": entry.name,
        "database": entry.database,
        "system_identifier": entry.system_identifier,
        "started": _text(entry.started),
        "finished": _text(entry.finished),
        "size": entry.size,
        "sha256": entry.sha256,
        "format": entry.format,
        "verified_level": entry.verified_level,
        "verified_at": _text(entry.verified_at),
        "problem": entry.problem,
        "adopted": entry.adopted,
        "pinned": entry.pinned,
    }
    known = entry.manifest.as_result() if entry.manifest else entry.record.as_json() if entry.record else {}
    return {**known, **found}


def _text(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
