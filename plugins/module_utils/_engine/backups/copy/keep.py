# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy for a person: kept for a while, then removed."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import suppress

from ...errors import OptionError
from ...outcome import Call, Outcome
from ...postgres.connection import ConnectionSettings
from ...postgres.programs import Programs
from ...text.durations import parse_seconds
from ..catalog.entry import Entry
from ..programs.pipeline import Deadline
from .copy import Copy, use_copy

_LOOKS_EVERY = 1.0


def keep_copy(entry: Entry, call: Call) -> Outcome:
    """Make a copy, print how psql reaches it, and keep it until the time is over or the person interrupts.

    Raises:
        TitanError: the backup is not good.
    """
    options = call.options
    keep, deadline = parse_seconds("keep", options["keep"]), Deadline(options["timeout"])
    if options["timeout"] and keep >= options["timeout"]:
        raise OptionError("keep", options["keep"], "It must be shorter than 'timeout', which ends the whole run.")
    if call.check_mode:
        return Outcome(
            False, {"backup": entry.path}, f"Would make a copy of {entry.path} and keep it for {keep:.0f} s."
        )

    def hold(copy: Copy) -> str:
        command = psql_command(copy.superuser if copy.contained else copy.owner, copy.programs)
        wait_for_a_person(f"The copy is ready, for {options['keep']} or until Ctrl-C:\n{command}\n", keep, deadline)
        return command

    command, warnings = use_copy(entry, options, deadline, call.say, hold)
    said = f"The copy of {entry.path} was removed."
    return Outcome(False, {"backup": entry.path, "command": command}, said, warnings=warnings)


def wait_for_a_person(said: str, seconds: float, deadline: Deadline) -> None:
    """Tell a person what is there, and wait until the time is over or Ctrl-C.

    Raises:
        TitanError: the run's time is up.
    """
    sys.stderr.write(said)
    sys.stderr.flush()
    ends = time.monotonic() + seconds
    with suppress(KeyboardInterrupt):
        while time.monotonic() < ends:
            deadline.left()
            time.sleep(min(_LOOKS_EVERY, max(0.0, ends - time.monotonic())))


def psql_command(who: ConnectionSettings, programs: Programs) -> str:
    """The command for a shell."""
    words = ["psql", "-h", who.socket, "-p", str(who.port), "-U", who.user, "-d", who.database]
    return shlex.join([programs.path("psql"), *words[1:]])
