# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits in force. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import OptionError
from .checks.table import THRESHOLDS

OFF = (float("inf"), float("inf"))


def thresholds_from_options(given: Mapping[str, Sequence[float] | None] | None) -> dict[str, tuple[float, float]]:
    """The limits in force: the defaults with the given pairs in their places; OFF where an empty list was given.

    Raises:
        OptionError: not two numbers, or the critical limit lies below the warning limit.
    """
    limits = {name: (each.warning, each.critical) for name, each in THRESHOLDS.items()}
    for name, pair in (given or {}).items():
        if pair is None:
            continue
        if name not in limits:
            raise OptionError(f"thresholds.{name}", pair, f"Known are: {', '.join(limits)}.")
        if not pair:
            limits[name] = OFF
            continue
        if len(pair) != 2 or float(pair[0]) > float(pair[1]):
            raise OptionError(
                f"thresholds.{name}",
                list(pair),
                "Give two numbers, the warning limit first, as in [25, 48]; or [] for no check.",
            )
        limits[name] = (float(pair[0]), float(pair[1]))
    return limits
