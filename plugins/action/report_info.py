# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of the module titan.database.report_info: the page goes into the site, not into the result."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.fleet.site import keep_report


class ActionModule(ActionBase):
    """See the documentation of the module titan.database.report_info."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        result.update(
            self._execute_module(
                module_name="titan.database.report_info", module_args=dict(self._task.args), task_vars=task_vars
            )
        )
        site = self._task.args.get("site")
        if not site or "record" not in result:
            return result
        page = str(result.pop("page", ""))
        if self._task.check_mode:
            return result
        try:
            host = str((task_vars or {}).get("inventory_hostname", ""))
            keep_report(self._loader.path_dwim(str(site)), host, result["record"], page)
        except TitanError as error:
            result.update(failed=True, msg=error.message)
        return result
