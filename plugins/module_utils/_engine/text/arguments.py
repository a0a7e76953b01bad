# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's side of the option specs that the modules use too.

A spec is a dictionary in the form of Ansible's argument_spec: option -> type, default, choices, elements, required,
options (of a nested dictionary) and no_log. One spec serves both doors, so a word means the same at noon and at night.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, Callable

from ..errors import OptionError

Spec = Mapping[str, Mapping[str, Any]]

_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def add_flags(parser: argparse.ArgumentParser, spec: Spec) -> None:
    """Add --option for each option of the spec that may stand in a command line (secrets may not)."""
    for name, rule in spec.items():
        if rule.get("no_log"):
            continue
        shown = (
            "{" + ",".join(map(str, rule["choices"])) + "}" if "choices" in rule else _METAVARS[rule.get("type", "str")]
        )
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, dest=name, default=argparse.SUPPRESS, metavar=shown, help=_help(rule))


def _help(rule: Mapping[str, Any]) -> str:
    default = rule.get("default")
    return "required" if rule.get("required") else f"default: {json.dumps(default)}" if default is not None else ""


_METAVARS = {
    "str": "TEXT",
    "path": "PATH",
    "int": "N",
    "float": "N",
    "bool": "yes|no",
    "list": "A,B|JSON",
    "dict": "KEY=VALUE,...|JSON",
    "raw": "JSON",
}


def complete(given: Mapping[str, Any], spec: Spec, prefix: str = "") -> dict[str, Any]:
    """Check and convert the given values against the spec and fill in its defaults.

    Raises:
        OptionError: unknown option, wrong type, value outside the choices, or a required option is missing.
    """
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise OptionError(
            prefix + unknown[0], given[unknown[0]], f"There is no such option; known are: {', '.join(spec)}."
        )
    values: dict[str, Any] = {}
    for name, rule in spec.items():
        value = given.get(name, rule.get("default"))
        if value is None:
            if rule.get("required"):
                raise OptionError(prefix + name, None, "It is required.")
            values[name] = None
            continue
        value = _convert(prefix + name, value, rule)
        if "choices" in rule and any(
            item not in rule["choices"] for item in (value if isinstance(value, list) else [value])
        ):
            raise OptionError(prefix + name, value, f"Allowed: {', '.join(map(str, rule['choices']))}.")
        values[name] = value
    return values


def _convert(name: str, value: Any, rule: Mapping[str, Any]) -> Any:
    kind = rule.get("type", "str")
    try:
        converted = _CONVERTERS[kind](value)
    except (ValueError, TypeError) as error:
        raise OptionError(name, value, f"It must be of type {kind}.") from error
    nested = rule.get("options")
    if kind == "dict" and nested:
        return complete(converted, nested, f"{name}.")
    if kind == "list" and nested:
        return [complete(item, nested, f"{name}[{index}].") for index, item in enumerate(converted)]
    if kind == "list" and rule.get("elements", "raw") != "raw":
        return [_convert(f"{name}[{index}]", item, {"type": rule["elements"]}) for index, item in enumerate(converted)]
    return converted


def _boolean(value: Any) -> bool:
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise ValueError(word)
    return word in _TRUE


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        return (
            list(json.loads(value)) if value.lstrip().startswith("[") else [part.strip() for part in value.split(",")]
        )
    if isinstance(value, list):
        return value
    raise TypeError(value)


def _dict(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            return dict(json.loads(value))
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(equals for _key, equals, _value in pairs):
            raise ValueError(value)
        return {key.strip(): text.strip() for key, _equals, text in pairs}
    return dict(value)


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise TypeError(value)
    return str(value)


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _text,
    "int": int,
    "float": float,
    "bool": _boolean,
    "list": _list,
    "dict": _dict,
    "raw": lambda value: value,
}
