# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that knows AnsibleModule: the one error door, and all that a module without a database needs.

Apart from ``_module``, which adds the connection: what a module imports is packed and sent to the host each time. Private to this
collection; may change at any time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._engine.errors import TitanError
from ._engine.host.act_as import acting_for, directories_named
from ._engine.host.limits import REFUSALS, refusal
from ._engine.outcome import Call, Outcome, returned
from ._engine.text.one_line import printable
from ._engine.text.options import Option, Spec, argument_spec, is_left_empty

Operation = Callable[[Call], Outcome]


def run_host_module(
    operation: Operation, options: Spec, *, new: type[AnsibleModule] = AnsibleModule, **spec: Any
) -> None:
    """Run one operation of the engine that reaches no database as an Ansible module, and exit.

    Args:
        operation: The engine's function.
        options: The module's argument spec.
        new: Makes the module.
        spec: Further keywords for AnsibleModule (required_if, mutually_exclusive ...).
    """
    finish(new_module(options, new, **spec), options, lambda call: (operation(call), ()))


def new_module(options: Spec, new: type[AnsibleModule] = AnsibleModule, **spec: Any) -> AnsibleModule:
    """The module with these options."""
    return new(argument_spec=argument_spec(options), supports_check_mode=True, **spec)


def finish(module: AnsibleModule, options: Spec, work: Callable[[Call], tuple[Outcome, Iterable[str]]]) -> None:
    """Do the work, and exit with its outcome, or with the one sentence of what went wrong.

    Args:
        module: As Ansible has started it.
        options: Those that the work gets.
        work: Returns the outcome, and what is to be warned of before the outcome's own warnings.
    """
    given = {key: _given(options[key], value) for key, value in module.params.items() if key in options}
    try:
        with acting_for(directories_named(given)):
            outcome, notes = work(Call(options=given, settings=None, check_mode=module.check_mode))
    except TitanError as error:
        module.fail_json(msg=printable(error.message), **_known(error.details))
    except REFUSALS as error:
        why = refusal(error)
        if not why:
            raise
        module.fail_json(msg=why, **({"exception": traceback.format_exc()} if isinstance(error, OSError) else {}))
    for warning in (*notes, *outcome.warnings):
        module.warn(printable(warning))
    module.exit_json(**returned(outcome))


def _known(details: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if value is not None}


def _given(rule: Option, value: Any) -> Any:
    """What the operation gets: None for a variable that was left empty, as if the option were not given."""
    return None if is_left_empty(rule, value) and not rule.required else value
