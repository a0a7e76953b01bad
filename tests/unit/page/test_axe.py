# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages by the rules of WCAG 2.1 AA, as axe-core finds them in a real browser: light, dark, on paper, wide and narrow."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from html import unescape
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, browse
from tools.pictures import example

# What a page is made to take for granted, so that its own rules for it are in force.
MODES = {
    "light": {},
    "dark": {"@media (prefers-color-scheme:dark)": "@media all"},
    "print": {"@media print": "@media all"},
}
_RUN = (
    "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], preload: false}).then(r => {"
    " const p = document.createElement('p'); p.id = 'axe'; p.textContent = JSON.stringify("
    "{passes: r.passes.map(v => v.id), bad: r.violations.map(v => [v.id, v.nodes.map(n => n.html).slice(0, 3)])});"
    " document.body.append(p) })"
)
_COLLECT = (
    "const found = setInterval(() => { const all = Array.from(frames).map(f => f.document.getElementById('axe'));"
    " if (all.every(Boolean)) { clearInterval(found); said.textContent = JSON.stringify(all.map(p => JSON.parse(p.textContent))) } }, 100)"
)


def axe() -> str:
    """The script: of the package axe-core-python, or the file that TITAN_AXE names."""
    spec = importlib.util.find_spec("axe_core_python")
    if path := os.environ.get("TITAN_AXE"):
        return Path(path).read_text(encoding="utf-8")
    if spec is None or spec.origin is None:
        pytest.skip("axe-core-python is not installed")
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def checked(folder: Path, pages: dict[str, str]) -> dict[str, dict[str, list[object]]]:
    """What axe-core says of each page, in a frame of each width."""
    (folder / "axe.js").write_text(axe(), encoding="utf-8")
    shown, names = "", []
    for name, page in pages.items():
        free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*/>', "", page)
        script = f'<script src="axe.js"></script><script>{_RUN}</script></body>'
        (folder / f"{name}.html").write_text(free.replace("</body>", script), encoding="utf-8")
        for width in (360, 1280):
            shown += f'<iframe src="{name}.html" width="{width}" height="900"></iframe>'
            names.append(f"{name} {width}")
    outer = folder / "outer.html"
    outer.write_text(f'<!DOCTYPE html><body>{shown}<p id="said"></p><script>{_COLLECT}</script></body>')
    dom = browse(folder, outer, "--dump-dom", "--virtual-time-budget=60000").stdout
    said = unescape(dom.partition('id="said">')[2].partition("</p>")[0])
    return dict(zip(names, json.loads(said), strict=True))


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_nothing_speaks_against_the_pages_in_any_mode(tmp_path: Path) -> None:
    made = {"report": example.report(), "fleet": example.fleet()}
    pages = {}
    for name, page in made.items():
        for mode, turned in MODES.items():
            text = page
            for old, new in turned.items():
                assert old in text
                text = text.replace(old, new)
            pages[f"{name}-{mode}"] = text
    # One that is bad on purpose: grey on grey, and a picture without a name.
    pages["bad"] = (
        "<html><head><title>b</title></head><body><p style='color:#999;background:#aaa'>some text to read</p><img src='x'></body></html>"
    )
    found = checked(tmp_path, pages)
    assert len(found) == 14 and all(
        "color-contrast" in each["passes"] for name, each in found.items() if "bad" not in name
    )
    assert {name: each["bad"] for name, each in found.items() if each["bad"] and not name.startswith("bad")} == {}
    assert {"color-contrast", "image-alt", "html-has-lang"} <= {str(bad[0]) for bad in found["bad 360"]["bad"]}  # type: ignore[index]
