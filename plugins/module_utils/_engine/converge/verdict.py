# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a comparison has come to, in the form in which the host tells the controller. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ..outcome import Data


class Answer(TypedDict):
    """What was found: up to which step nothing is to be done, why that one has something, and what each before it returned."""

    settled: bool
    step: str
    reason: str
    found: dict[str, Data]
    warnings: list[str]


def unsettled(step: str, reason: str, before: Answer | None = None) -> Answer:
    """The answer that the step has something to do, or cannot be compared.

    Args:
        before: What was found until then.
    """
    return Answer(settled=False, step=step, reason=reason, found=before["found"] if before else {}, warnings=[])


def summary_of(answer: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    return "Nothing is to be done." if answer["settled"] else f"{answer['step']}: {answer['reason']}"
