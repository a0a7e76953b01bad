# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which waits, time limits and ages have been written is read by one reader."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.text.durations import parse_duration, parse_seconds


@pytest.mark.parametrize(
    ("text", "hours"),
    [("26h", 26), ("2d", 48), ("90m", 1.5), (" 1 w ", 168), ("1 day", 24), ("1 day 2 hours", 26), ("1h30m", 1.5)],
)
def test_ages(text: str, hours: float) -> None:
    assert parse_duration("unless_verified_within", text).total_seconds == hours * 3600
    assert parse_seconds("wait", text) == hours * 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90), ("90", 90), (0.5, 0.5), ("1.5h", 5400), ("0.5 s", 0.5), ("2.5 days", 216000), ("6h", 21600), ("0", 0)],
)
def test_waits_may_be_plain_seconds_and_have_a_fraction(text: object, seconds: float) -> None:
    assert parse_seconds("wait", text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1 month", "1.5", "26", "1.5h", "soon"])
def test_an_age_needs_a_whole_number_and_a_unit(text: str) -> None:
    with pytest.raises(OptionError, match="'unless_verified_within'"):
        parse_duration("unless_verified_within", text)


@pytest.mark.parametrize("text", ["", "h", "-1h", "-1", "1 month", "1e3", "1.h", ".5h", "soon", "None"])
def test_other_waits_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="'wait'"):
        parse_seconds("wait", text)
