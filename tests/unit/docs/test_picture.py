# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of an output. That the README's is of the demo's: tests/integration/collection/test_site.py."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from examples.demo import picture, report

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
"""


def shown(svg: str) -> list[str]:
    """The lines of text of a picture."""
    root = ET.fromstring(svg)  # noqa: S314 -- made by ourselves
    return ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_lines_are_those_of_the_output_without_paths() -> None:
    lines = shown(picture.picture(OUTPUT + report.END))
    assert "   0010      a<b & c   applied   12 ms" in lines
    assert "   backup (0 2 * * *), next: Mon 2026-03-02 02:00" in lines
    assert not [line for line in lines if "secret" in line or "====" in line or "demo-clean" in line]
    assert lines[-1] == "The report as a page: .demo/report.html", "what make demo says last"
    assert picture.picture(OUTPUT) == picture.picture(OUTPUT)
