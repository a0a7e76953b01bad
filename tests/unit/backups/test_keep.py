# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups go: rules by hand, and properties that hold whatever the catalog looks like."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.entry import Entry
from ansible_collections.titan.database.plugins.module_utils._engine.backups.keep.plan import (
    KeepRules,
    accepted_since,
    make_keep_plan,
    rules_from_option,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

from tests.manifests import manifest_of

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=timezone.utc)


def entry(days: float, level: str = "restored", rows: int = 1000, **other: object) -> Entry:
    """A backup of so many days ago."""
    started = NOW - timedelta(days=days)
    values: dict[str, object] = {
        "path": f"/b/t_{started:%Y%m%d_%H%M%S}.sql.gz", "name": "t", "database": "titan", "system_identifier": "7",
        "started": started, "finished": started, "size": 5000, "sha256": "", "format": "plain", "verified_level": level,
        "verified_at": None, "problem": "", "manifest": manifest_of(("public", "t", rows)),
    }  # fmt: skip
    return Entry(**{**values, **other})  # type: ignore[arg-type]


def ages(plan_entries: tuple[Entry, ...]) -> list[int]:
    return [round((NOW - item.started).total_seconds() / 86400) for item in plan_entries]


def removed(entries: list[Entry], level: str = "restored", **rules: object) -> list[int]:
    return ages(make_keep_plan(entries, KeepRules(**rules), NOW, level).remove)  # type: ignore[arg-type]


DAILY = [entry(day) for day in range(40)]


def test_thirty_days_are_thirty_days() -> None:
    assert removed(DAILY, days=30) == [39, 38, 37, 36, 35, 34, 33, 32, 31]


def test_without_rules_nothing_goes() -> None:
    assert removed(DAILY) == []


def test_the_newest_so_many() -> None:
    assert removed(DAILY, last=38) == [39, 38]


def test_a_backup_stays_when_any_rule_wants_it() -> None:
    kept = set(range(40)) - set(removed(DAILY, days=3, weekly=3, monthly=2))
    # 22 Nov 2026 is a Sunday: the newest of its week is today's, of the week before that of 15 Nov; of October the 31st.
    assert kept == {0, 1, 2, 3, 7, 14, 22}


def test_two_weeks_old_backups_of_a_weekly_job() -> None:
    assert removed([entry(day) for day in (0, 7, 14, 21)], days=7) == [21, 14]


def test_the_newest_verified_stays_whatever_its_age() -> None:
    assert removed([entry(500), entry(501)], days=1) == [501]
    plan = make_keep_plan([entry(0, "none"), entry(500), entry(501)], KeepRules(days=1), NOW, "restored")
    assert plan.remove == () and "not verified" in plan.refused


def test_unverified_files_go_only_after_a_newer_verified_one_exists() -> None:
    adopted = [entry(day, "none", manifest=None) for day in (40, 50)]
    assert removed([entry(60), *adopted], days=30) == []
    assert removed([entry(0), *adopted], days=30) == [50, 40]
    assert removed([entry(0), entry(10, "none", problem="its restore failed")], days=30) == []


def test_a_checksum_job_counts_its_own_but_keeps_the_newest_restored() -> None:
    entries = [entry(0, "checksum"), entry(1, "checksum"), entry(40), entry(41), entry(42, "checksum")]
    assert removed(entries, "checksum", days=30) == [42, 41]
    assert make_keep_plan(entries, KeepRules(days=30), NOW, "restored").remove == ()


def test_a_pinned_one_stays() -> None:
    pinned = entry(300, manifest=manifest_of(("public", "t", 1000), pinned=True))
    assert removed([entry(0), pinned, entry(301)], days=30) == [301]


@pytest.mark.parametrize(
    ("newest", "word"),
    [
        (entry(0, rows=400), "rows"),
        (entry(0, size=100), "bytes"),
        (entry(0, database="other"), "of database 'other'"),
        (entry(0, system_identifier="8"), "another server"),
        (entry(-1), "future"),
        (entry(0, problem="cut"), "not verified"),
    ],
)
def test_nothing_goes_when_the_newest_is_doubtful(newest: Entry, word: str) -> None:
    plan = make_keep_plan([newest, entry(1), entry(40)], KeepRules(days=30), NOW, "restored")
    assert plan.remove == () and word in plan.refused


