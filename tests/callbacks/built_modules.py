# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's archives of modules are built once for a run of the tests, not once for each of its plays.

Ansible looks for the imports of a module, parses every file and packs them, in each run of ansible-playbook: about a second
of processor time for a module of ours. It keeps them in its temporary directory, under a lock; here that place is a link
to a directory of the tests' run (TITAN_BUILT_MODULES), one for each state of the collection's files.

What Python compiles anew in each process of a module (half of its processor time) is put into the archive beside the sources
when a play has ended: as PEP 552's unchecked files, which another version of Python passes over. TITAN_COMPILED_MODULES=no leaves
it out.
"""

from __future__ import annotations

import base64
import dataclasses
import gc
import hashlib
import importlib.util
import io
import marshal
import os
import pickle
import zipfile
from pathlib import Path

from ansible import constants
from ansible.plugins.callback import CallbackBase


def state_of_the_collection() -> str:
    """A digest of the files that modules are built from."""
    digest = hashlib.sha256()
    spec = importlib.util.find_spec("ansible_collections.titan.database")
    for place in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(place, "plugins").rglob("*.py")):
            digest.update(f"{path.relative_to(place)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def compiled(source: bytes, name: str) -> bytes:
    """The compiled file of a source, which is taken without a look at that source."""
    code = marshal.dumps(compile(source, name, "exec", dont_inherit=True))
    return importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(source) + code


def add_compiled(archive: bytes) -> bytes:
    """The archive with the compiled file of each of its sources."""
    stream = io.BytesIO(archive)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as file:
        for entry in file.infolist():
            if entry.filename.endswith(".py"):
                new = zipfile.ZipInfo(f"{entry.filename}c", entry.date_time)
                new.compress_type = zipfile.ZIP_DEFLATED
                file.writestr(new, compiled(file.read(entry), entry.filename))
    return stream.getvalue()


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "built_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        gc.collect()
        gc.freeze()
        gc.disable()
        constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.01
        self.built = Path(os.environ["TITAN_BUILT_MODULES"], state_of_the_collection())
        self.built.mkdir(mode=0o700, exist_ok=True)
        Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(self.built)

    def v2_playbook_on_stats(self, stats: object) -> None:
        """Add what is compiled to the archives that this play has built; one at a time does it, and only once."""
        if os.environ.get("TITAN_COMPILED_MODULES") == "no":
            return
        for path in self.built.iterdir():
            if path.suffix in (".lock", ".compiled", ".new") or path.name.endswith("-part"):
                continue
            try:
                path.with_name(f"{path.name}.compiled").open("x").close()
            except FileExistsError:
                continue
            module = pickle.loads(path.read_bytes())
            archive = base64.b64encode(add_compiled(base64.b64decode(module.zip_data)))
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(pickle.dumps(dataclasses.replace(module, zip_data=archive)))
            new.rename(path)
