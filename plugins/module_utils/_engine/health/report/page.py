# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole page of one environment. Pure."""

from __future__ import annotations

from ...environment.status import worst_word
from ...page.markup import document, element
from ...page.style import STYLE
from ...version import VERSION
from .changes import changes
from .facts import PageFacts
from .records import backups, jobs
from .sections import growth, health, indexes, measured_indexes, migrations, rehearsed_migrations, retention, state
from .texts import size_text


def page(facts: PageFacts) -> str:
    """The page, as HTML that is well-formed XML too: what changed first, then the state, then the history."""
    title = f"{facts.environment or facts.database} on {facts.now:%Y-%m-%d}"
    found = {check["status"] for check in facts.checks}
    worst = worst_word(found)
    where = f"Database {facts.database}, {size_text(facts.size)}, asked from {facts.host} at {facts.now:%Y-%m-%d %H:%M} UTC."
    return document(
        f"{title}: {worst}",
        STYLE,
        element("h1", title, ": ", state(worst)),
        element("p", where),
        element(
            "section",
            element("h2", "What changed since last week"),
            element("ul", *(element("li", each) for each in changes(facts))),
        ),
        health(facts),
        backups(facts),
        jobs(facts),
        growth(facts),
        retention(facts),
        indexes(facts),
        *([measured_indexes(facts.measured)] if facts.measured else []),
        *([rehearsed_migrations(facts)] if facts.rehearsed else []),
        migrations(facts),
        element("p", f"Made by titan-db stats --html, version {VERSION}.", class_="source"),
    )
