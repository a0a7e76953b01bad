# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that are programs or descriptions, as Knex, TypeORM, Django, Alembic, Ecto and Rails have them: no SQL to run."""

from __future__ import annotations

import os
import re
from contextlib import suppress

# A version, and what such tools write migrations in; Alembic's versions are hexadecimal.
_MIGRATION = (  # compiled when a file of another kind is there, which is rare
    r"(?:[VBR]?[0-9]|V?[0-9a-f]{12}_).*\.(?:[cm]?js|[cm]?ts|py|exs?|rb|php|go|java|kts?|cs|xml|ya?ml|json|edn|clj|fizz)\Z"
)
_NO_MIGRATION = r"(?i)(?:[._](?:test|spec|designer|snapshot)|\.d)\.[a-z]+\Z"
_DEPTH = 2


def other_languages(path: str, limit: int = 5) -> list[str]:
    """Names of such files in the directory and in folders just below it, sorted, at most so many; none if it cannot be read."""
    return sorted(_found(path, "", _DEPTH))[:limit]


def _found(path: str, prefix: str, depth: int) -> list[str]:
    found, inner = [], []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith(".sql") and entry.is_file(follow_symlinks=False):
                continue
            if not entry.is_dir():
                if not name.endswith(".sql") and is_other_language(name):
                    found.append(prefix + name)
            elif depth > 1 and not entry.is_symlink() and name[:1] not in "._" and name != "node_modules":
                inner.append(name)
    for name in inner:
        found += _found(os.path.join(path, name), f"{prefix}{name}/", depth - 1)
    return found


def is_other_language(name: str) -> bool:
    """Whether a file of this name is such a migration. Pure."""
    return re.match(_MIGRATION, name) is not None and re.search(_NO_MIGRATION, name) is None