def test_backups_of_a_database_that_became_empty_long_ago_do_not_age_out() -> None:
    """The doubt does not end after the second empty backup."""
    plan = make_keep_plan([*(entry(day, rows=0) for day in range(40)), entry(41)], KeepRules(days=30), NOW, "restored")
    assert plan.remove == () and "0 rows" in plan.refused


def test_the_ways_out_of_a_doubt() -> None:
    entries = [entry(0, rows=0, system_identifier="8"), entry(40)]
    assert removed(entries, days=30, max_shrink=1.0, accept_other_source=True) == [40]


def halved(days: float, rows: int = 400, accepted: float | None = None) -> Entry:
    """A backup of after the clean-up; its manifest hands on when that was accepted."""
    since = f"{NOW - timedelta(days=accepted):%Y-%m-%dT%H:%M:%SZ}" if accepted is not None else None
    return entry(days, manifest=manifest_of(("public", "t", rows), shrink_accepted=since))


def test_an_accepted_shrink_lets_the_old_ones_age_out_as_the_rules_say() -> None:
    """Also the monthly ones of before, long after the backup that was taken to accept it has gone itself."""
    nights = [halved(day, accepted=3) for day in range(4)] + [entry(day) for day in range(4, 40)]
    assert removed(nights, days=30) == [39, 38, 37, 36, 35, 34, 33, 32, 31]
    later = [halved(day, accepted=200) for day in range(35)] + [entry(300)]
    assert removed(later, days=30) == [300, 34, 33, 32, 31]


def test_a_shrink_after_the_accepted_one_is_found_again() -> None:
    nights = [halved(0, rows=0, accepted=3), *(halved(day, accepted=3) for day in (1, 2, 3)), entry(40)]
    plan = make_keep_plan(nights, KeepRules(days=30), NOW, "restored")
    assert plan.remove == () and "0 rows" in plan.refused and "accept_shrink" in plan.refused


@pytest.mark.parametrize("nonsense", [None, "", "yes", True, 7, "2026-13-01T00:00:00Z"])
def test_only_a_time_accepts(nonsense: object) -> None:
    newest = entry(0, manifest=manifest_of(("public", "t", 1), shrink_accepted=nonsense))
    assert make_keep_plan([newest, entry(40)], KeepRules(days=30), NOW, "restored").remove == ()


def test_what_was_accepted_is_taken_from_verified_backups_only() -> None:
    entries = [halved(0, accepted=0), halved(1), entry(2)]
    assert accepted_since(entries, "restored") == NOW
    entries[0] = entry(0, "none", manifest=manifest_of(shrink_accepted="2026-11-22T02:30:00Z"))
    assert accepted_since(entries, "restored") is None and accepted_since([], "checksum") is None


@given(
    st.lists(
        st.builds(
            entry,
            st.floats(0, 900),
            st.sampled_from(["none", "checksum", "restored"]),
            st.integers(0, 2000),
            problem=st.sampled_from(["", "", "", "cut"]),
            database=st.sampled_from(["titan", "titan", "other"]),
        ),
        max_size=25,
        unique_by=lambda item: item.path,
    ),
    st.builds(
        KeepRules, days=st.integers(0, 40), last=st.integers(0, 5), weekly=st.integers(0, 5), monthly=st.integers(0, 5)
    ),
    st.sampled_from(["checksum", "restored"]),
)
def test_what_is_removed_never_includes_the_newest_good_one(entries: list[Entry], rules: KeepRules, level: str) -> None:
    levels = ("restored",) if level == "restored" else ("checksum", "restored")
    plan = make_keep_plan(entries, rules, NOW, level)
    good = sorted((e for e in entries if e.verified_level in levels and not e.problem), key=lambda e: e.started)
    gone = set(ages(()) or [item.path for item in plan.remove])
    if plan.remove:
        assert good and good[-1].path not in gone
        assert not rules.last or len([e for e in good if e.path not in gone]) >= min(rules.last, len(good))
        assert all((NOW - item.started).days >= rules.days for item in plan.remove)
    assert not (plan.remove and plan.refused)


@pytest.mark.parametrize(("keep", "shrink"), [({"days": -1}, 0.5), ({"last": 3}, 1.5)])
def test_senseless_rules_are_refused(keep: dict[str, int], shrink: float) -> None:
    with pytest.raises(OptionError):
        rules_from_option(keep, shrink)


def test_no_rules_from_nothing() -> None:
    assert not rules_from_option(None).any and not rules_from_option({"days": None}).any
