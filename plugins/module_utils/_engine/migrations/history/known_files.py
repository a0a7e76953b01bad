# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files the last run knew. The directory stays on the controller; this record of it lies on the target host, outside the
database (so that a restored database does not take it back), and the health check reads there what should be applied."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import OptionError
from ...host.files import is_file_with, make_directories, write_file
from ...host.safe_open import UnsafePathError, read_file
from ...postgres.database import Database
from ...text.json_kinds import parsed
from ..files.migration import Migration
from . import read

_MODE = 0o644


@dataclass(frozen=True)
class PendingStatus:
    """The history beside the record: how many files are known, which are pending, which were applied with another text.

    Those of a history with a name are written as "name: version".

    Attributes:
        unbegun: A history has files, and none of them was ever applied.
    """

    known: int
    pending: tuple[str, ...]
    mismatched: tuple[str, ...]
    unbegun: bool = False


def is_outdated(path: str, migrations: Sequence[Migration]) -> bool:
    """Whether the record differs from the files; False without a record (an empty path)."""
    return bool(path) and not is_file_with(path, _content(migrations), _MODE)


def write(path: str, migrations: Sequence[Migration]) -> None:
    """Make the record say what the files are; a missing parent directory is made with mode 0700."""
    make_directories(os.path.dirname(os.path.abspath(path)), 0o700)
    write_file(path, _content(migrations), _MODE, label="migration.record")


def path_of(record: str, history: str) -> str:
    """Where the record of a history lies: "migrations.json" is "migrations.billing.json" for the history "billing"."""
    head, extension = os.path.splitext(record)
    return f"{head}.{history}{extension}" if history and record else record


def read_pending_status(database: Database, record: str) -> PendingStatus | None:
    """Compare each history with its record; None where no run has left one.

    Raises:
        OptionError: the record is damaged.
        DatabaseError: the history cannot be read.
    """
    paths = {"": record, **_named_records(record)}
    found = [_status_of(database, path, history) for history, path in paths.items()]
    seen = [status for status in found if status is not None]
    if not seen:
        return None
    return PendingStatus(
        sum(status.known for status in seen),
        tuple(key for status in seen for key in status.pending),
        tuple(key for status in seen for key in status.mismatched),
        any(status.unbegun for status in seen),
    )


def _named_records(record: str) -> dict[str, str]:
    """The records of the histories with a name that lie beside this one, by history."""
    folder, name = os.path.split(record)
    head, extension = os.path.splitext(name)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return {}
    found = (
        re.fullmatch(f"{re.escape(head)}\\.([A-Za-z0-9][A-Za-z0-9._-]*){re.escape(extension)}", each) for each in names
    )
    return {each[1]: os.path.join(folder, each[0]) for each in found if each}


def _status_of(database: Database, path: str, history: str) -> PendingStatus | None:
    try:
        known = {str(key): str(value) for key, value in parsed(read_file(path))["files"].items()}
    except FileNotFoundError:
        return None
    except (OSError, UnsafePathError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OptionError("record", path, "It is damaged; the next converge writes it again.") from error
    state = read.read(database, history)
    pending, mismatched, label = [], [], f"{history}: " if history else ""
    for key, checksum in known.items():
        applied = state.get(read.sort_key(key))
        same = applied is not None and applied.checksum == checksum
        if applied is None or not applied.applied or (key.startswith("R__") and not same):
            pending.append(label + key)
        elif not same:
            mismatched.append(label + key)
    unbegun = bool(known) and not any(applied.applied for applied in state.values())
    return PendingStatus(len(known), tuple(pending), tuple(mismatched), unbegun)


def _content(migrations: Sequence[Migration]) -> bytes:
    files = {item.key: item.checksum for item in migrations}
    return json.dumps({"files": files}, indent=1, sort_keys=True).encode() + b"\n"
