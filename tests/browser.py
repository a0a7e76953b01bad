# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in a real browser: what it says, what it looks like, and whom it asks."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

CHROMIUM = shutil.which("chromium")


def browse(folder: Path, page: Path, *more: str, fragment: str = "") -> subprocess.CompletedProcess[str]:
    """Open the page in Chromium; its log of requests is net.json in the folder."""
    command = [
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run", f"--user-data-dir={folder}/profile", "--enable-logging=stderr",
        f"--log-net-log={folder}/net.json", "--allow-file-access-from-files", "--virtual-time-budget=2000", *more,
        page.as_uri() + fragment,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done


def asked(folder: Path) -> list[str]:
    """The addresses that a page asked for, besides its file; what the browser wants for itself has no page that began it."""
    text = (folder / "net.json").read_text(errors="replace")
    lines = (
        json.loads(line.strip().rstrip(","))
        for line in text.splitlines()
        if line.startswith('{"params"') and line.strip().endswith("},")
    )
    found = (each.get("params", {}) for each in lines)
    return [
        p["url"]
        for p in found
        if p.get("url", "").startswith("http") and p.get("initiator", "not an origin") != "not an origin"
    ]


def widths(folder: Path, pages: Sequence[Path], *frames: int) -> list[tuple[int, int]]:
    """Of each page in a frame of each width: how wide the frame's inside is, and how wide the page.

    No page may write to the console or ask for anything outside.
    """
    shown = "".join(
        f'<iframe src="{page.as_uri()}" width="{frame}" height="800"></iframe>' for page in pages for frame in frames
    )
    measure = "Array.from(frames).map(f => f.innerWidth + ':' + f.document.documentElement.scrollWidth).join(' ')"
    outer = folder / "outer.html"
    script = f"onload = () => {{ said.textContent = {measure} }}"
    outer.write_text(f'<!DOCTYPE html><body>{shown}<p id="said"></p><script>{script}</script></body>')
    done = browse(folder, outer, "--dump-dom")
    assert "CONSOLE" not in done.stderr and asked(folder) == [], done.stderr
    said = done.stdout.partition('id="said">')[2].partition("<")[0].split()
    found = [(int(here), int(there)) for here, _colon, there in (each.partition(":") for each in said)]
    assert len(found) == len(pages) * len(frames), said
    return found
