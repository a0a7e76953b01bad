# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# pylint: disable=ansible-bad-function
"""The installed command's side of the comparison: the steps of a converge, each in check mode, up to the first that has work to do.

One process does it, as the user of the task; what another user has to look at is done by a child that is that user for good.
"""

from __future__ import annotations

import itertools
import json
import os
import pwd
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ..errors import OptionError, TitanError
from ..host.act_as import acting_for, directories_named
from ..host.cron_session import become, become_as_cron
from ..host.limits import REFUSALS
from ..outcome import Call, Data, Outcome, returned
from ..postgres.from_options import settings_from_options
from ..postgres.options import CONNECTION
from ..postgres.time_limit import time_limit
from ..text.arguments import complete
from ..text.one_line import printable
from ..text.options import Option
from .kinds import KINDS
from .verdict import Answer, unsettled

_LIMIT = 120  # seconds for a step; the play's own module has its own


class Step(TypedDict):
    """One step of the request."""

    name: str
    user: str
    options: Data


def main() -> None:
    """Answer the request on standard input on standard output."""
    request = json.load(sys.stdin)
    json.dump(compare(request["steps"]), sys.stdout, default=str)


def compare(steps: Sequence[Step]) -> Answer:
    """Compare the host with the steps, in their order, until one has something to do or cannot be compared."""
    whole = Answer(settled=True, step="", reason="", found={}, warnings=[])
    for user, own in itertools.groupby(steps, lambda step: step["user"]):
        found = _as_user(user, list(own))
        whole["found"].update(found["found"])
        whole["warnings"] += found["warnings"]
        if not found["settled"]:
            return Answer(**{**found, "found": whole["found"], "warnings": []})  # the play's own tasks warn
    return whole


def nothing_to_do(step: Step) -> Data | None:
    """What the step's module returns where it does nothing; None where it would, or where the step cannot be compared."""
    try:
        outcome, warnings = _checked(step)
    except (TitanError, *REFUSALS):
        return None
    if outcome.changed:
        return None
    return {**returned(outcome), "warnings": [printable(warning) for warning in warnings]}


def _as_user(name: str, steps: Sequence[Step]) -> Answer:
    try:
        entry = pwd.getpwnam(name) if name else None
    except KeyError:
        return unsettled(steps[0]["name"], f"there is no user {name}")
    if entry is None or entry.pw_uid == os.geteuid():
        return _in_turn(steps)
    if os.geteuid():
        return unsettled(steps[0]["name"], f"the user of the task cannot look at it as {name}")
    for step in steps:
        if step["name"] in KINDS:
            KINDS[step["name"]].load()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _child(writer, entry, steps)
    os.close(writer)
    with open(reader, encoding="utf-8") as stream:
        said = stream.read()
    os.waitpid(child, 0)
    try:
        found: Answer = json.loads(said)
    except ValueError:
        return unsettled(steps[0]["name"], f"no answer as {name}")
    return found


def _child(writer: int, entry: pwd.struct_passwd, steps: Sequence[Step]) -> None:
    """Be the user for good, answer into the pipe, and end."""
    try:
        why = ""
        if any(step["name"] == "tonight" for step in steps):
            why = become_as_cron(entry.pw_name)
        else:
            become(entry.pw_name)
        with open(writer, "w", encoding="utf-8") as stream:
            json.dump(
                unsettled("tonight", f"cron starts nothing for {entry.pw_name}: {why}") if why else _in_turn(steps),
                stream,
                default=str,
            )
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _in_turn(steps: Sequence[Step]) -> Answer:
    found = Answer(settled=True, step="", reason="", found={}, warnings=[])
    for step in steps:
        try:
            outcome, warnings = _checked(step)
        except (TitanError, *REFUSALS) as error:
            return unsettled(step["name"], error.message if isinstance(error, TitanError) else str(error), found)
        if outcome.changed or outcome.data.get("pending"):
            return unsettled(step["name"], outcome.summary, found)
        kept = KINDS[step["name"]].returns
        if kept:
            found["found"][step["name"]] = {name: outcome.data.get(name) for name in kept}
        found["warnings"] += warnings
    return found


def _checked(step: Step) -> tuple[Outcome, list[str]]:
    """What the step's operation says in check mode, and its warnings."""
    kind = KINDS.get(step["name"])
    if kind is None:
        raise OptionError("steps", step["name"], f"Known are: {', '.join(KINDS)}.")
    spec = kind.spec()
    both = {**(CONNECTION if kind.connects else {}), **spec}
    given = {name: _expanded(both[name], value) if name in both else value for name, value in step["options"].items()}
    values = complete(given, both)
    options = {name: values[name] for name in spec}
    if not kind.connects:
        with acting_for(directories_named(options)):
            outcome = kind.run(Call(options, None, check_mode=True))
        return outcome, list(outcome.warnings)
    with acting_for(directories_named(options)), time_limit({"timeout": _LIMIT}, _give_up):
        settings = settings_from_options(values)
        outcome = kind.run(Call(options, settings, check_mode=True))
    return outcome, [*settings.notes, *outcome.warnings]


def _expanded(rule: Option, value: Any) -> Any:
    """The value with ``~`` and variables in its paths filled in on this host, as a module does it."""
    if isinstance(value, str) and rule.type == "path":
        return os.path.expanduser(os.path.expandvars(value))
    if isinstance(value, list):
        return [_inside(rule, item) for item in value]
    if isinstance(value, Mapping) and rule.options:
        return _inside(rule, value)
    return value


def _inside(rule: Option, item: Any) -> Any:
    if rule.options and isinstance(item, Mapping):
        inner = rule.options
        return {name: _expanded(inner[name], value) if name in inner else value for name, value in item.items()}
    return _expanded(Option(rule.elements, ()), item) if rule.elements == "path" else item


def _give_up(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    os._exit(1)
