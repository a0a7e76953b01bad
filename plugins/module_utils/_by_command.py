# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another module's work with the engine of the installed titan-db: what it imports is neither packed, sent nor compiled for it.

Private to this collection; may change at any time.
"""

from __future__ import annotations

import sys

from ansible.module_utils.basic import AnsibleModule

from . import _engine
from ._engine.converge.kinds import BY_COMMAND
from ._engine.converge.options import HOST_COMMAND_RUN
from ._engine.converge.trust import unusable
from ._engine.host.start import use_compiled
from ._engine.text.options import argument_spec
from ._host_module import run_host_module
from ._module import run_module


def run_by_command() -> None:
    """Do what the named module does, and exit as it does; exit with C(unusable) if the command is not to be used."""
    # Only the module whose work it is logs how it was called: it knows which of its options are secrets.
    given = AnsibleModule(argument_spec=argument_spec(HOST_COMMAND_RUN), supports_check_mode=True, no_log=True)
    why = unusable(given.params["command"], given.params["digest"])
    if why:
        given.exit_json(changed=False, unusable=why)
    _take_engine_of(given.params["command"], given.params["digest"])
    kind = BY_COMMAND[given.params["module"]]
    run = run_module if kind.connects else run_host_module
    run(kind.run, kind.spec(), new=_Named)


class _Named(AnsibleModule):
    """The module whose work it is, with its own options and name."""

    def _load_params(self) -> None:
        super()._load_params()
        internal = {name: value for name, value in self.params.items() if name.startswith("_ansible_")}
        internal["_ansible_module_name"] = f"titan.database.{self.params['module']}"
        self.params = {**self.params["options"], **internal}


def _take_engine_of(command: str, digest: str) -> None:
    """Let what was not packed be imported from the command's archive, which is of the same files as what was packed."""
    sys.path.insert(0, command)
    use_compiled(command, digest)
    archive = f"{sys.path[0]}/titan_db"
    for name, module in list(sys.modules.items()):
        if (name + ".").startswith(_engine.__name__ + ".") and hasattr(module, "__path__"):
            below = name[len(_engine.__name__) :].replace(".", "/")
            module.__path__ = [*module.__path__, archive + below]
