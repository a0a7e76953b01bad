# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of others stay texts, and each form of chart draws what it is given: read as XML, which forgives nothing."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree

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
from ansible_collections.titan.database.plugins.module_utils._engine.page.markup import document, element, table

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<b>&amp;\"'", "</title><script>", "a\u202eb", "\x00\x1b[2J", "\ud800", "]]>", "\u05d0\u05d1")


def drawn(markup: str, name: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(markup).iter(SVG + name))


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_text(text: str) -> None:
    page = document(
        text, "p{}", element("p", text, title=text), table([text], [[text]]), bars(text, [Bar(text, 1, text)])
    )
    root = ElementTree.fromstring(page)
    assert not list(root.iter("script")) and not list(root.iter("b"))
    shown = root.findall(".//p")[0]
    assert shown.text == shown.get("title") and (shown.text == text or "\\" in (shown.text or ""))
    assert "\u202e" not in page


def test_bars_are_as_long_as_their_values() -> None:
    widths = [
        float(each.get("width") or 0)
        for each in drawn(bars("t", [Bar("a", 10, "10"), Bar("b", 5, "5"), Bar("c", 0, "0")]), "rect")
    ]
    assert widths[0] == 2 * widths[1] and widths[2] == 1


def test_a_line_goes_from_the_first_to_the_last_point() -> None:
    (found,) = drawn(line("t", [Point(0, 0), Point(5, 10), Point(10, 5)], "0", "10", "a", "b"), "polyline")
    pairs = [tuple(map(float, pair.split(","))) for pair in (found.get("points") or "").split()]
    assert pairs == [(90, 150), (400, 10), (710, 80)]


def test_a_calendar_has_each_day_once_in_its_weekday() -> None:
    days = [Day(date(2026, 9, 1) + timedelta(days=number), "proven", "x", f"day {number}") for number in range(90)]
    groups = drawn(calendar("t", days), "g")
    assert len(groups) == 90 and groups[89][0].text == "day 89"
    places = {(group[1].get("x"), group[1].get("y")) for group in groups}
    assert len(places) == 90
    assert all(float(x or 0) + 44 <= 720 for x, _y in places)


def test_a_timeline_draws_what_lies_in_its_time() -> None:
    spans = [Span(10, 20), Span(90, 200, bad=True), Span(-50, -10)]
    paths = [
        each
        for each in drawn(timeline("t", [("job", spans)], 0, 100, ["a", "b"]), "path")
        if each.get("class") != "grid"
    ]
    assert [(each.get("class"), (each.get("d") or "").count("M")) for each in paths] == [("run", 1), ("bad", 1)]
    assert paths[1].get("d") == "M652.0 23h58.0v18h-58.0z", "cut off at the end"
