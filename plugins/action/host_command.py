# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build titan-db from the engine on the controller and send it along with the module: one round trip."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.titan.database.plugins.module_utils._engine.environment.host_command import (
    HOST_COMMAND,
    packed,
)
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.plugin_utils.by_command import seen


class ActionModule(ActionBase):
    """See the documentation of the module titan.database.host_command."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        interpreter = str(arguments.get("interpreter") or HOST_COMMAND["interpreter"].default)
        arguments["content"] = packed(zipapp.build(interpreter))
        result.update(
            self._execute_module(module_name="titan.database.host_command", module_args=arguments, task_vars=task_vars)
        )
        if not result.get("failed") and not (result.get("changed") and self._task.check_mode):
            result.update(seen(result["path"], interpreter))
        result.get("invocation", {}).get("module_args", {}).pop("content", None)
        return result
