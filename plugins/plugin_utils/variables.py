# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that are nearly called like one of a role: a misspelt one would have no effect, and nobody would notice."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

_NEAR = 0.75  # of the part behind the role's prefix; 1 is equal
_MORE = frozenset({"reindex"})  # a job whose variables belong to the role crontab


def known_names(collection: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The prefixes of the roles' variables, and every name in the roles' and playbooks' files that starts with one of them and "_"."""
    roles = _MORE.union(folder.name for folder in (collection / "roles").iterdir() if folder.is_dir())
    word = re.compile(rf"\b(?:{'|'.join(sorted(roles))})_\w+")
    files = [
        *collection.glob("roles/*/[dmtv]*/*.yml"),
        *collection.glob("roles/*/templates/*"),
        *collection.glob("playbooks/*.yml"),
    ]
    names: set[str] = set()
    for path in files:
        names.update(word.findall(path.read_text(encoding="utf-8")))
    return roles, frozenset(names)


def misspelt(given: Iterable[str], roles: Collection[str], known: Collection[str]) -> list[tuple[str, str]]:
    """Each given name that no file knows but that resembles one, with the nearest one.

    Other names with a role's prefix are the user's own.
    """
    found = []
    for name in sorted(set(given) - set(known)):
        prefix, separator, rest = name.partition("_")
        if not separator or not rest or prefix not in roles:
            continue
        own = {each[len(prefix) + 1 :] for each in known if each.startswith(f"{prefix}_")}
        swapped = sorted(
            own.intersection(rest[:at] + rest[at + 1] + rest[at] + rest[at + 2 :] for at in range(len(rest) - 1))
        )
        near = swapped or difflib.get_close_matches(rest, sorted(own), n=1, cutoff=_NEAR)
        if near:
            found.append((name, f"{prefix}_{near[0]}"))
    return found
