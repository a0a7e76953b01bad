# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is certain to fail, as check mode tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import TitanError


class Problem(NamedTuple):
    """A statement that will fail; message: a sentence without its full stop."""

    file: str
    line: int
    message: str


def refuse_problems(problems: Sequence[Problem]) -> None:
    """Fail if there are any.

    Raises:
        TitanError: names all of them.
    """
    if problems:
        first = problems[0]
        said = " ".join(f"{each.file}, line {each.line}: {each.message.rstrip('.')}." for each in problems)
        raise TitanError(
            f"These files would fail: {said} Nothing was run.", file=first.file, line=first.line,
            problems=[each._asdict() for each in problems],
        )  # fmt: skip
