# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the page about the database: health, growth, tables, retention, indexes, migrations. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from ...index_effect.record import Remembered
from ...page.charts import Bar, Point, bars, line
from ...page.markup import Markup, element, joined, table
from .changes import WEEK, deleted_rows
from .facts import PageFacts
from .texts import size_text

_TABLES, _BARS = 50, 10


def section(title: str, source: str, *parts: object) -> Markup:
    """One part of the page; source says where its numbers come from, and when they were read."""
    return element("section", element("h2", title), *parts, element("p", f"Source: {source}", class_="source"))


def moment(seconds: float) -> str:
    """A time in words; unlike the records, which hold numbers."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"


def code(text: str) -> Markup:
    """A command, or nothing."""
    return element("code", text) if text else Markup("")


def state(word: str) -> Markup:
    """A word of state, in its colour."""
    return element("span", word, class_=f"state {word}")


def health(facts: PageFacts) -> Markup:
    """All findings with the command that helps; what is well is named in one sentence."""
    order = ("critical", "unknown", "warning")
    bad = sorted(
        (check for check in facts.checks if check["status"] in order), key=lambda check: order.index(check["status"])
    )
    well = [check["name"] for check in facts.checks if check["status"] == "ok"]
    rows = [(state(check["status"]), check["name"], check["message"], code(check["fix"])) for check in bad]
    parts: list[object] = [table(("state", "check", "finding", "what helps"), rows)] if rows else []
    parts.append(element("p", f"{len(well)} checks are ok: {', '.join(well)}." if well else "No check is ok."))
    if facts.not_checked:
        parts.append(
            element("p", "Not checked: " + "; ".join(f"{name} ({why})" for name, why in facts.not_checked.items()))
        )
    return section("Health now", f"titan-db health, {facts.now:%Y-%m-%d %H:%M} UTC", *parts)


def growth(facts: PageFacts) -> Markup:
    """The database's size over time, and its largest tables."""
    points = [Point(float(each["at"]), float(each["size"])) for each in facts.samples]
    points.append(Point(facts.now.timestamp(), float(facts.size)))
    parts: list[object] = []
    if len(points) > 1:
        title = f"Size of the database: {size_text(points[0].y)} on {moment(points[0].x)}, {size_text(facts.size)} now"
        highest = size_text(max(point.y for point in points))
        parts.append(line(title, points, "0", highest, moment(points[0].x)[:10], moment(points[-1].x)[:10]))
    else:
        parts.append(element("p", f"{size_text(facts.size)}. The next report shows how it grows."))
    largest = [Bar(row["name"], row["bytes"], size_text(row["bytes"])) for row in facts.tables[:_BARS]]
    if largest:
        parts.append(bars(f"The {len(largest)} largest tables", largest))
    rows = [
        (
            row["name"],
            "unknown" if row["rows"] is None else f"{row['rows']:,}",
            "unknown" if row["dead_rows"] is None else f"{row['dead_rows']:,}",
            size_text(row["bytes"]),
            size_text(row["index_bytes"]),
            "unknown" if row["growth_bytes"] is None else f"{row['growth_bytes'] / 1e6:+,.1f} MB",
        )
        for row in facts.tables[:_TABLES]
    ]
    head = ("table", "rows (about)", "dead rows", "size", "of which indexes", "growth since last week")
    parts.append(table(head, rows, numbers=(1, 2, 3, 4, 5)))
    if len(facts.tables) > _TABLES:
        parts.append(element("p", f"And {len(facts.tables) - _TABLES} smaller tables."))
    return section(
        "Growth", f"pg_database_size, pg_total_relation_size, {facts.now:%Y-%m-%d %H:%M} UTC; former reports", *parts
    )


def retention(facts: PageFacts) -> Markup:
    """Each policy: what is due, what went, and how far back the table goes."""
    runs = [run for run in facts.runs if run.get("policies")]
    newest = runs[-1] if runs else None
    week = deleted_rows([run for run in runs if run["start"] >= facts.now.timestamp() - WEEK])
    everything = deleted_rows(runs)
    rows = []
    for each in facts.schema.policies:
        policy = each.policy
        last = newest.get("policies", {}).get(policy.name) if newest else None
        rows.append(
            (
                policy.name,
                policy.full_table,
                str(policy.keep),
                "unknown" if each.due is None else f"{each.due:,}",
                "no record" if last is None else f"{last[1]:,} of {last[0]:,}",
                f"{week[policy.name]:,}",
                f"{everything[policy.name]:,}",
                each.oldest or (f"unknown: {each.unknown}" if each.unknown else "the table is empty"),
            )
        )
    head = (
        "policy",
        "table",
        "keeps",
        "due now",
        "last clean-up, of due",
        "in 7 days",
        "in all records",
        "oldest row of the table",
    )
    parts: list[object] = [table(head, rows, numbers=(3, 4, 5, 6))] if rows else [element("p", _no_policy(facts))]
    parts += [
        element("p", f"What is due by {each.policy.name} is unknown: {each.due_unknown}")
        for each in facts.schema.policies
        if each.due_unknown
    ]
    if any(each.due for each in facts.schema.policies):
        parts.append(element("p", "Delete what is due: ", code(facts.typed("cleanup"))))
    when = f"last clean-up {moment(newest['start'])}" if newest else "no clean-up is recorded"
    return section(
        "Retention",
        f"titan_ops.retention_policy, the rows themselves, {facts.now:%Y-%m-%d %H:%M} UTC; records of the jobs, {when}",
        *parts,
    )


