# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a file that is run by statement has come."""

from __future__ import annotations

from ...errors import TitanError
from ..files.script import Script
from ..history.read import Applied
from ..history.records import StepRecord


def known_steps(known: Applied | None, script: Script, action: str) -> list[StepRecord]:
    """The records of the steps that an interrupted run has done or begun.

    Raises:
        TitanError: those statements have been edited since.
    """
    if known is None or not known.partial or known.partial_action != action:
        return []
    records = list(known.steps)
    for record, wanted in zip(records, script.steps):
        if record["digest"] != wanted.digest:
            raise TitanError(
                f"{script.file}, line {wanted.line}: this file was interrupted in step {len(records)}, and its step "
                f"{record['number']} has been edited since. Restore it, finish the run, and put the change into a new file.",
                file=script.file,
                line=wanted.line,
            )
    if len(records) > len(script.steps):
        raise TitanError(
            f"{script.file}: statements that have already run were removed from it. Restore them.", file=script.file
        )
    return records
