# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's side of the comparison: ask the installed command, if it is what would be installed. Nothing else comes along."""

from __future__ import annotations

import json
import subprocess

from ..errors import OptionError
from ..host.programs import run
from ..outcome import Call, Data, Outcome
from .trust import unusable
from .verdict import Answer, summary_of, unsettled

# The installed file is the archive of the engine; what a user may set (PYTHONPATH ...) is left out.
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from titan_start import use_compiled; use_compiled(sys.argv[1]); "
    "from titan_db.converge.answer import main; main()"
)


def ask(call: Call) -> Outcome:
    """Have the installed command compare the host with call.options["request"]; nothing is written.

    Whatever is in the way of that (no command, another one, one that somebody else could exchange, no answer) is no error: the play
    does its work step by step then.

    Raises:
        OptionError: the request is missing.
    """
    request = call.options["request"]
    if not request:
        raise OptionError(
            "request", None, "The action plugin fills it in; call titan.database.converge_info from a task."
        )
    command = str(call.options["command"])
    reason = unusable(command, str(call.options["digest"]))
    if reason:
        return _told(unsettled("command", reason))
    asked = [str(call.options["interpreter"]), "-I", "-c", _START, command]
    try:
        done = run(asked, input=request.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
        return _told(json.loads(done.stdout))
    except (OSError, ValueError, LookupError, AttributeError) as error:
        return _told(unsettled("command", f"{command} gives no answer: {error}"))


def _told(answer: Answer) -> Outcome:
    data: Data = {**answer}
    warnings = tuple(data.pop("warnings"))
    return Outcome(False, data, summary_of(answer), warnings=warnings)
