# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On paper nothing is cut off: no page is wider than a sheet, whatever its names are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import CHROMIUM, widths
from tools.pictures import example

_UPRIGHT, _ON_ITS_SIDE = 718, 1047  # CSS pixels of an A4 sheet between its margins


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_a_sheet_holds_the_widest_names(tmp_path: Path) -> None:
    """Names of 63 letters in which no line can end; the rules for paper are in force."""
    name = "w" * 63
    pages = {
        "report": (example.report().replace("system_logs", name).replace("titan_prod", name), _UPRIGHT),
        "fleet": (example.fleet().replace("production", name).replace("db2", name), _ON_ITS_SIDE),
    }
    for page, (text, width) in pages.items():
        assert text.count(name) > 3 and "@media print" in text
        path = tmp_path / f"{page}.html"
        path.write_text(text.replace("@media print", "@media all"))
        [(here, there)] = widths(tmp_path, [path], width)
        assert there <= here, page
