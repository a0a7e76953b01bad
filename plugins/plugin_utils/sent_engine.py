# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of migrations without news needs no module: the part of the engine that finds so is sent to one Python on the host.

Ansible reads and packs every file that a module may import, and its module unpacks them; for a run that has nothing to do, which is
nearly every run, this takes longer than the play around it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.titan.database.plugins.plugin_utils.piped_python import ENGINE, MARK

# Folders of the engine. What is imported only where there is something to do is not among them: such a run needs the module.
_FOLDERS = (
    ".",
    "converge",
    "host",
    "migrations",
    "migrations/files",
    "migrations/history",
    "migrations/indexes",
    "migrations/session",
    "migrations/sql",
    "postgres",
    "text",
)

# As a module does, it takes nothing from the directory in which it is started.
_PROGRAM = """import sys
sys.path[:] = [place for place in sys.path if place not in ("", ".")]
import json
from importlib.machinery import ModuleSpec
given = json.loads({given!r})
class Sent:
    def find_spec(self, name, path=None, target=None):
        for file, package in ((name + ".__init__", True), (name, False)):
            if file in given["sources"]:
                return ModuleSpec(name, self, origin=file, is_package=package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        file = module.__spec__.origin
        exec(compile(given["sources"][file], "<" + file + ">", "exec"), module.__dict__)
sys.meta_path.insert(0, Sent())
from titan_sent.converge.answer import nothing_to_do
found = nothing_to_do(given["step"])
print()
print({mark!r} + json.dumps(found, default=str))
"""


def interpreter_of(action: ActionBase, task_vars: dict[str, Any]) -> str:
    """The Python that the task's module would run with; "" if it is not known yet, or nothing can be sent to it.

    Without pipelining a program may still be sent where no other user is become: it is sudo that may ask for a terminal.
    """
    connection = action._connection
    direct = connection.has_pipelining and connection.become is None
    if action._task.async_val or action._task.delegate_to or not (direct or action._is_pipelining_enabled("new")):
        return ""
    configured = action._templar.template(constants.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars))
    if not str(configured).startswith("/"):
        configured = (task_vars.get("ansible_facts") or {}).get("discovered_interpreter_python", "")
    return str(configured)


def program(name: str, options: dict[str, Any]) -> bytes:
    """The program that answers with what the module returns if it does nothing; null if it would, or that could not be found out.

    Args:
        name: As converge_info calls the step.
        options: The module's, with what the controller has of them.
    """
    paths = [path for folder in _FOLDERS for path in Path(ENGINE, folder).glob("*.py")]
    sources = {_dotted(path): path.read_text(encoding="utf-8") for path in paths}
    given = {"sources": sources, "step": {"name": name, "user": "", "options": options}}
    return _PROGRAM.format(given=json.dumps(given), mark=MARK).encode()


def _dotted(path: Path) -> str:
    return ".".join(("titan_sent", *path.relative_to(ENGINE).with_suffix("").parts))
