"""What is accepted is what Debian's cron accepts and does as it reads; run dates equal an independent library's."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.calendar import (
    days_in_year,
    next_runs,
    previous_run,
)
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.expression import parse_expression
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.jobs import jobs_from_options
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from cronsim import CronSim, CronSimError
from hypothesis import example, given, settings
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
REFUSED = {
    "61 * * * *": "'minute'",
    "0 24 * * *": "'hour'",
    "0 0 32 * *": "'day of month'",
    "0 0 * 13 *": "'month'",
    "0 0 * * 8": "'day of week'",
    "0 0 31 2 *": "never runs",
    "0 0 31 4,6,9,11 *": "never runs",
    "0 0 * * 1#2": "first sunday",
    "0 0 L * *": "first sunday",
    "0 0 ? * *": "'?'",
    "0 0 * * 5-1": "backwards",
    "0 0 * * fri-sun": "backwards",
    "5/15 * * * *": "5-59/15",
    "*/0 * * * *": "step",
    "0 0 0 * * *": "6 fields",
    "0 0 * *": "4 fields",
    "": "0 fields",
    "@reboot": "@daily",
    "R * * * *": "'minute'",
    "-1 * * * *": "'minute'",
    "0 0 * * sunday": "sun to sat",
    "0 0 * *\n* * * * * *": "printable",
    "0\t0 * *": "4 fields",
    "0 0 * * MON-FRY": "may hold",
    "\u0661 * * * *": "printable",
    "1--2 * * * *": "'minute'",
    "1,,2 * * * *": "'minute'",
}


def crontab_accepts(text: str) -> bool:
    program = shutil.which("crontab")
    if not program:
        pytest.skip("there is no crontab program (Debian package cron)")
    done = subprocess.run([program, "-n", "-"], input=f"{text} true\n".encode(), capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_reason(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_expression(text)
    assert REFUSED[text] in caught.value.message


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    item = st.one_of(
        number.map(str),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        # cronsim reads a-a/n as a/n; Debian's cron reads it as a
        st.tuples(st.integers(low, high - 1), st.integers(1, 9), st.integers(1, 120)).map(
            lambda t: f"{t[0]}-{min(high, t[0] + t[1])}/{t[2]}"
        ),
        st.integers(1, 120).map(lambda step: f"*/{step}"),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(" ".join)
NEARLY = st.text("0123456789*/,-# L?@sunjan", max_size=14)


@given(st.one_of(EXPRESSIONS, NEARLY, st.tuples(NEARLY, st.just(" * * * *")).map("".join)))
@settings(max_examples=250, deadline=None)
def test_whatever_we_accept_cron_accepts(text: str) -> None:
    try:
        parse_expression(text)
    except OptionError:
        return
    assert crontab_accepts(text)


@given(EXPRESSIONS, st.sampled_from([timezone.utc, BERLIN, ZoneInfo("America/New_York")]), st.integers(0, 730))
@example("0 0 1 1 */4", timezone.utc, 0)  # a star in the weekday makes it an and: years lie between
@settings(max_examples=150, deadline=None)
def test_run_dates_equal_cronsims(text: str, zone: timezone, days: int) -> None:
    start = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc) + timedelta(days=days)
    try:
        expression = parse_expression(text)
        other = CronSim(text, start.astimezone(zone))
    except (OptionError, CronSimError):
        return
    expected = [moment.astimezone(timezone.utc) for _count, moment in zip(range(4), other)]
    found = [run.utc for run in next_runs(expression, start, zone, count=4)]
    assert found == expected[: len(found)]
    assert all(moment > start + timedelta(days=8 * 365) for moment in expected[len(found) :]), (
        "what is left out is far away"
    )


@pytest.mark.parametrize(
    ("text", "day", "utc"),
    [
        ("30 2 * * *", "2026-03-28", ["2026-03-29T01:00", "2026-03-30T00:30"]),  # skipped hour: right after the jump
        ("30 2 * * *", "2026-10-24", ["2026-10-25T00:30", "2026-10-26T01:30"]),  # shown twice: once
        ("30 * * * *", "2026-10-25", ["2026-10-25T00:30", "2026-10-25T01:30"]),  # an hourly job: each time
    ],
)
def test_days_on_which_the_clocks_change(text: str, day: str, utc: list[str]) -> None:
    start = datetime.fromisoformat(f"{day}T00:00+00:00") + timedelta(hours=20 if text != "30 * * * *" else 0)
    found = next_runs(parse_expression(text), start, BERLIN, count=len(utc))
    assert [run.utc.isoformat()[:16] for run in found] == utc
    assert found[0].note.startswith("clocks go")


def test_first_sunday_is_twelve_days_a_year_and_the_usual_form_is_refused() -> None:
    base = {"name": "reindex", "command": "true", "log": "/l"}
    for extra in ({"schedule": "first sunday 04:00"}, {"schedule": "0 4 1-7 * *", "only_on": "sunday"}):
        job = jobs_from_options([{**base, **extra}])[0]
        assert [days_in_year(job.expression, year, job.weekday) for year in range(2024, 2031)] == [12] * 7
        start = datetime(2026, 11, 20, tzinfo=timezone.utc)
        found = next_runs(job.expression, start, timezone.utc, job.weekday, 3)
        assert [run.local.date().isoformat() for run in found] == ["2026-12-06", "2027-01-03", "2027-02-07"]
    with pytest.raises(OptionError, match="124 runs a year.*first sunday 04:00"):
        jobs_from_options([{**base, "schedule": "0 4 1-7 * 0"}])


def test_previous_run() -> None:
    weekly = parse_expression("0 3 * * 0")
    moment = datetime(2026, 11, 22, 3, 0, tzinfo=timezone.utc)
    found = previous_run(weekly, moment, timezone.utc)
    assert found and found.utc == moment
    found = previous_run(weekly, moment - timedelta(seconds=1), timezone.utc)
    assert found and found.utc == moment - timedelta(days=7)
    yearly = previous_run(parse_expression("@yearly"), moment, timezone.utc)
    assert yearly and yearly.utc.isoformat() == "2026-01-01T00:00:00+00:00"
