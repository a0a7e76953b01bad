# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applied files that were edited: harmless, accepted or refused. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from ...errors import TitanError
from ..files.migration import Migration
from ..sql.lexer import same_meaning
from .read import Applied, sort_key


def text_diff(migration: Migration, body: str) -> str:
    """The unified diff from the applied text to the file's."""
    lines = difflib.unified_diff(
        body.splitlines(),
        migration.text.splitlines(),
        f"{migration.file} (applied)",
        f"{migration.file} (file)",
        lineterm="",
    )
    return "\n".join(lines) + "\n"


def check_edits(
    changed: Sequence[tuple[Migration, Applied]], bodies: Mapping[str, str], accepted: Sequence[str]
) -> list[Migration]:
    """The edited migrations whose new text the history may take over.

    Args:
        changed: From plan.edited.
        bodies: The applied text of each, by key.
        accepted: Versions whose edited file is accepted as it is.

    Raises:
        TitanError: another one changed its meaning; the message holds the difference.
    """
    allowed = {sort_key(version) for version in accepted}
    bad = [
        (item, known)
        for item, known in changed
        if not same_meaning(bodies[item.key], item.text) and item.sort_key not in allowed
    ]
    if bad:
        raise _tampered(bad, bodies)
    return [item for item, _known in changed]


def _tampered(bad: Sequence[tuple[Migration, Applied]], bodies: Mapping[str, str]) -> TitanError:
    diffs = [
        {"version": item.key, "file": item.file, "diff": text_diff(item, bodies[item.key])} for item, _known in bad
    ]
    files = ", ".join(item.file for item, _known in bad)
    renamed = ", ".join(f"{known.key} as {known.name!r}" for item, known in bad if item.name != known.name)
    if renamed and len(diffs) == len([1 for item, known in bad if item.name != known.name]):
        return TitanError(
            f"The history of this database knows {renamed}; here are {files}. If these are the migrations of another application, "
            "give them a history of their own with the option history. If applied files were renamed and edited, restore them. "
            "The difference:\n" + "".join(item["diff"] for item in diffs),
            tampered=diffs,
        )
    return TitanError(
        f"Applied migrations were edited: {files}. Restore the files and put the change into a new migration; or, if the "
        "database has it already, name the versions in accept_edited. The difference:\n"
        + "".join(item["diff"] for item in diffs),
        tampered=diffs,
    )
