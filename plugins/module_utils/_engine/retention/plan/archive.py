# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where archived rows go: the files of a policy, and which of them a run left without a manifest. Read only."""

from __future__ import annotations

import hashlib
import os
import re

from ...errors import TitanError
from ...host.files import require_private_directory
from ..policies.policy import Policy

SUFFIX, MANIFEST = ".copy", ".manifest.json"


def require_archive_directory(policy: Policy) -> None:
    """Raise TitanError unless the directory may be written to by us and nobody else."""
    require_private_directory(policy.archive, "archive")
    if not os.access(policy.archive, os.W_OK):
        raise TitanError(
            f"The archive directory {policy.archive!r} cannot be written to; chown it to the user of the job."
        )


def unfinished_archives(policy: Policy) -> tuple[str, ...]:
    """The names of this policy's files that have no manifest: their run did not end."""
    start = file_stem(policy) + "_"
    ours = [name for name in os.listdir(policy.archive) if name.startswith(start) and name.endswith(SUFFIX)]
    return tuple(sorted(name for name in ours if not os.path.exists(os.path.join(policy.archive, name) + MANIFEST)))


def file_stem(policy: Policy) -> str:
    """The first part of the files' names, for any policy name, different for different names."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", policy.name).strip("-")[:60]
    return f"{words}-{hashlib.sha256(policy.name.encode()).hexdigest()[:8]}"
