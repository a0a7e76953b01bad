# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests put into Ansible's archives of modules is what Python runs, and nothing where Python is another."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.callbacks import built_modules


def imported_from(path: Path) -> str:
    """Where Python took the module "part" from, and what it holds."""
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import part; print(part.__file__[{len(str(path)) + 1}:], part.VALUE)"
    return subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_compiled_files_are_used_and_passed_over_by_another_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("part.py", "VALUE = __doc__ = 'ü'\n")
    (tmp_path / "own.zip").write_bytes(built_modules.add_compiled(stream.getvalue()))
    assert imported_from(tmp_path / "own.zip") == "part.pyc ü"
    monkeypatch.setattr(built_modules.importlib.util, "MAGIC_NUMBER", b"\0\0\r\n")
    (tmp_path / "other.zip").write_bytes(built_modules.add_compiled(stream.getvalue()))
    assert imported_from(tmp_path / "other.zip") == "part.py ü"
