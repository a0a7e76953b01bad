# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's result as a picture for the README: after make demo, picture.py writes docs/demo.svg.

Usage: picture.py [RESULT.txt PICTURE.svg]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
LINE, CHARACTER, MARGIN, BAR = 18, 7.83, 18, 34
STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d0d7de;white-space:pre}"
    ".title{fill:#79c0ff;font-weight:bold}.good{fill:#7ee787}.note{fill:#e3b341}.dim{fill:#8b949e}"
)
# What is coloured within a line: evidence in green, what was left out on purpose in yellow.
MARKS = re.compile(r"(?P<good>built, valid|applied|changed=0|, equal|: equal)|(?P<note>left out: .*?)(?=\s{2,}|$)")


def lines_of(text: str) -> list[str]:
    """The lines worth a look: without the heading's rules, and without the cron lines, which name this machine's paths."""
    lines = text.strip("\n").splitlines()
    kept = [line for line in lines if not re.match(r"={10,}| {6}\S", line)]
    heading, *rest = [line.rstrip() for line in kept if not line.startswith(("Look around", "Remove it"))]
    return [heading.strip(), "", *rest]


def spans(line: str, first: bool) -> str:
    """One line as SVG text: section titles, rules and evidence in their colours."""
    if line and not line.startswith(" ") or first:
        return f'<tspan class="title">{escape(line)}</tspan>'
    if re.fullmatch(r"[ -]+", line):
        return f'<tspan class="dim">{line}</tspan>'
    parts, at = [], 0
    for found in MARKS.finditer(line):
        parts.append(escape(line[at : found.start()]))
        parts.append(f'<tspan class="{found.lastgroup}">{escape(found.group())}</tspan>')
        at = found.end()
    return "".join([*parts, escape(line[at:])])


def picture(text: str) -> str:
    """The whole picture; the same text gives the same bytes."""
    lines = lines_of(text)
    while lines and not lines[-1]:
        lines.pop()
    width = int(max(map(len, lines)) * CHARACTER) + 2 * MARGIN
    height = BAR + LINE * len(lines) + MARGIN
    body = [
        f'<text x="{MARGIN}" y="{BAR + LINE * (number + 1) - 5}" xml:space="preserve">{spans(line, number == 0)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
            "<title>What make demo has read back at its end</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            f'<text x="{MARGIN}" y="22"><tspan class="dim">$ make demo</tspan></text>',
            *body,
            "</svg>",
            "",
        ]
    )


def main(arguments: list[str]) -> None:
    source, target = map(Path, arguments or (ROOT / ".demo" / "result.txt", ROOT / "docs" / "demo.svg"))
    target.write_text(picture(source.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {target}.")


if __name__ == "__main__":
    if len(sys.argv) not in (1, 3):
        sys.exit(__doc__)
    main(sys.argv[1:])
