# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an option is declared: once, with everything that any door, document or role says of it.

From these declarations come the modules' argument specs and DOCUMENTATION, the command line of titan-db, the roles' defaults
and argument specs, and what the jobs are given (``make options`` writes the files among them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..typed import Any, NamedTuple

_UNSET: Any = object()
_MARKUP = r"(?<!\w)([OVCEBIMPU])\(((?:[^()\\]|\\.|\([^()]*\))*)\)|\bRV\(([^)]*)\)"


# A named tuple: a dataclass would bring the module inspect along, a fifth of what a short run takes to start.
class Option(NamedTuple):
    """One option.

    Attributes:
        type: Ansible's type: str, path, int, float, bool, list, dict or raw.
        description: Sentences in Ansible's markup, with unit and meaning of special values.
        default: None for an option that need not have a value.
        choices: The allowed values; empty for any.
        elements: Type of a list's elements.
        required: Whether the module fails without it.
        options: Options of a dict, or of each dict in a list.
        no_log: A secret: in no log, and not on the command line.
        variable: Variable of a role, or of a playbook, that fills it; empty for none.
        variable_default: That variable's default.
        scheduled: Whether the variable counts for the scheduled job too, not only for a run by a playbook.
        may_be_empty: An empty text is a value, also where one is required.
    """

    type: str
    description: tuple[str, ...]
    default: Any = None
    choices: tuple[str, ...] = ()
    elements: str = ""
    required: bool = False
    options: Mapping[str, Any] | None = None  # of Option; a named tuple cannot name itself
    no_log: bool = False
    variable: str = ""
    variable_default: Any = None
    scheduled: bool = True
    may_be_empty: bool = False


Spec = Mapping[str, Option]


def option(
    type: str,  # noqa: A002 - Ansible's word
    *description: str,
    default: Any = None,
    choices: Sequence[str] = (),
    elements: str = "",
    required: bool = False,
    options: Mapping[str, Option] | None = None,
    no_log: bool = False,
    variable: str = "",
    variable_default: Any = _UNSET,
    scheduled: bool = True,
    may_be_empty: bool = False,
) -> Option:
    """Declare an option; see Option. The variable's default is the option's, or its type's empty value."""
    if variable_default is _UNSET:
        variable_default = _EMPTY.get(type, "") if default is None else default
    return Option(
        type, description, default, tuple(choices), elements, required, options, no_log, variable, variable_default, scheduled,
        may_be_empty,
    )  # fmt: skip


_EMPTY: dict[str, Any] = {"list": [], "dict": {}}


def argument_spec(spec: Spec) -> dict[str, dict[str, Any]]:
    """The spec as AnsibleModule takes it."""
    rules = {name: _rule(each) for name, each in spec.items()}
    for name, rule in rules.items():
        if "key" in name:  # ansible-test takes it for a secret unless the spec says otherwise
            rule.setdefault("no_log", False)
    return rules


def _rule(each: Option) -> dict[str, Any]:
    rule: dict[str, Any] = {"type": each.type}
    if each.default is not None:
        rule["default"] = each.default
    if each.choices:
        rule["choices"] = list(each.choices)
    if each.elements:
        rule["elements"] = each.elements
    if each.required:
        rule["required"] = True
    if each.options is not None:
        rule["options"] = argument_spec(each.options)
    if each.no_log:
        rule["no_log"] = True
    return rule


def defaults(spec: Spec) -> dict[str, Any]:
    """Each option's default by its name."""
    return {name: each.default for name, each in spec.items()}


def is_left_empty(rule: Option, value: Any) -> bool:
    """Whether it is an empty text for an option without a default, as a role's variable that nobody has set gives it."""
    return value == "" and rule.default is None and rule.type in ("str", "path")


def plain(text: str) -> str:
    """A description without markup, for a terminal: an option is shown as it is typed there."""

    def shown(found: re.Match[str]) -> str:
        kind, content = found[1], found[2] if found[1] else found[3]
        content = re.sub(r"\\(.)", r"\1", content)
        name, equals, value = content.partition("=")
        if kind == "O":
            plugin, _hash, elsewhere = name.partition("#")
            name = elsewhere.partition(":")[2] or name
            of = f" of {plugin}" if elsewhere else ""
            return f"--{name.replace('_', '-')}{equals}{value}{of}"
        return content.partition("#")[0] if kind in ("M", "P") else content

    return re.sub(_MARKUP, shown, text)
