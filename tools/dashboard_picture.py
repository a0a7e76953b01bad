# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw docs/dashboard.svg from the panels of the dashboard, with invented numbers: part of ``make dashboard``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "dashboard.svg"
_COLUMN, _ROW, _GAP = 45, 20, 4  # pixels
_LINES = ("#2f6fb0", "#c77700")
_STATES = ("#4c9a52", "#4c9a52", "#d9a200", "#4c9a52")
# What the panels with one number show, in their order.
_NUMBERS = ("0", "warning", "6.2 h", "restored", "0", "0")


def drawn(panels: Sequence[dict[str, Any]]) -> str:
    """The dashboard as SVG; panels in Grafana's JSON model."""
    places = [panel["gridPos"] for panel in panels]
    width = max(place["x"] + place["w"] for place in places) * _COLUMN
    height = max(place["y"] + place["h"] for place in places) * _ROW
    numbers = iter(_NUMBERS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f4f5f7"/>',
    ]
    for number, panel in enumerate(panels):
        lines += _panel(panel, number, numbers)
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: dict[str, Any], number: int, numbers: Iterator[str]) -> list[str]:
    place = panel["gridPos"]
    left, top = place["x"] * _COLUMN + _GAP, place["y"] * _ROW + _GAP
    width, height = place["w"] * _COLUMN - 2 * _GAP, place["h"] * _ROW - 2 * _GAP
    lines = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="3" fill="#ffffff" stroke="#d5d9de"/>',
        f'<text x="{left + 8}" y="{top + 18}" font-size="12" fill="#33383d">{escape(panel["title"])}</text>',
    ]
    if panel["type"] == "stat":
        middle = f'x="{left + width // 2}" y="{top + height // 2 + 18}" text-anchor="middle"'
        text = next(numbers)
        colour = "#a87900" if text == "warning" else "#2d7a37"
        return [*lines, f'<text {middle} font-size="26" fill="{colour}">{escape(text)}</text>']
    inside = (left + 10, top + 30, width - 20, height - 42)
    return lines + (_timeline(*inside) if panel["type"] == "state-timeline" else _curves(*inside, number))


def _curves(left: int, top: int, width: int, height: int, number: int) -> list[str]:
    """Two lines over a week."""
    found = []
    for curve, colour in enumerate(_LINES):
        points = []
        for step in range(57):
            share = 0.5 + 0.3 * math.sin(step / 4 + number + 2 * curve) + 0.15 * math.sin(step * 1.7 + number)
            points.append(f"{left + width * step // 56},{top + height - round(height * share)}")
        found.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return found


def _timeline(left: int, top: int, width: int, height: int) -> list[str]:
    """One bar for each of five checks."""
    each = height // 5
    return [
        f'<rect x="{left + width * part // 4}" y="{top + each * row}" width="{width // 4}" height="{each - 4}" '
        f'fill="{_STATES[(part + row) % 4 if row % 2 else 0]}"/>'
        for row in range(5)
        for part in range(4)
    ]
