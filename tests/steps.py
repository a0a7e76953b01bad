# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is seen, or cut off, at the engine's named steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from .processes import end_of


def steps_of(work: Callable[[], object]) -> list[str]:
    """The names of the steps that the work comes to, in their order."""
    seen: list[str] = []
    with observed(seen.append):
        work()
    return seen


def at(where: str | int, action: Callable[[], object]) -> Callable[[str], None]:
    """An observer that does something before the step of this name, or before the step of this number (the first is 1)."""
    seen = [0]

    def observer(name: str) -> None:
        seen[0] += 1
        if where in (name, seen[0]):
            action()

    return observer


def failing_at(where: str | int) -> Callable[[str], None]:
    """An observer that raises a TitanError, "made to fail", before a step as in at()."""

    def fail() -> None:
        raise TitanError("made to fail.")

    return at(where, fail)


def killed_at(where: str | int, work: Callable[[], object]) -> int:
    """Do the work in a process of its own, which is killed at a step as in at().

    Returns:
        The exit status (0 if the work never came to that step), or minus the signal that ended it.
    """

    def child() -> None:
        with observed(at(where, lambda: os.kill(os.getpid(), signal.SIGKILL))):
            work()

    return end_of(child)
