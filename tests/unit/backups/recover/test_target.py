# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment as one writes it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.options import RECOVER
from ansible_collections.titan.database.plugins.module_utils._engine.backups.recover.target import (
    format_moment,
    parse_moment,
    target_from,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

MOMENT = datetime(2026, 11, 26, 1, 59, 59, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-26 01:59:59+00", "2026-11-26T01:59:59Z", "2026-11-26 01:59:59 UTC", "2026-11-26 02:59:59+01", "2026-11-26 07:29:59.000+05:30",
        "2026-11-25 22:29:59-0330", " 2026-11-26 01:59:59.000000 +0000 ",
    ],
)  # fmt: skip
def test_a_time_in_each_usual_form(text: str) -> None:
    assert parse_moment(text) == MOMENT and parse_moment(format_moment(parse_moment(text))) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-11-26", "2026-11-26 25:00:00+00", "2026-11-26 01:59:59+99", "2026-11-26 01:59:59 CET",
        "0000-00-00 00:00:00Z", "0001-01-01 00:00:00+14", "2026-11-26 01:59:59+00\n; x",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_moment(text)


def test_one_moment_is_named() -> None:
    given = complete({"dest": "/d", "to_transaction": "4711", "exclusive": True}, RECOVER)
    assert str(target_from(given)) == "just before transaction 4711"
    assert str(target_from(complete({"dest": "/d", "before_drop": "a.b"}, RECOVER))) == "just before the DROP of a.b"
    for wrong in (
        {},
        {"to": "2026-11-26 01:59:59+00", "to_restore_point": "x"},
        {"to_transaction": "-1"},
        {"to_transaction": "4294967296"},
    ):
        with pytest.raises(OptionError):
            target_from(complete({"dest": "/d", **wrong}, RECOVER))
