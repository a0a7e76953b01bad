# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module titan.database.converge_info: what the steps take from the controller goes with the request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display
from ansible_collections.titan.database.plugins.module_utils._engine.converge.kinds import KINDS
from ansible_collections.titan.database.plugins.module_utils._engine.converge.options import CONVERGE_INFO
from ansible_collections.titan.database.plugins.module_utils._engine.converge.verdict import unsettled
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.options import CONNECTION
from ansible_collections.titan.database.plugins.plugin_utils.asking import answer, as_returned, program
from ansible_collections.titan.database.plugins.plugin_utils.by_command import seen
from ansible_collections.titan.database.plugins.plugin_utils.migration_files import FilesAction
from ansible_collections.titan.database.plugins.plugin_utils.piped_python import run_python
from ansible_collections.titan.database.plugins.plugin_utils.plain_values import with_plain_values

# Variables of the roles that name the options' own variables, some hundred of them.
_OF_ROLES = tuple(
    f"{role}_{kind}_options"
    for role in ("backup", "crontab", "host", "migrations", "retention")
    for kind in ("module", "job")
)

display = Display()


class ActionModule(FilesAction):
    """See the documentation of the module titan.database.converge_info."""

    MODULE = "titan.database.converge_info"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        given = dict(self._task.args)
        connection = {name: given.pop(name) for name in CONNECTION if name in given}
        interpreter = str(given.get("interpreter") or CONVERGE_INFO["interpreter"].default)
        try:
            declared = given.pop("steps", None) or self._declared(str(given.pop("variable", "")), task_vars or {})
            steps = [self._step(step, connection) for step in declared if boolean(step.get("when", True), strict=False)]
        except (TitanError, AnsibleError) as error:  # the task that does the step says it
            result.update(as_returned(unsettled("variable", error.message)))
            return result
        command = str(given.get("command") or CONVERGE_INFO["command"].default)
        digest = zipapp.digest(interpreter)
        if self._is_pipelining_enabled("new"):
            result.update(self._ask(interpreter, command, digest, steps))
            return result
        arguments = {**given, "request": json.dumps({"steps": steps}), "digest": digest}
        result.update(self._execute_module(module_name=self.MODULE, module_args=arguments, task_vars=task_vars))
        result.get("invocation", {}).get("module_args", {}).pop("request", None)
        return result

    def _ask(self, interpreter: str, command: str, digest: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
        """The same as the module without one: a module takes longer to start than the comparison to be asked for."""
        display.vvv(f"Asking {command} through the connection")
        found, ended = run_python(self, [interpreter, "-I"], program(command, digest, steps))
        if found is None:
            last = ([line for line in ended["stderr_lines"] if line.strip()] or [f"status {ended['rc']}"])[-1]
            return as_returned(unsettled("command", f"{command} gives no answer: {last}"))
        return {**as_returned(answer(found)), **({} if "unusable" in found else seen(command, interpreter))}

    def _declared(self, name: str, task_vars: dict[str, Any]) -> list[dict[str, Any]]:
        variables = with_plain_values(task_vars, _OF_ROLES)
        templar = self._templar.copy_with_new_env(available_variables=variables)
        found: list[dict[str, Any]] = templar.template(variables.get(name, []))
        return found

    def _step(self, step: Mapping[str, Any], connection: Mapping[str, Any]) -> dict[str, Any]:
        name, options = str(step["name"]), dict(step.get("options") or {})
        if name in KINDS and KINDS[name].connects:
            options = {**connection, **options}
        if options.get("path") and name == "migration" and options.get("files") is None:
            options["files"] = self.files(str(options["path"]), str(options.get("naming") or "plain"))
        return {"name": name, "user": str(step.get("user") or ""), "options": options}
