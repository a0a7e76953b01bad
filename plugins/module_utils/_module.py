# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that reaches a database: the shared options, and the connection.

Private to this collection; may change at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._engine.outcome import Call, Outcome
from ._engine.postgres import driver
from ._engine.postgres.from_options import settings_from_options
from ._engine.postgres.options import CONNECTION
from ._engine.postgres.time_limit import time_limit
from ._engine.postgres.variables import take_demands, with_demands
from ._engine.text.options import Spec
from ._host_module import Operation, finish, new_module


def run_module(operation: Operation, options: Spec, *, new: type[AnsibleModule] = AnsibleModule, **spec: Any) -> None:
    """Run one operation of the engine as an Ansible module and exit.

    Args:
        operation: The engine's function.
        options: The module's own argument spec; the shared connection options are added.
        new: Makes the module.
        spec: Further keywords for AnsibleModule (required_if, mutually_exclusive ...).
    """
    module = new_module({**CONNECTION, **options}, new, **spec)
    if driver.psycopg2 is None:
        module.fail_json(msg=missing_required_lib("psycopg2 (Debian package python3-psycopg2)"))

    def work(call: Call) -> tuple[Outcome, Iterable[str]]:
        with time_limit(call.options, end_process):
            settings = with_demands(settings_from_options(module.params), take_demands(os.environ))
            return operation(call._replace(settings=settings)), settings.notes

    finish(module, options, work)


def end_process(sentence: str) -> None:
    """End a run that ends by nothing else, from another thread."""
    os.write(1, json.dumps({"failed": True, "changed": True, "msg": sentence}).encode())
    os._exit(1)
