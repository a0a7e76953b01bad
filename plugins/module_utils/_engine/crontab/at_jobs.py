# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What at(1) and batch(1) have in their queue: for root the jobs of everybody, for others their own."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

from ..host.programs import TimedOutError, run
from .readable import files_in, start_of

SPOOLS: tuple[str, ...] = ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs")
PROGRAM_DIRECTORIES = ("/usr/bin", "/bin")


def at_jobs() -> Iterator[tuple[str, str]]:
    """Name for messages and commands of each job; line numbers are those of the commands."""
    if not os.geteuid():
        for folder in SPOOLS:
            for path in files_in(folder):
                yield path, commands_of(start_of(path).decode("utf-8", "replace"))
        return
    program = shutil.which("at", path=os.pathsep.join(PROGRAM_DIRECTORIES))
    for number in re.findall(r"^\d+", _said(program, "-l"), re.MULTILINE) if program else ():
        yield f"at job {number}", commands_of(_said(program, "-c", number))


def commands_of(script: str) -> str:
    """The commands of a job, without the environment that at puts before them and the marks around them."""
    lines = script.splitlines()
    if "}" in lines:  # the end of "cd ... || { ... }"
        lines = lines[lines.index("}") + 1 :]
    return "\n".join(line for line in lines if "marcinDELIMITER" not in line)


def _said(program: str | None, *arguments: str) -> str:
    try:
        done = run(
            [str(program), *arguments],
            capture_output=True,
            env={"PATH": os.pathsep.join(PROGRAM_DIRECTORIES)},
            timeout=10,
        )
    except (OSError, TimedOutError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
