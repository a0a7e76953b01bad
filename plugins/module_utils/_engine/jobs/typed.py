# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person typed for one run of a job: a failure that comes of it says nothing of the job as it is scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Typed:
    """The part of a run that the command line says.

    Attributes:
        options: Names of the options that were typed; empty for a run as it is scheduled.
        at_terminal: Whether somebody sees the run.
        said: The message with the options called as they are typed.
    """

    options: frozenset[str] = frozenset()
    at_terminal: bool = False
    said: Callable[[str], str] = str

    def caused(self, status: int, data: Mapping[str, object]) -> bool:
        """Whether the run failed by what was typed: an option cannot be used, or somebody at a terminal sees how it goes.

        Args:
            status: Of the run.
            data: Its result; that of a failure by an option names this. It may be another than the one that was typed, with
                which that one does not go together.
        """
        return bool(status and self.options and (data.get("option") or (self.at_terminal and "checks" not in data)))


NOTHING_TYPED = Typed()
