# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal itself, on a copy that is ready: forward, back, and forward again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Callable

from ..backups.copy.copy import Copy
from ..backups.programs.pipeline import Deadline
from ..errors import TitanError
from ..migrations.history.read import read
from ..migrations.information import migration_info
from ..migrations.operation import migration
from ..migrations.options import MIGRATION, MIGRATION_INFO
from ..migrations.session.observer import NOBODY, Observer
from ..outcome import Call, Data
from ..postgres.database import connect
from ..steps import step
from ..text.options import defaults
from .options import OF_THE_RUN
from .place import Ready
from .recorder import Recorder
from .schema import Objects, read_schema, schema_differences
from .second_session import SecondSession
from .seen import Seen
from .timing import Timing


class Rehearsal:
    """One of them.

    Attributes:
        ready: How the copy is reached.
        seen: What it has shown so far.
        applied: The migrations that were applied, as the module migration returns them.
        pending: Those that were pending.
    """

    def __init__(
        self, copy: Copy, ready: Ready, options: Mapping[str, Any], deadline: Deadline, say: Callable[[str], None]
    ) -> None:
        self._copy, self.ready, self._options, self._deadline, self._say = copy, ready, options, deadline, say
        self.seen = Seen(warnings=list(ready.warnings))
        self.applied: list[Data] = []
        self.pending: list[Data] = []

    def run(self) -> None:
        """Run the pending files, and what else the options ask for; failures are in seen."""
        self.pending = self._status()["pending"]
        if not self.pending:
            return
        before = self._schema()
        with self._watched() as recorder:
            step("rehearsal.forward")
            self._say(f"Running {len(self.pending)} migrations ...")
            recorder.starts()
            try:
                self.applied = self._migrate(recorder)["applied"]
            except TitanError as error:
                self.seen.failure = error.message
            self.seen.rounds.append(recorder.round())
            self.seen.peak = recorder.peak
            self._keep(recorder)
            if self.seen.failure or self._options["rollback"] == "skip":
                return
            self._back_and_again(before, recorder)
            self._keep(recorder)

    def _keep(self, recorder: Recorder) -> None:
        self.seen.statements = [*recorder.statements, *recorder.failed]

    @contextmanager
    def _watched(self) -> Iterator[Recorder]:
        second = SecondSession(self.ready.watching)
        try:
            with closing(Recorder(second)) as recorder:
                yield recorder
        finally:
            second.close()

    def _migrate(self, observer: Observer = NOBODY, **more: Any) -> Data:
        given = {name: self._options[name] for name in OF_THE_RUN}
        call = Call({**defaults(MIGRATION), **given, **more}, self.ready.role, say=self._say)
        self._deadline.left()
        return migration(call, observer).data

    def _schema(self) -> Objects:
        return read_schema(self.ready.watching, self._copy.programs, self._deadline)

    def _back_and_again(self, before: Objects, recorder: Recorder) -> None:
        back = self.seen.back
        target, back.why = self._target()
        if back.why:
            return
        after = self._schema()
        step("rehearsal.back")
        self._say("Rolling them back ...")
        back.tried = True
        try:
            self._migrate(recorder, state="rolled_back", target=target, allow_rollback=True)
        except TitanError as error:
            back.why = error.message
            return
        back.differences = schema_differences(before, self._schema())
        step("rehearsal.again")
        self._say("Running them again ...")
        timing = Timing()
        try:
            self._migrate(timing)
        except TitanError as error:
            back.again = [error.message]
            return
        finally:
            timing.close()
        self.seen.rounds.append(timing.round())
        back.again = schema_differences(after, self._schema())

    def _target(self) -> tuple[str, str]:
        """The version to go back to, or why there is none."""
        ours = {item["version"] for item in self.applied}
        if "" in ours:
            return "", "a repeatable file is not rolled back"
        without = [item["file"] for item in self.pending if item["version"] in ours and not item["reversible"]]
        if without:
            return "", f"{', '.join(without)} has no rollback"
        with connect(self.ready.role, "rehearsal", fixed_settings=False) as database:
            state = read(database, self._options["history"] or "")
        applied = [known.key for key, known in sorted(state.items()) if key[0] == 0 and known.applied]
        at = min(number for number, version in enumerate(applied) if version in ours)
        if [version for version in applied[at:] if version not in ours]:
            return "", "a later version was applied before them"
        return (applied[at - 1] if at else "0"), ""

    def _status(self) -> Data:
        options = {name: self._options[name] for name in MIGRATION_INFO}
        return migration_info(Call({**defaults(MIGRATION_INFO), **options}, self.ready.role)).data
