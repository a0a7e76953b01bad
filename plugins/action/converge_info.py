# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module titan.database.converge_info: what the steps take from the controller goes with the request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.titan.database.plugins.module_utils._engine.converge.kinds import KINDS
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.options import CONNECTION
from ansible_collections.titan.database.plugins.plugin_utils.migration_files import FilesAction

MODULE = "titan.database.converge_info"


class ActionModule(FilesAction):
    """See the documentation of the module titan.database.converge_info."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        given = dict(self._task.args)
        connection = {name: given.pop(name) for name in CONNECTION if name in given}
        interpreter = str(given.get("interpreter") or "/usr/bin/python3")
        try:
            declared = given.pop("steps", None) or self._declared(str(given.pop("variable", "")), task_vars or {})
            steps = [self._step(step, connection) for step in declared if boolean(step.get("when", True), strict=False)]
        except (TitanError, AnsibleError) as error:  # the task that does the step says it
            result.update(settled=False, step="variable", reason=error.message, found={}, changed=False)
            return result
        arguments = {
            **given,
            "request": json.dumps({"steps": steps}),
            "digest": hashlib.sha256(zipapp.build(interpreter)).hexdigest(),
        }
        result.update(self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars))
        result.get("invocation", {}).get("module_args", {}).pop("request", None)
        return result

    def _declared(self, name: str, task_vars: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._templar.template(task_vars.get(name, []))
        return found

    def _step(self, step: Mapping[str, Any], connection: Mapping[str, Any]) -> dict[str, Any]:
        name, options = str(step["name"]), dict(step.get("options") or {})
        if name in KINDS and KINDS[name].connects:
            options = {**connection, **options}
        if options.get("path") and name == "migration" and options.get("files") is None:
            options["files"] = self.files(str(options["path"]), str(options.get("naming") or "plain"))
        return {"name": name, "user": str(step.get("user") or ""), "options": options}
