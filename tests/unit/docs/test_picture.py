# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's picture is the demo's own output."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from examples.demo import picture
from tests.conftest import ROOT, TITAN

OUTPUT = """
====================
 What is true now
====================
Migrations applied
   version   name      state     took
   -------   -------   -------   -----
   0010      a<b & c   applied   12 ms

Schedule, in .demo/crontab (your own crontab is untouched)
   backup (0 2 * * *), next: Mon 2026-03-02 02:00
      0 2 * * * someone cd /somewhere/secret && titan-db backup
Look around: .demo/ holds all of it.
"""


def shown(svg: str) -> list[str]:
    """The lines of text of a picture."""
    root = ET.fromstring(svg)  # noqa: S314 -- made by ourselves
    return ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_lines_are_those_of_the_output_without_paths() -> None:
    lines = shown(picture.picture(OUTPUT))
    assert "   0010      a<b & c   applied   12 ms" in lines
    assert "   backup (0 2 * * *), next: Mon 2026-03-02 02:00" in lines
    assert not [line for line in lines if "secret" in line or "====" in line]
    assert picture.picture(OUTPUT) == picture.picture(OUTPUT)


def test_the_readmes_picture_shows_what_the_demo_prints_today() -> None:
    text = (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
    lines = shown(text)
    report = (ROOT / "examples" / "demo" / "report.py").read_text(encoding="utf-8")
    titles = re.findall(r'_section\(\s*"([^"]+)"', report)
    assert len(titles) >= 3
    assert [title for title in titles if title not in lines] == []
    migration = (TITAN / "migrations" / "0010_add_performance_indexes.sql").read_text(encoding="utf-8")
    indexes = re.findall(r"EXISTS (idx_\w+) ON", migration)
    assert len(indexes) == 9
    assert [name for name in indexes if not any(name in line for line in lines)] == []
    assert any("compared" in line and "equal" in line for line in lines)
    assert not re.search(r"/(work|home|root|tmp|Users)/", text)
