# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server would start again, asked before it is stopped."""

from __future__ import annotations

import os
import shlex

from ...errors import TitanError
from ...host.act_as import acting_for
from ...host.programs import TimedOutError, run
from .control import Control, without_values

_LIMIT = 60  # seconds for the server's program to read its configuration


def require_startable(control: Control) -> None:
    """Let the server's own program read the live configuration: a server that runs keeps what it read when it started.

    Raises:
        TitanError: it would not start with it; nothing was stopped.
    """
    argv = [os.path.join(control.programs, "postgres"), "-D", control.data, *control.arguments, "-C", "data_directory"]
    try:
        with acting_for([control.data]):
            done = run(
                argv,
                capture_output=True,
                timeout=_LIMIT,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            )
    except (OSError, TimedOutError) as error:
        raise TitanError(f"It cannot be seen whether the server would start again: {argv[0]}: {error}.") from None
    if done.returncode:
        said = without_values(done.stderr.decode(errors="replace"))
        raise TitanError(
            f"The live server would not start again: its configuration was changed after it had started, and is wrong ({said}). "
            f"Correct it first; this says the same: {shlex.join(argv)}. Nothing was stopped."
        )
