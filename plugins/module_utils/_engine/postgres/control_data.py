# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_controldata says of a data directory."""

from __future__ import annotations

import os
import re
from typing import Any

from ..host.programs import run

_LINE = re.compile(r"^([^:]+): +(.+)$", re.MULTILINE)

SYSTEM_IDENTIFIER = "Database system identifier"
TIMELINE = "Latest checkpoint's TimeLineID"
STATE = "Database cluster state"


def control_data(program: str, data: str, timeout: float | None = None, **identity: Any) -> tuple[dict[str, str], str]:
    """Its values by their labels, in English; and what the program complains of.

    Args:
        program: Path of pg_controldata.
        data: The data directory.
        timeout: Seconds; None for no limit of its own.
        identity: As whom it runs; see Cluster.identity.

    Raises:
        OSError, TimedOutError: as of run.
    """
    done = run(
        [program, data], capture_output=True, cwd="/", env={"LC_ALL": "C", "PATH": os.defpath}, timeout=timeout, **identity
    )  # fmt: skip
    return dict(_LINE.findall(done.stdout.decode(errors="replace"))), done.stderr.decode(errors="replace").strip()
