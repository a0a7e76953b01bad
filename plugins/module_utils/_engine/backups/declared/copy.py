# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of copy."""

from __future__ import annotations

from ...text.options import Spec, option
from .backup import BACKUP
from .restore import RESTORE

# How a copy is made, for all that work with one.
FOR_A_COPY: Spec = {
    "source": option(
        "path",
        "The backup on the target host that is restored. The newest verified one in O(dest) if not given.",
    ),
    "dest": RESTORE["dest"],
    "name": RESTORE["name"],
    "identity": BACKUP["identity"],
    "programs": BACKUP["programs"],
    "jobs": BACKUP["jobs"],
    "timeout": BACKUP["timeout"],
    "drill_dir": BACKUP["drill_dir"],
}

# For those that run SQL of others on it.
WITHOUT_SANDBOX: Spec = {
    "without_sandbox": option(
        "bool",
        "Go on where this host can make no sandbox, although extensions of the database (C(postgres_fdw), C(dblink) and the like) "
        "could let what runs on the copy reach others. Without a sandbox, nothing runs there as a superuser.",
        default=False,
    ),
}

COPY: Spec = {
    "keep": option(
        "str",
        "How long the copy is kept, such as V(2h). It is removed earlier when the run is interrupted.",
        default="1h",
    ),
    **FOR_A_COPY,
}
