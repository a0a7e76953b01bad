# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GRANT, REVOKE and the changes of roles and owners need. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..lint.view import View
from .need import RELATION, SCHEMA, Need, kind_at, of_kind, place, roles


def owner(view: View) -> Iterator[Need]:
    for at in range(2, len(view.words) - 2):
        if view.words[at : at + 2] == ("owner", "to"):
            yield from roles(view, at + 2)


def of_grant(view: View) -> Iterator[Need]:
    words = view.words
    to = place(view, "to" if words[0] == "grant" else "from")
    yield from roles(view, to)
    on = place(view, "on")
    if on > to or on >= len(words):
        begin = 4 if words[2:4] == ("option", "for") else 1
        yield from roles(view, begin)
    elif words[on] == "all":
        yield from of_kind(view, SCHEMA, place(view, "schema", on))
    elif words[on] not in ("database", "large", "tablespace", "parameter", "foreign"):
        kind, at = kind_at(view, on)
        yield from of_kind(view, kind or RELATION, at if kind and words[at] not in (",", "to", "from", ".") else on)


def of_default_privileges(view: View) -> Iterator[Need]:
    words = view.words
    verb = next((at for at, word in enumerate(words) if word in ("grant", "revoke")), len(words))
    for at in range(3, verb):
        if words[at] in ("role", "user") and words[at - 1] == "for":
            yield from roles(view, at + 1)
        if words[at - 1 : at + 1] == ("in", "schema"):
            yield from of_kind(view, SCHEMA, at + 1)
    yield from roles(view, place(view, "to" if words[verb : verb + 1] == ("grant",) else "from", verb))


def of_set(view: View) -> Iterator[Need]:
    at = 1 + (view.words[1:2] in (("local",), ("session",)) and view.words[2:3] in (("role",), ("session",)))
    if view.words[at : at + 1] == ("role",):
        yield from roles(view, at + 1)
    elif view.words[at : at + 2] == ("session", "authorization"):
        yield from roles(view, at + 2)


def of_reassign(view: View) -> Iterator[Need]:
    yield from roles(view, 3)
    yield from roles(view, place(view, "to"))
