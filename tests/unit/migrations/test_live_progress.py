"""Lines that are shown on the way, also where a terminal or a talkative host is in between."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.plugin_utils import live_progress


class Host:
    """Runs commands as a connection would: with a banner before, and line ends as a terminal makes them."""

    def __init__(self, line_end: str, banner: str) -> None:
        self.line_end, self.banner = line_end, banner

    def _low_level_execute_command(self, command: str) -> dict[str, Any]:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        return {"stdout": (self.banner + done.stdout).replace("\n", self.line_end)}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("banner", ["", "Welcome to db1\nindex of news\n"])
def test_each_line_is_shown_once_and_whole(
    line_end: str, banner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [
        "applying 1_ä.sql",
        "index i: building, 10 %",
        "index i: building, 20 %",
        "$HOME `id` & titan-db-line:x",
        "end",
    ]
    path = tmp_path / "the lines' file"
    shown: list[str] = []
    monkeypatch.setattr(live_progress, "INTERVAL", 0.01)
    monkeypatch.setattr(live_progress.display, "display", shown.append)
    ended = threading.Event()
    thread = threading.Thread(target=live_progress._follow, args=(Host(line_end, banner), "db1", str(path), ended))
    thread.start()
    try:
        for number in range(len(said)):
            path.write_text("".join(f"{line}\n" for line in said[: number + 1]) + "half a li", encoding="utf-8")
            for _try in range(2000):
                if len(shown) > number:
                    break
                ended.wait(0.01)
    finally:
        ended.set()
        thread.join(30)
    assert shown == [f"  [db1] {line}" for line in said]


@pytest.mark.parametrize(
    ("transport", "able"), [("ssh", True), ("community.docker.docker", True), ("paramiko_ssh", False)]
)
def test_a_connection_for_one_command_says_that_it_shows_nothing(
    transport: str, able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(live_progress.display, "v", said.append)
    monkeypatch.setattr(live_progress.display, "verbosity", 1)
    action: Any = SimpleNamespace(_connection=SimpleNamespace(transport=transport))
    assert bool(live_progress.progress_file(action)) is able
    assert bool(said) is not able and all("paramiko_ssh" in line for line in said)
