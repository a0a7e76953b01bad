# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This code itself, for a process that can no longer read the archive from which it is imported.

Ansible sends a module's code as an archive in a directory that only the connecting user may enter. Root that works as another
user could not import what is imported late, such as what only an error needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from io import BytesIO
from types import ModuleType
from zipfile import ZipFile
from zipimport import zipimporter


class OwnCode(MetaPathFinder, InspectLoader):
    """Imports the modules of one package from an archive in memory.

    Args:
        content: The archive's bytes.
        package: Only what is below it is imported from here.
        origin: The archive's path, for tracebacks.
    """

    def __init__(self, content: bytes, package: str, origin: str) -> None:
        self._archive, self._package, self._origin = ZipFile(BytesIO(content)), package, origin
        self._names = frozenset(self._archive.namelist())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{self._package}.") or not self._file(fullname):
            return None
        return spec_from_loader(fullname, self, origin=f"{self._origin}/{self._file(fullname)}")

    def is_package(self, fullname: str) -> bool:
        return self._file(fullname).endswith("/__init__.py")

    def get_source(self, fullname: str) -> str:
        return self._archive.read(self._file(fullname)).decode("utf-8")

    def _file(self, fullname: str) -> str:
        path = fullname.replace(".", "/")
        return next((name for name in (f"{path}/__init__.py", f"{path}.py") if name in self._names), "")


def own_code() -> OwnCode | None:
    """This code, read now; None where it does not come from an archive."""
    loader = __spec__.loader if __spec__ else None
    if not isinstance(loader, zipimporter):
        return None
    with open(loader.archive, "rb") as stream:
        return OwnCode(stream.read(), __name__.rpartition(".")[0].rpartition(".")[0], loader.archive)


@contextmanager
def imported_from(code: OwnCode | None) -> Iterator[None]:
    """While the block runs, modules of this code that are not loaded yet come from there; None for nothing to do."""
    if code is None:
        yield
        return
    sys.meta_path.insert(0, code)
    try:
        yield
    finally:
        sys.meta_path.remove(code)
