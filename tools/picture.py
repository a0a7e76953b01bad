"""Draw docs/architecture.svg from the engine's imports: ``make picture``.

Each row is a line of the order in tests/unit/collection/imports.py, the highest at the top; a box is a folder with its rooms,
a line an import between folders. The grey boxes are imported by everything above them, so they have no lines.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.collection.imports import ORDER, folder_graph  # noqa: E402

PICTURE = ROOT / "docs" / "architecture.svg"
ENGINE = ROOT / "plugins" / "module_utils" / "_engine"
EVERYBODYS = {
    "typed",
    "errors",
    "steps",
    "version",
    "text",
    "host",
    "postgres",
    "outcome",
    "",
}  # the ground floor: no lines to it
WIDTH, ROW, BOX = 1080, 88, 58
# Where the only box of a row stands, so that lines pass beside it: shares of the width, from the top row down.
ASIDE = {"cli": 0.5, "health": 0.36, "jobs": 0.62, "alerts": 0.8, "environment": 0.6, "retention": 0.3}


def top_level(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Imports between the engine's top folders."""
    found: dict[str, set[str]] = {}
    for folder, targets in graph.items():
        here = folder.split(".")[0]
        found.setdefault(here, set()).update(t.split(".")[0] for t in targets if t.split(".")[0] != here)
    return found


def rooms(name: str) -> str:
    folder = ENGINE / name
    inside = (
        sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__")
        if folder.is_dir()
        else []
    )
    return "  ".join(inside)


def drawn() -> str:
    """The picture's text."""
    graph = top_level(folder_graph(ENGINE))
    places: dict[str, tuple[float, float, float]] = {}
    rows = list(reversed(ORDER))
    for index, names in enumerate(rows):
        widths = [max(120, 7.2 * max(len(part) for part in _lines(name)) + 24) for name in names]
        gap = (WIDTH - sum(widths)) / (len(names) + 1)
        x = gap
        for name, width in zip(names, widths):
            left = ASIDE[name] * WIDTH - width / 2 if name in ASIDE else x
            places[name] = (left, 16 + index * ROW, width)
            x += width + gap
    height = 16 + len(rows) * ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" role="img">',
        "<title>The folders of the engine, and which import which</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for name in places:
        for target in sorted(graph.get(name, ())):
            if target not in EVERYBODYS and target in places:
                (x1, y1, w1), (x2, y2, w2) = places[name], places[target]
                lines.append(
                    f'<path d="M{x1 + w1 / 2:.0f} {y1 + BOX:.0f} C{x1 + w1 / 2:.0f} {y1 + BOX + 30:.0f} {x2 + w2 / 2:.0f} {y2 - 30:.0f} '
                    f'{x2 + w2 / 2:.0f} {y2:.0f}" fill="none" stroke="#9aa5b1" stroke-width="1.1"/>'
                )
    for name, (x, y, width) in places.items():
        fill = "#eef2f7" if name in EVERYBODYS else "#dbe9f6"
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX}" rx="6" fill="{fill}" stroke="#52606d"/>'
        )
        for number, part in enumerate(_lines(name)):
            style = 'font-size="15" font-weight="bold"' if number == 0 else 'font-size="11.5" fill="#3e4c59"'
            lines.append(
                f'<text x="{x + width / 2:.0f}" y="{y + 20 + 15 * number:.0f}" text-anchor="middle" {style}>{escape(part)}</text>'
            )
    return "\n".join((*lines, "</svg>")) + "\n"


def _lines(name: str) -> list[str]:
    """The folder's name, and its rooms on at most two lines."""
    inside = rooms(name).split()
    half = (len(inside) + 1) // 2 if len(inside) > 5 else len(inside)
    return [name, *(" · ".join(part) for part in (inside[:half], inside[half:]) if part)]


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
