# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts in a few forms, as SVG: a line, bars, a calendar, a timeline. Pure; each has a title that says what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from .markup import Markup, element, joined

_WIDTH = 720
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Point(NamedTuple):
    """A point of a line; x grows to the right."""

    x: float
    y: float


class Bar(NamedTuple):
    """One bar: its name, its length (0 or more), and the length in words."""

    name: str
    value: float
    shown: str


class Day(NamedTuple):
    """A day of a calendar: its kind is a class of the style, the glyph stands in its cell, the title says it in words."""

    day: date
    kind: str
    glyph: str
    title: str


class Span(NamedTuple):
    """From when to when (seconds since 1970), and whether it went wrong."""

    start: float
    end: float
    bad: bool = False


def line(title: str, points: Sequence[Point], lowest: str, highest: str, first: str, last: str) -> Markup:
    """A line through the points (two or more, by x), from 0 up to the highest; the four texts label the axes' ends."""
    left, top, bottom = 90, 10, 150
    from_x, to_x = points[0].x, points[-1].x
    most = max(point.y for point in points) or 1.0

    def at(point: Point) -> str:
        x = left + (_WIDTH - left - 10) * ((point.x - from_x) / (to_x - from_x or 1.0))
        return f"{x:.1f},{bottom - (bottom - top) * max(0.0, point.y) / most:.1f}"

    return _svg(
        title,
        bottom + 24,
        element("path", d=f"M{left} {top}V{bottom}H{_WIDTH - 10}", class_="grid"),
        element("polyline", points=" ".join(map(at, points)), class_="line"),
        _text(left - 6, top + 8, highest, text_anchor="end"),
        _text(left - 6, bottom, lowest, text_anchor="end"),
        _text(left, bottom + 18, first, class_="dim"),
        _text(_WIDTH - 10, bottom + 18, last, class_="dim", text_anchor="end"),
    )


def spark(title: str, values: Sequence[float | None]) -> Markup:
    """A line as small as a word, from 0 up to the highest; None leaves a gap."""
    width, height = 90.0, 20.0
    most = max((value for value in values if value is not None), default=0.0) or 1.0
    path, gap = "", True
    for number, value in enumerate(values):
        if value is not None:
            x, y = width * (number + 0.5) / len(values), height - 1 - (height - 2) * max(0.0, value) / most
            path += f"{'M' if gap else 'L'}{x:.0f} {y:.0f}" + ("h2" if gap else "")
        gap = value is None
    drawn = element("path", d=path or "M0 0", class_="line")
    return element(
        "svg",
        drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox="0 0 90 20",
        role="img",
        aria_label=title,
        class_="spark",
    )


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """One bar for each row, below each other."""
    left, step, room = 230, 22, _WIDTH - 340
    most = max((row.value for row in rows), default=0.0) or 1.0
    parts: list[Markup] = []
    for number, row in enumerate(rows):
        y, length = number * step, max(1.0, room * max(0.0, row.value) / most)
        name = element(
            "text", element("title", row.name), _shortened(row.name, 32), x=left - 8, y=y + 15, text_anchor="end"
        )
        parts += [
            name,
            element("rect", x=left, y=y + 3, width=f"{length:.1f}", height=step - 6, class_="bar"),
            _text(f"{left + length + 6:.1f}", y + 15, row.shown),
        ]
    return _svg(title, step * len(rows) + 4, *parts)


def calendar(title: str, days: Sequence[Day]) -> Markup:
    """A column for each week, a row for each weekday; days follow each other, the oldest first."""
    if not days:
        return _svg(title, 10)
    first = days[0].day - timedelta(days=days[0].day.weekday())
    size, left, top = 26, 50, 20
    parts = [_text(0, top + size * row + 17, name, class_="dim") for row, name in enumerate(_WEEKDAYS)]
    for each in days:
        column, row = divmod((each.day - first).days, 7)
        x, y = left + column * 47, top + row * size
        if row == 0 or each is days[0]:
            parts.append(_text(f"{x:.0f}", 13, f"{each.day:%m-%d}", class_="dim"))
        cell = element("rect", x=f"{x:.1f}", y=y, width=44, height=size - 3, rx=3, class_="cell")
        glyph = element("text", each.glyph, x=f"{x + 22:.1f}", y=y + 16, class_="glyph")
        parts.append(element("g", element("title", each.title), cell, glyph, class_=each.kind))
    return _svg(title, top + 7 * size, *parts)


def timeline(
    title: str, rows: Sequence[tuple[str, Sequence[Span]]], start: float, end: float, ticks: Sequence[str]
) -> Markup:
    """One row for each name, with its spans between start and end; the ticks label equal parts of that time."""
    left, step, top = 130, 24, 20
    width = _WIDTH - left - 10
    parts: list[Markup] = []
    for number, tick in enumerate(ticks):
        x = left + width * number / len(ticks)
        parts += [
            element("path", d=f"M{x:.1f} {top}V{top + step * len(rows)}", class_="grid"),
            _text(f"{x + 2:.1f}", 13, tick, class_="dim"),
        ]
    for number, (name, spans) in enumerate(rows):
        y = top + number * step
        parts.append(element("text", element("title", name), _shortened(name, 18), x=0, y=y + 16))
        for bad in (False, True):
            drawn = "".join(_span(each, start, end, left, width, y) for each in spans if each.bad == bad)
            if drawn:
                parts.append(element("path", d=drawn, class_="bad" if bad else "run"))
    return _svg(title, top + step * len(rows) + 4, *parts)


def _span(each: Span, start: float, end: float, left: float, width: float, y: float) -> str:
    """A rectangle, at least wide enough to be seen; what went wrong is taller."""
    begin, until = max(each.start, start), min(max(each.end, each.start), end)
    if begin > until:
        return ""
    scale = width / (end - start)
    x, wide = left + (begin - start) * scale, max(1.5, (until - begin) * scale)
    y, high = (y + 3, 18) if each.bad else (y + 6, 12)
    return f"M{x:.1f} {y:.0f}h{wide:.1f}v{high}h-{wide:.1f}z"


def _svg(title: str, height: float, *parts: Markup) -> Markup:
    picture = element(
        "svg",
        joined(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height:.0f}",
        role="img",
        aria_label=title,
    )
    return element("div", picture, class_="wide", tabindex=0)


def _text(x: object, y: float, text: str, **attributes: object) -> Markup:
    return element("text", text, x=x, y=y, **attributes)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
