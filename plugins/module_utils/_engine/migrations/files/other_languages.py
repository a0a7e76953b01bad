# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations that are programs or descriptions, as Knex, TypeORM, Django, Alembic, Ecto and Rails have them: no SQL to run."""

from __future__ import annotations

import os
import re

# A version, and what such tools write migrations in; Alembic's versions are hexadecimal.
_MIGRATION = re.compile(
    r"(?:[VBR]?[0-9]|V?[0-9a-f]{12}_).*\.(?:[cm]?js|[cm]?ts|py|exs?|rb|php|go|java|kts?|cs|xml|ya?ml|json|edn|clj|fizz)\Z"
)
_NO_MIGRATION = re.compile(r"(?:[._](?:test|spec|designer|snapshot)|\.d)\.[a-z]+\Z", re.IGNORECASE)
_DEPTH = 2


def other_languages(path: str, limit: int = 5) -> list[str]:
    """Names of such files in the directory and in folders just below it, sorted, at most so many; none if it cannot be read."""
    found = []
    for folder, inner, files in os.walk(path):
        below = os.path.relpath(folder, path).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        if prefix.count("/") >= _DEPTH - 1:
            inner.clear()
        inner[:] = [name for name in inner if name[:1] not in "._" and name != "node_modules"]
        found += [f"{prefix}{name}" for name in files if not name.endswith(".sql") and is_other_language(name)]
    return sorted(found)[:limit]


def is_other_language(name: str) -> bool:
    """Whether a file of this name is such a migration. Pure."""
    return _MIGRATION.match(name) is not None and _NO_MIGRATION.search(name) is None
