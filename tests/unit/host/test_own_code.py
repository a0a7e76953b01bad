# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that was imported from an archive imports the rest of itself, when it may not read the archive any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from ansible_collections.titan.database.plugins.module_utils._engine.host import own_code

# As a module that Ansible sent: part of the code is imported when the archive is gone, the rest is not ours.
SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from sent.code.host.own_code import imported_from, own_code
code = own_code()
os.rename(sys.argv[1], sys.argv[1] + ".gone")
with imported_from(code):
    from sent.code.late import VALUE
    from sent.code.folder.inner import NAME
    from sent.code import folder
    assert (VALUE, NAME, folder.__path__ is not None) == (7, "sent.code.folder.inner", True)
    assert sys.meta_path[0] is code and code.find_spec("sent.other", None) is None
assert code not in sys.meta_path
print("imported")
"""


def test_what_is_imported_late_comes_from_memory(tmp_path: Path) -> None:
    archive = tmp_path / "sent payload.zip"
    with ZipFile(archive, "w") as target:
        for name in ("sent/__init__.py", "sent/code/__init__.py", "sent/code/host/__init__.py", "sent/other.py"):
            target.writestr(name, "")
        target.writestr("sent/code/host/own_code.py", Path(own_code.__file__).read_text(encoding="utf-8"))
        target.writestr("sent/code/late.py", "VALUE = 7\n")
        target.writestr("sent/code/folder/__init__.py", "from . import inner\n")
        target.writestr("sent/code/folder/inner.py", "NAME = __name__\n")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(archive)], capture_output=True, text=True, check=False)
    assert done.stdout == "imported\n", done.stderr


def test_code_that_comes_from_files_needs_nothing() -> None:
    assert own_code.own_code() is None
