# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one backup is to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Callable

from ...postgres.connection import ConnectionSettings
from ...postgres.programs import Programs
from ..content.exclusions import NOTHING, Exclusions
from ..copy.copy import Copy


@dataclass(frozen=True)
class Wanted:
    """What one backup is to be."""

    dest: str
    name: str
    format: str
    compression: str
    verify: str
    programs: Programs
    jobs: int
    lock_timeout: float
    drill_dir: str
    globals: bool
    pin: bool
    accept_shrink: bool = False
    accepted_since: datetime | None = None
    proof: str = "hash"
    drill_on: ConnectionSettings | None = None
    encrypt_to: tuple[str, ...] = ()
    identity: str = ""
    copy_to: tuple[str, ...] = ()
    copy_back: tuple[str, ...] = ()
    accept_left_out: tuple[str, ...] = ()
    excluded: Exclusions = NOTHING
    accept_superuser: bool = False
    use: Callable[[Copy], object] | None = None
