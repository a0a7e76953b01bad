# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's work by the installed titan-db, once the play has seen that it is there.

Ansible reads and packs every file that a module may import, for each task; its module unpacks and compiles them on the host. The
installed command has the same files, compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.titan.database.plugins.module_utils._engine.converge.kinds import BY_COMMAND
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp

_SEEN = ("command", "interpreter")
FACT = "titan_db"  # among the host's facts: the command that this play has seen there

display = Display()


def seen(command: str, interpreter: str) -> dict[str, Any]:
    """The facts of a result that has seen the installed command.

    Args:
        command: Its path.
        interpreter: The Python that it was built for.
    """
    return {"ansible_facts": {FACT: {"command": command, "interpreter": interpreter}}}


class CommandAction(ActionBase):
    """Has a module whose work the installed command may do instead."""

    TRANSFERS_FILES = False
    MODULE = ""

    def done(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the module returns, by the command where it is known to be there."""
        found: dict[str, Any] = self._by_command(arguments, task_vars) or self._execute_module(
            module_name=self.MODULE, module_args=arguments, task_vars=task_vars
        )
        return found

    def command_seen(self, task_vars: dict[str, Any]) -> dict[str, str]:
        """The command's path and interpreter; empty if the play has not seen it, or the task is not done at once on its host."""
        if self._task.async_val or self._task.delegate_to:
            return {}
        known = (task_vars.get("ansible_facts") or {}).get(FACT)
        # Facts are what the host says; nothing is taken from it that is not as seen() has it.
        if not isinstance(known, Mapping) or not all(isinstance(known.get(name), str) for name in _SEEN):
            return {}
        return {name: str(known[name]) for name in _SEEN}

    def _by_command(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any] | None:
        known, module = self.command_seen(task_vars), self.MODULE.rpartition(".")[2]
        if not known or module not in BY_COMMAND:
            return None
        request = {
            "module": module,
            "command": known["command"],
            "digest": zipapp.digest(known["interpreter"]),
            "options": arguments,
        }
        found: dict[str, Any] = self._execute_module(
            module_name="titan.database.host_command_run", module_args=request, task_vars=task_vars
        )
        if "unusable" not in found:
            display.vvv(f"Done by {known['command']}")
            return found
        display.vvv(f"The module is sent: {found['unusable']}")
        return None


class EngineAction(CommandAction):
    """Adds nothing to the module."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        result.update(self.done(dict(self._task.args), task_vars or {}))
        return result
