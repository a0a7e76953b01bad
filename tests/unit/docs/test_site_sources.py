# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation site is made from, and the check of its links."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.site import links, sources


def test_links_lead_to_pages_and_to_copies_of_files() -> None:
    made = sources.gathered()
    assert "](/docs/restore.md)" in made.pages["index.md"] and "](/index.md#install)" in "".join(made.pages.values())
    claims = made.pages["docs/claims.md"]
    assert "](../tests/" not in claims and "](source:../files/tests/integration/backups/test_backup.py.txt" in claims
    assert {"tests/integration/backups/test_backup.py", "LICENSE"} <= made.files
    assert [name for name in made.files if not (sources.ROOT / name).is_file()] == []


def test_each_page_is_in_a_table_of_contents() -> None:
    made = sources.gathered().pages
    listed = made["docs/README.md"].rpartition("```{toctree}")[0] + made["docs/README.md"]
    guides = [Path(name).stem for name in made if name.startswith("docs/") and name != "docs/README.md"]
    assert len(guides) > 20 and [name for name in guides if f"\n{name}\n" not in listed] == []


def test_what_is_not_there_and_what_comes_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.html").write_text('<h2 id="here">b</h2><a href="../a.html#no">a</a>')
    (tmp_path / "a.html").write_text(
        '<a href="sub/b.html#here">1</a><a href="sub/b.html#gone">2</a><a href="c.html">3</a><a href="https://x.y/">4</a>'
        '<script src="https://x.y/z.js"></script><link rel="stylesheet" href="//x.y/z.css"><img src="data:,">'
    )
    assert list(links.findings(tmp_path)) == [
        "a.html loads https://x.y/z.js",
        "a.html loads //x.y/z.css",
        "a.html: sub/b.html#gone has no such anchor",
        "a.html: c.html is not there",
        "sub/b.html: ../a.html#no has no such anchor",
    ]


def luminance(colour: str) -> float:
    """Of #rrggbb, as WCAG 2.1 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_colours_of_the_reference_are_legible_on_each_of_its_backgrounds() -> None:
    settings = ast.parse((sources.ROOT / "tools" / "site" / "conf.py").read_text(encoding="utf-8"))
    given = {ast.unparse(each.targets[0]): each.value for each in settings.body if isinstance(each, ast.Assign)}
    blocks = [
        {name.removeprefix("antsibull-"): colour for name, colour in ast.literal_eval(given[mode]).items()}
        for mode in ("_LIGHT", "_DARK")
    ]
    for block, text in zip(blocks, ("#000000", "#cfd0d0"), strict=True):
        behind = [
            colour
            for name, colour in block.items()
            if re.search("background(-even|-odd|-header)?$", name) and "links" not in name
        ]
        on_them = [text, *(colour for name, colour in block.items() if name.startswith(("option", "attribute")))]
        assert len(behind) == 4 and len(on_them) > 10
        for back in behind[1:]:  # the first is behind the headings of columns only
            assert [colour for colour in on_them if contrast(colour, back) < 4.5] == [], back
        assert contrast(text, behind[0]) > 4.5
    assert contrast(blocks[0]["links-text"], blocks[0]["links-background"]) > 4.5
    assert contrast("#ff0000", "#e7f2fa") < 4.5, "as it was"