def _no_policy(facts: PageFacts) -> str:
    why = (facts.schema.unknown or {}).get("policies")
    return f"The policies are unknown: {why}" if why else "No policy is stored: nothing is ever deleted."


def indexes(facts: PageFacts) -> Markup:
    """The indexes that may go, each with its statement; then the sum."""
    schema = facts.schema
    why = (schema.unknown or {}).get("indexes")
    if why:
        return section("Indexes", "the catalog", element("p", f"Unknown: {why}"))
    idle = [each for each in schema.indexes if each.reason]
    rows = [
        (each.name, each.table, size_text(each.bytes), f"{each.scans:,}", each.reason, code(each.statement))
        for each in idle
    ]
    parts: list[object] = []
    if rows:
        parts.append(table(("index", "table", "size", "scans", "why it may go", "statement"), rows, numbers=(2, 3)))
    parts.append(element("p", f"{schema.index_count} indexes, {len(idle)} of which may go."))
    if not schema.scans_judged:
        parts.append(element("p", "Unused indexes are not named yet: uses have not been counted for long enough."))
    parts += _bloat(facts)
    since = f"pg_stat_user_indexes since {schema.scans_since}" if schema.scans_since else "pg_stat_user_indexes"
    return section("Indexes", f"pg_index, {since}, {facts.now:%Y-%m-%d %H:%M} UTC", *parts)


def _bloat(facts: PageFacts) -> list[object]:
    """What a rebuild would give back, and the command for it."""
    schema = facts.schema
    if why := (schema.unknown or {}).get("bloat"):
        return [element("p", f"Bloat is unknown: {why}")]
    rows = [
        (each.name, each.table, size_text(each.bytes), size_text(each.free), f"{each.share:.0%}", each.source)
        for each in schema.bloated
    ]
    head = ("bloated index", "table", "size", "a rebuild gives back", "share", "known by")
    parts: list[object] = [table(head, rows, numbers=(2, 3, 4))] if rows else []
    said = f"{schema.measured} indexes of 1 MB or more were measured, {len(rows)} are bloated."
    parts.append(element("p", said, *((" Rebuild: ", code(facts.typed("reindex"))) if rows else ())))
    return parts


def measured_indexes(measured: Remembered) -> Markup:
    """What titan-db measure has last found."""
    parts: list[object] = [element("p", measured.summary)]
    if measured.effects:
        parts.append(table(("query", "with the indexes"), measured.effects))
    if measured.idle:
        idle = [(name, size_text(size)) for name, size in measured.idle]
        parts.append(table(("index that serves none of the queries", "size"), idle, numbers=(1,)))
    return section("Indexes, measured", f"titan-db measure, {moment(measured.at)}: {measured.head}", *parts)


def rehearsed_migrations(facts: PageFacts) -> Markup:
    """What the last rehearsal has shown; nothing without one."""
    rehearsed = facts.rehearsed
    if not rehearsed:
        return Markup("")
    word = state("ok" if rehearsed.passed else "critical")
    parts: list[object] = [element("p", word, f": {rehearsed.words}.")]
    if rehearsed.waits:
        parts.append(table(("statement", "what production would feel"), rehearsed.waits))
    parts += [element("p", problem) for problem in rehearsed.problems]
    if not rehearsed.passed:
        parts.append(element("p", "See each statement: ", code(facts.typed("rehearse"))))
    source = f"titan-db rehearse, {moment(rehearsed.at)}, on {rehearsed.backup}"
    return section("Migrations, rehearsed", source, *parts)


def migrations(facts: PageFacts) -> Markup:
    """The newest attempts."""
    schema = facts.schema
    why = (schema.unknown or {}).get("migrations")
    rows = [
        (
            f"{each.history}/{each.version}" if each.history else each.version,
            each.name,
            each.action,
            state("failed") if each.outcome == "failed" else each.outcome.replace("_", " "),
            moment(each.started),
            "" if each.milliseconds is None else f"{each.milliseconds:,} ms",
        )
        for each in schema.attempts
    ]
    head = ("version", "name", "action", "outcome", "started", "took")
    body = (
        table(head, rows, numbers=(5,))
        if rows
        else element("p", f"Unknown: {why}" if why else "There is no history of migrations.")
    )
    return section(
        "Migrations", f"titan_ops.migration_history (the newest 100), {facts.now:%Y-%m-%d %H:%M} UTC", joined([body])
    )
