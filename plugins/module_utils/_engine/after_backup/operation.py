# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup whose restored copy serves for more than its proof: the pending migrations are rehearsed on it, indexes measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..backups.catalog.read import read_entry
from ..backups.copy.copy import Copy
from ..backups.operation import backup as take_backup
from ..backups.programs.pipeline import Deadline
from ..errors import OptionError, TitanError
from ..outcome import Call, Data, Outcome
from ..steps import step
from ..text.arguments import complete
from ..text.options import Spec

REHEARSED, MEASURED = "rehearse", "measure"
# What the backup says: where it lies, and how it is restored.
_OF_THE_BACKUP = ("source", "dest", "name", "identity", "programs", "jobs", "timeout", "drill_dir", "state")


def backup(call: Call) -> Outcome:
    """Take one backup, prove it, use the restored copy for what "then" names, and remove what the keep rules let go.

    Raises:
        TitanError: the backup failed, or an option cannot be used.
    """
    if not call.options["then"]:
        return take_backup(call)
    after = _After(call)
    outcome = take_backup(call, after.use)
    return outcome._replace(
        data={**outcome.data, "then": after.done or None},
        summary="\n".join([outcome.summary, *after.said]),
        warnings=(*outcome.warnings, *after.warnings),
    )


class _After:
    """What comes after, in its order: measuring changes what a rehearsal would see.

    Attributes:
        done: By name the data of each.
        said: A sentence of each.
        warnings: Sentences.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._deadline = call, Deadline(call.options["timeout"])
        then = [name for name in (REHEARSED, MEASURED) if name in call.options["then"]]
        unknown = sorted({*(call.options["then_options"] or {})} - {*then})
        if unknown:
            raise OptionError("then_options", unknown[0], f"Only what 'then' names has options: {', '.join(then)}.")
        self._calls = {name: _call_of(call, name) for name in then}
        self.done: Data = {}
        self.said: list[str] = []
        self.warnings: list[str] = []

    def use(self, copy: Copy) -> None:
        """Use the copy; nothing that fails here says anything about the backup."""
        left = self._deadline.left()
        deadline = Deadline(left / 2 if left else 0)
        for name, call in self._calls.items():
            self._call.say(f"Then: {name} ...")
            step(f"backup.then.{name}")
            try:
                outcome, copy = _used(name, copy, call, deadline)
            except TitanError as error:
                self.done[name] = {"failed": True, "msg": error.message, **error.details}
                self.warnings.append(f"The backup is proven; {name}: {error.message}")
                return  # the copy is not what the next one needs
            self.done[name] = {"failed": False, **outcome.data}
            self.said.append(f"{name}: {outcome.summary}")
            self.warnings += outcome.warnings


def _call_of(call: Call, name: str) -> Call:
    """The call of what comes after, with what can be refused before the backup refused.

    Raises:
        OptionError: an option cannot be used.
    """
    given: Mapping[str, Any] = (call.options["then_options"] or {}).get(name) or {}
    if not isinstance(given, Mapping):
        raise OptionError("then_options", given, f"Give the options of {name} by their names.")
    for option in _OF_THE_BACKUP:
        if option in given:
            raise OptionError("then_options", f"{name}.{option}", "The backup says that; leave it out.")
    own = {"dest": call.options["dest"], **given}
    if call.options["job_config"]:
        own.setdefault("job_config", call.options["job_config"])
    spec, require_usable = _rules(name)
    after = call._replace(options=complete(own, spec))
    try:
        require_usable(after)
    except OptionError as error:
        raise OptionError("then_options", name, error.message) from error
    return after


# Both are imported only where a backup has something after it: each job's start would wait for them.


def _rules(name: str) -> tuple[Spec, Callable[[Call], Any]]:
    """The options of what comes after, and what refuses those that it could not use."""
    if name == REHEARSED:
        from ..rehearsal.operation import require_usable as require_rehearsable
        from ..rehearsal.options import REHEARSE

        return REHEARSE, require_rehearsable
    from ..index_effect.operation import require_usable as require_measurable
    from ..index_effect.options import MEASURE

    return MEASURE, require_measurable


def _used(name: str, copy: Copy, call: Call, deadline: Deadline) -> tuple[Outcome, Copy]:
    """Rehearse or measure on the copy; what came of it, and the copy for what follows."""
    if name == REHEARSED:
        from ..rehearsal.operation import rehearse_on

        return rehearse_on(copy, read_entry(copy.path), call, deadline)
    from ..index_effect.operation import measure_on

    return measure_on(copy, call, deadline), copy
