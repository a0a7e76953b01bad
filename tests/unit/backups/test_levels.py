# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guide says that a proof sees is the tests' own."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.integration.backups.altered_more import MORE_CHANGES
from tests.integration.backups.levels import table
from tests.integration.backups.test_altered import CHANGES

GUIDE = (ROOT / "docs" / "restore.md").read_text(encoding="utf-8")


def test_the_guide_names_the_changes_that_are_tested() -> None:
    guide = " ".join(GUIDE.split())
    assert f"each one is seen: {', '.join([*CHANGES, *MORE_CHANGES])}." in guide


def test_the_guide_s_table_of_levels_is_what_the_tests_show() -> None:
    assert "\n".join(table()) in GUIDE
