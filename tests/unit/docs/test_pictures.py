# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of the documents show the pages as they are made today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import CHROMIUM
from tools.pictures import make


@pytest.mark.parametrize("name", make.PICTURES)
def test_each_picture_is_of_the_page_as_it_is_made_now(name: str) -> None:
    """After a change of a page: make pictures, or without the demo's .venv/bin/python -m tools.pictures.make."""
    assert make.taken_of(make.ROOT / "docs" / name) == make.checksum(name), "out of date: make pictures"
    assert f"(docs/{name})" in (make.ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_a_picture_says_what_it_was_taken_of(tmp_path: Path) -> None:
    make.take("fleet.png", tmp_path / "x.png")
    assert make.taken_of(tmp_path / "x.png") == make.checksum("fleet.png")
    assert (tmp_path / "x.png").stat().st_size > 20_000
