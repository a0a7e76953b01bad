# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests themselves may not do: patch what is private, fork by themselves, sleep where no clock is tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT


def calls(text: str) -> Iterator[tuple[str, ast.Call]]:
    """Each call in the text with the last part of the called name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def faults(text: str) -> list[str]:
    found = []
    for name, call in calls(text):
        constants = [item.value for item in call.args if isinstance(item, ast.Constant)]
        private = [item for item in constants if isinstance(item, str) and item.rpartition(".")[2].startswith("_")]
        if name in ("setattr", "delattr") and private and "monkeypatch" in ast.unparse(call.func):
            found.append(f"line {call.lineno}: patches the private {private[0]}")
        if name == "fork" or name == "Process" and "multiprocessing" in ast.unparse(call.func):
            found.append(f"line {call.lineno}: forks by itself; use tests.processes")
        if name == "sleep" and ast.unparse(call.func) == "time.sleep" and constants and float(constants[0]) > 0.5:
            found.append(f"line {call.lineno}: sleeps for {constants[0]} s")
    return found


@pytest.mark.parametrize(
    "text",
    [
        "monkeypatch.setattr(take.free_name, '__defaults__', ())",
        "monkeypatch.setattr('a.b._c', 1)",
        "os.fork()",
        "multiprocessing.get_context('fork').Process(target=f)",
        "time.sleep(1.5)",
    ],
)
def test_each_of_them_is_seen(text: str) -> None:
    assert len(faults(text)) == 1


def test_no_test_does_any_of_them() -> None:
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in ("processes.py", "test_processes.py")]
    assert len(files) > 100
    found = {str(path.relative_to(ROOT)): wrong for path in files if (wrong := faults(Path(path).read_text("utf-8")))}
    assert found == {}
