# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module titan.database.migration."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.titan.database.plugins.plugin_utils.migration_files import MigrationAction
from ansible_collections.titan.database.plugins.plugin_utils.piped_python import run_python
from ansible_collections.titan.database.plugins.plugin_utils.sent_engine import interpreter_of, program

display = Display()


class ActionModule(MigrationAction):
    """See the documentation of the module titan.database.migration."""

    MODULE = "titan.database.migration"
    PROGRESS = True

    def settled(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any] | None:
        applies = boolean(arguments.get("apply_pending", True), strict=False) and not self._task.check_mode
        if arguments.get("state") == "rolled_back" or (applies and self.command_seen(task_vars)):
            return None  # where much is likely to be done, the command does it quicker than this could find out
        interpreter = interpreter_of(self, task_vars)
        if not interpreter:
            return None
        result: dict[str, Any] | None = run_python(self, [interpreter], program("migration", arguments))[0]
        display.vvv("Nothing is done: no module is needed" if result else "The module is needed")
        return result
