# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site as ``make site`` builds it: its links, its search, and its pages in a real browser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, asked, browse, widths
from tests.conftest import ROOT
from tools.site import links, sources

BUILT = ROOT / "build" / "site"
PYTHON = ROOT / ".venv-site" / "bin" / "python"
browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that make site has built, or a new one where that is older than its sources."""
    made_of = BUILT / "sources.sha256"
    if made_of.exists() and made_of.read_text() == sources.digest():
        return BUILT
    if not PYTHON.exists():
        pytest.skip("Sphinx is not installed: make site")
    target = tmp_path_factory.mktemp("built") / "site"
    command = [PYTHON, "-m", "tools.site.build", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def names(folder: str, pattern: str) -> set[str]:
    return {path.stem if path.is_file() else path.name for path in (ROOT / folder).glob(pattern)}


def test_each_guide_module_and_role_has_a_page_and_each_link_a_target(site: Path) -> None:
    reference = site / "collections" / "titan" / "database"
    wanted = {site / "docs" / f"{name}.html" for name in names("docs", "*.md")}
    wanted |= {reference / f"{name}_module.html" for name in names("plugins/modules", "*.py")}
    wanted |= {reference / f"{name}_role.html" for name in names("roles", "*")}
    assert [str(path) for path in sorted(wanted) if not path.is_file()] == [] and len(wanted) > 50
    assert list(links.findings(site)) == []
    assert [page for page in site.rglob("*.html") if "ERROR:" in page.read_text(encoding="utf-8")] == [], "of the theme"
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    unreachable = ("<pre>", '<div class="table-wrapper ', "aria-role=")
    assert [page for page, text in pages.items() if any(each in text for each in unreachable)] == [], "by a keyboard"
    assert sum('<pre tabindex="0">' in text for text in pages.values()) > 30
    shown = (site / "docs" / "claims.html").read_text(encoding="utf-8")
    assert 'href="../files/tests/integration/migrations/test_migration.py.txt"' in shown, "a claim leads to its test"


def test_the_colours_of_the_reference_are_light_and_dark_by_the_pages_own_switch_and_by_the_systems(site: Path) -> None:
    style = (site / "collections" / "titan" / "database" / "backup_module.html").read_text(encoding="utf-8")
    style = style.partition("<style>")[2].partition("</style>")[0]
    blocks = [dict(re.findall(r"--antsibull-([a-z-]+): (#[0-9a-f]{6});", block)) for block in style.split("{")]
    light, *dark = (block for block in blocks if block)
    assert len(dark) == 2 and dark[0] == dark[1] != light and dark[0].keys() <= light.keys()


@browser
def test_the_search_finds_guides_and_modules_and_asks_nobody(site: Path, tmp_path: Path) -> None:
    def found(words: str) -> str:
        done = browse(tmp_path, site / "search.html", "--dump-dom", fragment=f"?q={words}")
        assert "CONSOLE" not in done.stderr, done.stderr
        assert asked(tmp_path) == []
        return done.stdout.partition('id="search-results"')[2]

    assert "docs/restore.html" in found("restore+swap")
    assert "backup_pin_module.html" in found("backup_pin")
    assert "did not match any documents" in found("nosuchwordanywhere")


@browser
def test_pages_fit_a_phone_and_a_desk(site: Path, tmp_path: Path) -> None:
    reference = site / "collections" / "titan" / "database"
    guides = [site / "docs" / f"{name}.html" for name in ("README", "claims", "retention", "architecture", "env-files")]
    pages = [site / "index.html", *guides, reference / "backup_module.html", reference / "server_role.html"]
    found = widths(tmp_path, pages, 360, 1280)
    assert [pair for pair in found if pair[1] > pair[0]] == [], found
