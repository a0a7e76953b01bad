# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that knows AnsibleModule: the shared options, the connection, the one error door.

Private to this collection; may change at any time.
"""

from __future__ import annotations

import json
import os
import traceback
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._engine.errors import TitanError
from ._engine.host.act_as import acting_for, directories_named
from ._engine.host.limits import REFUSALS, refusal
from ._engine.outcome import Call, Outcome
from ._engine.postgres import driver
from ._engine.postgres.from_options import settings_from_options
from ._engine.postgres.options import CONNECTION
from ._engine.postgres.time_limit import time_limit
from ._engine.text.one_line import lines, printable
from ._engine.text.options import Option, Spec, argument_spec, is_left_empty


def run_module(operation: Callable[[Call], Outcome], options: Spec, *, connection: bool = True, **spec: Any) -> None:
    """Run one operation of the engine as an Ansible module and exit.

    Args:
        operation: The engine's function.
        options: The module's own argument spec.
        connection: Add the shared connection options and pass connection settings on.
        spec: Further keywords for AnsibleModule (required_if, mutually_exclusive ...).
    """
    module = AnsibleModule(
        argument_spec=argument_spec({**(CONNECTION if connection else {}), **options}), supports_check_mode=True, **spec
    )
    if connection and driver.psycopg2 is None:
        module.fail_json(msg=missing_required_lib("psycopg2 (Debian package python3-psycopg2)"))
    options_given = {key: _given(options[key], value) for key, value in module.params.items() if key in options}
    try:
        with acting_for(directories_named(options_given)), time_limit(options_given, end_process):
            settings = settings_from_options(module.params) if connection else None
            outcome = operation(
                Call(
                    options=options_given,
                    settings=settings,
                    check_mode=module.check_mode,
                )
            )
    except TitanError as error:
        module.fail_json(
            msg=printable(error.message), **{key: value for key, value in error.details.items() if value is not None}
        )
    except REFUSALS as error:
        why = refusal(error)
        if not why:
            raise
        module.fail_json(msg=why, **({"exception": traceback.format_exc()} if isinstance(error, OSError) else {}))
    for warning in (*(settings.notes if settings else ()), *outcome.warnings):
        module.warn(printable(warning))
    diff = {"before": outcome.before, "after": outcome.after}
    module.exit_json(changed=outcome.changed, diff=diff, summary=lines(outcome.summary), **outcome.data)


def end_process(sentence: str) -> None:
    """End a run that ends by nothing else, from another thread."""
    os.write(1, json.dumps({"failed": True, "changed": True, "msg": sentence}).encode())
    os._exit(1)


def _given(rule: Option, value: Any) -> Any:
    """What the operation gets: None for a variable that was left empty, as if the option were not given."""
    return None if is_left_empty(rule, value) and not rule.required else value
