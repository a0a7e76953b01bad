# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Python on the host that reads its program from its input: nothing of it is in an argument or a file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.titan.database.plugins.module_utils._engine import errors

ENGINE = Path(errors.__file__).parent
MARK = "titan-db answers: "  # what the program prints before its answer, at the beginning of a line


def run_python(action: ActionBase, command: list[str], program: bytes) -> tuple[Any, dict[str, Any]]:
    """Run the program through the action's connection.

    Args:
        command: The interpreter and its options.
        program: Prints its answer as JSON behind the mark.

    Returns:
        The answer, None if it did not come to that; and how the command ended, as Ansible says it.
    """
    words = [action._compute_environment_string(), *map(shlex.quote, command), "-"]
    ended: dict[str, Any] = action._low_level_execute_command(" ".join(filter(None, words)), in_data=program)
    return (printed(ended["stdout"]) if ended["rc"] == 0 else None), ended


def printed(stdout: str) -> Any:
    """The answer behind the mark; None if there is not one. Whatever else the host says, such as a banner, does not count."""
    marked = [line[len(MARK) :] for line in stdout.splitlines() if line.startswith(MARK)]
    return json.loads(marked[0]) if len(marked) == 1 else None
