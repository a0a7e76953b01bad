# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each form of chart as a browser draws it: the colours that are seen, and where. One unit of a chart is one pixel here."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.page.charts import (
    Bar,
    Day,
    Point,
    Span,
    bars,
    calendar,
    line,
    timeline,
)
from ansible_collections.titan.database.plugins.module_utils._engine.page.markup import document, element
from ansible_collections.titan.database.plugins.module_utils._engine.page.style import STYLE

from tests.browser import CHROMIUM, browse
from tests.pixels import Colour, pixels

BLUE, RED, GREEN = (0x05, 0x50, 0xAE), (0xA4, 0x0E, 0x26), (0x11, 0x63, 0x29)
_PLAIN = "main{width:720px;max-width:none;margin:0;padding:0}section{height:250px;overflow:hidden}html{background:#fff}"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[Colour]]]:
    """The picture of each form."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian package chromium)")
    days = [
        Day(date(2026, 11, 2) + timedelta(days=n), "failed" if n == 9 else "proven", "x", f"day {n}") for n in range(14)
    ]
    charts = {
        "line": line("t", [Point(0, 0), Point(5, 10), Point(10, 10)], "0", "10", "a", "b"),
        "bars": bars("t", [Bar("a", 10, "10"), Bar("b", 5, "5")]),
        "calendar": calendar("t", days),
        "timeline": timeline("t", [("job", [Span(0, 25), Span(50, 75, bad=True)])], 0, 100, ["a", "b"]),
    }
    folder = tmp_path_factory.mktemp("charts")
    page = document("t", STYLE + _PLAIN, *(element("section", chart) for chart in charts.values()))
    (folder / "page.html").write_text(page.replace("(prefers-color-scheme:dark)", "not all"), encoding="utf-8")
    browse(
        folder, folder / "page.html", "--window-size=720,1100", "--hide-scrollbars", f"--screenshot={folder}/page.png"
    )
    rows = pixels(Path(folder, "page.png"))
    return {name: rows[number * 250 : (number + 1) * 250] for number, name in enumerate(charts)}


def width_of(row: list[Colour], colour: Colour) -> int:
    return sum(1 for each in row if all(abs(one - other) < 12 for one, other in zip(each, colour)))


def test_a_line_rises_and_stays(seen: dict[str, list[list[Colour]]]) -> None:
    rows = seen["line"]
    assert width_of(rows[10], BLUE) > 290, "along the top, from the middle to the end"
    for y in (40, 80, 120):  # from (90, 150) up to (400, 10)
        at = [x for x, colour in enumerate(rows[y]) if width_of([colour], BLUE)]
        assert at and abs(sum(at) / len(at) - (90 + (150 - y) / 140 * 310)) < 4


def test_bars_have_their_lengths(seen: dict[str, list[list[Colour]]]) -> None:
    first, second = width_of(seen["bars"][11], BLUE), width_of(seen["bars"][33], BLUE)
    assert first == 380 and abs(second - 190) <= 1
    assert width_of(seen["bars"][60], BLUE) == 0


def test_a_calendar_shows_each_day_in_its_colour(seen: dict[str, list[list[Colour]]]) -> None:
    rows = seen["calendar"]
    for number in range(14):
        column, row = divmod(number, 7)
        cell = [
            colour
            for y in range(20 + row * 26, 43 + row * 26)
            for colour in rows[y][50 + column * 47 : 94 + column * 47]
        ]
        wanted, other = (RED, GREEN) if number == 9 else (GREEN, RED)
        assert width_of(cell, wanted) > 15 and width_of(cell, other) == 0, number


def test_a_timeline_shows_what_went_wrong(seen: dict[str, list[list[Colour]]]) -> None:
    row = seen["timeline"][32]
    assert abs(width_of(row, BLUE) - 145) <= 1 and abs(width_of(row, RED) - 145) <= 1
    assert row.index(next(each for each in row if width_of([each], RED))) - 420 in (0, 1)
