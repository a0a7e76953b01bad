"""The last rehearsal in the weekly report and on its page: what was wrong, what would wait, and every text is text."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from ansible_collections.titan.database.plugins.module_utils._engine.health.report.facts import PageFacts
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.measured import rehearsed_text
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.sections import rehearsed_migrations
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.remembered import (
    Rehearsed,
    from_json,
    remember,
)
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.seen import LockSeen, Seen, StatementSeen
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.timing import Round, Took

HOSTILE = "<script>alert(1)</script> \u202e\n"


def _seen() -> Seen:
    locks = [
        LockSeen("public.<b>", "ACCESS EXCLUSIVE", 3.1),
        LockSeen("public.other", "SHARE", 9.0),
        LockSeen("public.orders", "ROW EXCLUSIVE", 99.0),
    ]
    there = StatementSeen(f"1_{HOSTILE}.sql", 7, "apply", "SELECT", locks=locks)
    back = StatementSeen("1_a.sql", 1, "rollback", "SELECT", locks=[LockSeen("public.back", "ACCESS EXCLUSIVE", 50.0)])
    return Seen([there, back], [Round(Took(4.2, 0.0), Took(4.5, 0.0))], peak=2_000_000)


def _page(rehearsed: Rehearsed) -> str:
    facts: Any = SimpleNamespace(rehearsed=rehearsed, typed="titan-db {} --config /etc/x.json".format)
    return str(rehearsed_migrations(cast(PageFacts, facts)))


def test_what_keeps_somebody_waiting_is_told_the_longest_first() -> None:
    made = remember(_seen(), ["1"], [f"max_block is 1 s {HOSTILE}"], "/srv/b.dump", 1000.0)
    found = from_json(json.loads(json.dumps(made._asdict())))
    assert found == made and not made.passed
    assert [felt.partition(" for ")[0] for _where, felt in made.waits] == [
        "SHARE on public.other",
        "ACCESS EXCLUSIVE on public.<b>",
    ]
    text, page = rehearsed_text(made), _page(made)
    for said in ("1970-01-01 00:16 UTC", "not passed, 1 migration in 4.2 s, 1.9 MB needed", "readers and writers wait"):
        assert said in text
    assert "\u202e" not in text + page and "<script>" not in page and "<b>" not in page and "&lt;script&gt;" in page
    assert "titan-db rehearse --config /etc/x.json" in page and "/srv/b.dump" in page and "state critical" in page
    assert text.count("\n") == 3, "two that wait and one problem"


def test_nothing_pending_and_damaged_records() -> None:
    made = remember(Seen(), [], [], "/srv/b.dump", 1000.0)
    assert made.words == "passed, no migration was pending"
    assert "state ok" in _page(made)
    kept = made._asdict()
    for damaged in ({}, {**kept, "waits": [["x"]]}, {**kept, "at": "never"}, {**kept, "problems": 1}):
        assert from_json(damaged) is None
