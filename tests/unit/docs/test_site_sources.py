# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation site is made from, and the check of its links."""

from __future__ import annotations

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
