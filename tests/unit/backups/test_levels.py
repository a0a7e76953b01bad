# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's list of what a proof sees is the tests' own."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.integration.backups.test_altered import CHANGES


def test_the_guide_names_the_changes_that_are_tested() -> None:
    guide = " ".join((ROOT / "docs" / "restore.md").read_text(encoding="utf-8").split())
    assert f"each one is seen: {', '.join(CHANGES)}." in guide
