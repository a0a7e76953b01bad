# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What titan-db measure and titan-db rehearse have last found, for the statistics report. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from ...index_effect.record import Remembered
from ...rehearsal.remembered import Rehearsed
from ...text.one_line import printable
from .texts import size_text


def measured_text(measured: Remembered) -> str:
    """As lines."""
    lines = [
        f"Indexes, measured {datetime.fromtimestamp(measured.at, timezone.utc):%Y-%m-%d %H:%M} UTC: {printable(measured.summary)}"
    ]
    lines += [f"  {printable(query)}: {words}" for query, words in measured.effects]
    lines += [f"  {printable(name)} ({size_text(size)}) serves none of the queries" for name, size in measured.idle]
    return "\n".join(lines)


def rehearsed_text(rehearsed: Rehearsed) -> str:
    """As lines."""
    when = f"{datetime.fromtimestamp(rehearsed.at, timezone.utc):%Y-%m-%d %H:%M} UTC"
    lines = [f"Migrations, rehearsed {when} on {printable(rehearsed.backup)}: {printable(rehearsed.words)}"]
    lines += [f"  {printable(where)}: {printable(felt)}" for where, felt in rehearsed.waits]
    lines += [f"  Not passed: {printable(problem)}" for problem in rehearsed.problems]
    return "\n".join(lines)
