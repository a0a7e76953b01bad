# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML and SVG out of texts that others have made: one function escapes each of them. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

from ..text.one_line import printable

_EMPTY = ("meta", "link", "br", "rect", "line", "path", "polyline", "circle")


class Markup(str):
    """Text that is markup already; only this file makes it."""


def escaped(text: object) -> Markup:
    """The text as markup that shows it; what cannot be printed (also what would turn the direction) is shown escaped."""
    return text if isinstance(text, Markup) else Markup(escape(printable(str(text))))


def element(tag: str, /, *children: object, **attributes: object) -> Markup:
    """One element, well-formed as XML. Attributes: None leaves it out; "class_" and "aria_label" are class and aria-label."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{given}/>")
    return Markup(f"<{tag}{given}>{joined(children)}</{tag}>")


def joined(parts: Iterable[object]) -> Markup:
    """The parts one after the other."""
    return Markup("".join(escaped(part) for part in parts))


def table(head: Iterable[object], rows: Iterable[Iterable[object]], numbers: Iterable[int] = ()) -> Markup:
    """A table that is scrolled sideways where it is too wide; numbers holds the columns aligned to the right."""
    right = frozenset(numbers)

    def row(name: str, cells: Iterable[object], **attributes: object) -> Markup:
        return element(
            "tr",
            *(
                element(name, cell, class_="number" if at in right else None, **attributes)
                for at, cell in enumerate(cells)
            ),
        )

    body = element("tbody", *(row("td", each) for each in rows))
    whole = element("table", element("thead", row("th", head, scope="col")), body)
    return element("div", whole, class_="wide", tabindex=0)


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def is_document(page: str) -> bool:
    """Whether a page that somebody else has sent begins as one of ours without a script: it may run nothing and ask nobody."""
    return page.startswith(_before_head(_POLICY))


def _before_head(policy: str) -> str:
    metas = element("meta", charset="utf-8"), element("meta", http_equiv="Content-Security-Policy", content=policy)
    return f'<!DOCTYPE html>\n<html lang="en"><head>{joined(metas)}'


def document(title: str, style: str, *body: object, script: str = "") -> str:
    """A whole page that asks for nothing outside itself, and may not; script (our own, without "<" and "&") runs at its end."""
    policy = _POLICY
    if script:
        policy += f"; script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
    head = joined(
        (
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("link", rel="icon", href="data:,"),
            element("title", title),
            Markup(f"<style>{style}</style>"),
        )
    )
    end = Markup(f"<script>{script}</script>") if script else ""
    return f"{_before_head(policy)}{head}</head>{element('body', element('main', *body), end)}</html>\n"
