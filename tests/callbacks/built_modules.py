# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's archives of modules are built once for a run of the tests, not once for each of its plays.

Ansible looks for the imports of a module, parses every file and packs them, in each run of ansible-playbook: about a second
of processor time for a module of ours. It keeps them in its temporary directory, under a lock; here that place is a link
to a directory of the tests' run (TITAN_BUILT_MODULES), one for each state of the collection's files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
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


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "built_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        built = Path(os.environ["TITAN_BUILT_MODULES"], state_of_the_collection())
        built.mkdir(mode=0o700, exist_ok=True)
        Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(built)
