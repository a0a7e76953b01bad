# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the last rehearsal, and whether it is one of these files on a backup that is young enough."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..backups.catalog.record_text import format_time
from ..errors import TitanError
from ..host.files import make_directories, write_file
from ..host.safe_open import UnsafePathError, read_file
from ..migrations.files.migration import Migration
from ..migrations.history.known_files import path_of
from ..steps import step
from ..text.durations import parse_seconds
from ..text.json_kinds import parsed

_MODE = 0o600


@dataclass(frozen=True)
class RehearsalRecord:
    """One rehearsal.

    Attributes:
        passed: Whether nothing was wrong.
        problems: What was.
        rehearsed: When it ended, in seconds since 1970.
        backup, backup_finished: The backup's path, and when it was taken, in seconds since 1970.
        database: The name of the database that it is of.
        run: Versions that were run.
        files: SHA-256 of each file with its rollback, by version (of a repeatable one, by R__name).
        options: SHA-256 of what else decides how the files run.
    """

    passed: bool
    rehearsed: float
    backup: str
    backup_finished: float
    database: str
    problems: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    options: str = ""


def checksums(migrations: Iterable[Migration]) -> dict[str, str]:
    """What the record knows the files by."""
    return {item.key: _digest([item.checksum, item.down_text, item.transaction]) for item in migrations}


def digest_of_options(options: Mapping[str, Any], names: Iterable[str]) -> str:
    """Of what decides how the files run."""
    return _digest([[name, options[name] or None] for name in sorted(names)])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def write_record(path: str, history: str, record: RehearsalRecord) -> None:
    """Keep it; a missing parent directory is made with mode 0700."""
    step("rehearsal.record")
    path = path_of(os.path.abspath(path), history)
    make_directories(os.path.dirname(path), 0o700)
    content = json.dumps(asdict(record), indent=1, sort_keys=True).encode() + b"\n"
    write_file(path, content, _MODE, label="rehearsal.record")


def read_record(path: str, history: str) -> RehearsalRecord | None:
    """The record; None if there is none.

    Raises:
        TitanError: it cannot be read.
    """
    path = path_of(os.path.abspath(path), history)
    try:
        data = parsed(read_file(path))
        known = {name: data[name] for name in RehearsalRecord.__dataclass_fields__ if name in data}
        for name in ("problems", "run"):
            known[name] = tuple(map(str, known.get(name, ())))
        return RehearsalRecord(**known)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, UnsafePathError) as error:
        raise TitanError(f"The record of the rehearsal {path} cannot be read ({error}). Rehearse again.") from error


def why_not_enough(
    record: RehearsalRecord | None, migrations: Sequence[Migration], options: str, within: object, now: datetime
) -> str:
    """Why the record does not show that these files may run; empty if it does.

    Args:
        within: The greatest age of the backup, as the option has it.
        options: digest_of_options of the run that is to come.

    Raises:
        OptionError: within is no length of time.
    """
    limit = parse_seconds("backup_within", within)
    if record is None:
        return "These files were not rehearsed yet."
    wanted = checksums(migrations)
    other = sorted(key for key in {*wanted, *record.files} if wanted.get(key) != record.files.get(key))
    if other:
        return f"Other files were rehearsed than these; different are: {', '.join(other[:10])}{' ...' if other[10:] else ''}."
    if record.options != options:
        return "These files were rehearsed with other options than those that they are to run with."
    if not record.passed:
        return f"The rehearsal of these files did not pass: {' '.join(record.problems)}"
    age = now.timestamp() - record.backup_finished
    if age > limit or age < -300:
        taken = datetime.fromtimestamp(record.backup_finished, timezone.utc)
        return f"These files were rehearsed on a backup of {format_time(taken)}; backup_within is {within}."
    return ""
