# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that only name another one: its value, where that is no template, needs no compiler of templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ONE_NAME = re.compile(r"\{\{ ?(\w+) ?\}\}")
_MARKS = ("{{", "{%", "{#")


def with_plain_values(variables: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The variables; in those that are named, ``{{ other }}`` is the value of other, if there is no template in that.

    Args:
        variables: As a task has them, not evaluated.
        names: Of mappings of mappings, as the roles' ``vars`` have them.
    """
    found = dict(variables)
    for name in names:
        if name in found:
            found[name] = _plain(found[name], variables)
    return found


def _plain(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner, variables) for name, inner in value.items()}
    named = _ONE_NAME.fullmatch(value) if isinstance(value, str) else None
    if named and named[1] in variables and not _has_template(variables[named[1]]):
        return variables[named[1]]
    return value


def _has_template(value: Any) -> bool:
    """Whether anything would be evaluated in it (before ansible-core 2.19 a text like a list, too); what is of another type than JSON's may be."""
    if isinstance(value, str):
        return value.lstrip().startswith(("[", "{")) or any(mark in value for mark in _MARKS)
    if isinstance(value, Mapping):
        return any(_has_template(each) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple)):
        return any(map(_has_template, value))
    return not (value is None or isinstance(value, (bool, int, float)))
