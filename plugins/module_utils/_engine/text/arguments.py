# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's side of the option specs that the modules use too.

One spec (text.options) serves both doors, so a word means the same at noon and at night.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ..errors import OptionError
from .options import Option, Spec, is_left_empty, plain

_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def add_flags(parser: argparse.ArgumentParser, spec: Spec) -> None:
    """Add --option for each option of the spec that may stand in a command line (secrets may not)."""
    for name, rule in spec.items():
        if rule.no_log:
            continue
        shown = "{" + ",".join(rule.choices) + "}" if rule.choices else _METAVARS[rule.type]
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, dest=name, default=argparse.SUPPRESS, metavar=shown, help=_help(rule))


class Paragraphs(argparse.HelpFormatter):
    """Help whose lines stay lines: the keys of an option that holds several values stand below it."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [line for part in text.split("\n") for line in super(Paragraphs, self)._split_lines(part, width)]


def _help(rule: Option) -> str:
    lines = [_described(rule)]
    for name, each in (rule.options or {}).items():
        kind = "|".join(each.choices) or _METAVARS[each.type]
        lines.append(f"{name} ({kind}): {_described(each)}")
    return "\n".join(lines).replace("%", "%%")


def _described(rule: Option) -> str:
    """The sentences of an option, and what it is when it is not given."""
    if rule.required:
        ends = " (required, here or in the configuration)"
    else:
        ends = f" (default: {_shown(rule.default)})" if rule.default is not None else ""
    return " ".join(plain(sentence) for sentence in rule.description) + ends


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


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


def as_typed(message: str, names: Iterable[str]) -> str:
    """The message with the options called as one types them: ``--keep-days`` for ``Option 'keep_days'``, ``--x y`` for ``x: y``."""
    for name in names:
        if name not in message:
            continue
        flag = f"--{name.replace('_', '-')}"
        message = re.sub(rf"Option '{name}'", f"Option {flag}", message)
        message = re.sub(rf"Option '{name}\.([^']*)'", rf"Option {flag}, key \1", message)
        message = re.sub(rf"Option '{name}(\[[^']*)'", rf"Option {flag}\1", message)
        message = re.sub(rf"'{name}: (\w+)'", rf"{flag} \1", message)
        message = re.sub(rf"(?<=options )'{name}'|(?<=\bin )'{name}'", flag, message)
        if "_" in name:
            message = re.sub(rf"(?<![\w.-]){name}: (?=[\w\"'\[])", f"{flag} ", message)
            message = re.sub(rf"'{name}'", flag, message)
            message = re.sub(rf"(?<![\w.'\"/-]){name}(?![\w.'\"/:=-]|\.\w| in that policy)", flag, message)
    return message


def as_argument(message: str, names: Iterable[str]) -> str:
    """The message with arguments that have no flag called as the help does: ``Argument JOB`` for ``Option 'job'``."""
    for name in names:
        message = message.replace(f"Option '{name}'", f"Argument {name.upper()}")
    return message


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
        value = given.get(name, rule.default)
        if value is None or (is_left_empty(rule, value) and not rule.may_be_empty):
            if rule.required:
                raise OptionError(prefix + name, None, "It is required.")
            values[name] = None
            continue
        value = _convert(prefix + name, value, rule)
        if rule.choices and any(item not in rule.choices for item in (value if isinstance(value, list) else [value])):
            raise OptionError(prefix + name, value, f"Allowed: {', '.join(rule.choices)}.")
        values[name] = value
    return values


def _convert(name: str, value: Any, rule: Option) -> Any:
    converted = _typed(name, value, rule.type)
    if rule.type == "dict" and rule.options:
        return complete(converted, rule.options, f"{name}.")
    if rule.type == "list" and rule.options:
        items = [(f"{name}[{index}]", item) for index, item in enumerate(converted)]
        return [complete(_mapping(label, item, rule.options), rule.options, f"{label}.") for label, item in items]
    if rule.type == "list" and rule.elements not in ("", "raw"):
        return [_typed(f"{name}[{index}]", item, rule.elements) for index, item in enumerate(converted)]
    return converted


def _mapping(name: str, value: Any, keys: Spec) -> Mapping[str, Any]:
    """The value of an option that has keys.

    Raises:
        OptionError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise OptionError(
            name, value, f"It must be a mapping with the keys {', '.join(keys)} (on the command line, JSON)."
        )
    return value


def _typed(name: str, value: Any, kind: str) -> Any:
    try:
        return _CONVERTERS[kind](value)
    except (ValueError, TypeError) as error:
        raise OptionError(name, value, f"It must be of type {kind}.") from error


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
