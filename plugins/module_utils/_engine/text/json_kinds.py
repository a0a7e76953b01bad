# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of others: read so that it fails in one way only, and whether what it holds is of the kind that was written there. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..typed import Any

_MOST = 1e18  # a size in bytes, or a moment, is less


def parsed(text: str | bytes) -> Any:
    """What the JSON says.

    Raises:
        ValueError: it is none, or is nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def is_number(value: object) -> bool:
    """A number that can be reckoned with: no boolean, no infinity, no NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST


def objects_of(value: object) -> list[dict[str, Any]]:
    """Of a list those that are objects; none of anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def is_like(value: object, example: object) -> bool:
    """Whether a value is of the kind of the example: a boolean, a whole number, a number, a text,
    a list of such as its first one, or numbers by names."""
    if isinstance(example, float):
        return is_number(value)
    if isinstance(example, int) and not isinstance(example, bool):
        return is_number(value) and isinstance(value, int)
    if isinstance(example, Mapping):
        return isinstance(value, dict) and all(map(is_number, value.values()))
    if isinstance(example, list):
        return isinstance(value, list) and all(is_like(each, first) for first in example[:1] for each in value)
    return isinstance(value, type(example))


def are_like(values: Mapping[str, object], examples: Mapping[str, object]) -> bool:
    """Whether each value that an example has the name of is like it; others are not looked at."""
    return all(is_like(values[name], example) for name, example in examples.items() if name in values)
