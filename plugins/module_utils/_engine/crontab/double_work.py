# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of other crontabs that do what the jobs do, or delete what the jobs keep. Pure.

Unlike adoption.py this asks for no certainty: a person is told of the line, and decides.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .line import Job

_PROGRAMS = re.compile(r"\b(pg_dump|pg_dumpall|pg_basebackup|vacuumdb|reindexdb|pg_repack|pgbackrest|barman|wal-g)\b")
_STATEMENTS = re.compile(
    r"\b(VACUUM|REINDEX|DELETE\s+FROM|TRUNCATE|DROP\s+TABLE|run_all_cleanups|cleanup_\w+)\b", re.IGNORECASE
)
_SCRIPT = re.compile(r"\S*backup[\w.-]*(?=\s|$|[;&|'\"])", re.IGNORECASE)


@dataclass(frozen=True)
class RiskyLine:
    """A line outside our blocks: its number (from 1), the line, and what it does, as a predicate."""

    number: int
    line: str
    reason: str


def directories(jobs: Sequence[Job], configurations: Sequence[str]) -> tuple[str, ...]:
    """The directories that the jobs work in, and those that their configurations (JSON texts) keep backups in."""
    found = {each.directory for each in jobs}
    for text in configurations:
        try:
            options = json.loads(text)["jobs"].values()
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        found |= {
            str(each[key])
            for each in options
            if isinstance(each, dict)
            for key in ("dest", "backup_dest")
            if each.get(key)
        }
    return tuple(sorted(posixpath.normpath(each) for each in found if posixpath.isabs(each) and each.strip("/")))


def risky_lines(lines: Sequence[str], places: Collection[str]) -> list[RiskyLine]:
    """The lines outside every block of ours that dump, vacuum, reindex or delete, call a backup script, or name one of the places."""
    found, inside = [], False
    for number, line in enumerate(lines, 1):
        if re.match(r"# BEGIN titan\.database crontab ", line):
            inside = True
        if not inside:
            reason = _reason(line, places)
            if reason:
                found.append(RiskyLine(number, line, reason))
        if re.match(r"# END titan\.database crontab ", line):
            inside = False
    return found


def _reason(line: str, places: Collection[str]) -> str:
    if not line.strip() or line.lstrip().startswith("#") or re.match(r"\s*[A-Za-z_]\w*\s*=", line):
        return ""
    program = _PROGRAMS.search(line)
    if program:
        return f"calls {program[1]}"
    statement = _STATEMENTS.search(line)
    if statement and re.search(r"\bpsql\b", line):
        return f"runs {' '.join(statement[1].split())}"
    place = next((each for each in places if re.search(rf"{re.escape(each)}(?![\w.-])", line)), "")
    if place:
        return f"names the directory {place}"
    script = _SCRIPT.search(re.sub(r"[12]?>>?\s*\S+", "", line))
    return f"calls {script[0].rpartition('/')[2]}" if script else ""
