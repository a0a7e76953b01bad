# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A calendar month under cron: every night a proven backup, then exactly the due rows gone; one night goes wrong and is heard."""

from __future__ import annotations

import calendar
import json
import re
from datetime import date

import pytest
from conftest import Environment, machine, playbook, recap

BAD = 9  # the tenth night: the server is down
PRODUCTION = Environment(machine("titan-night"), "production")
HOST = PRODUCTION.host


@pytest.fixture(scope="module")
def month():
    done = HOST.run("python3 /root/month.py %s", str(BAD))
    assert done.rc == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


def good(month):
    return [each for index, each in enumerate(month["nights"]) if index != BAD]


def test_the_evening_before_was_confirmed_by_hand(month):
    assert [status for status, _said in month["first"]] == [0, 0], month["first"]


def test_every_night_has_its_backup(month):
    first = date.fromisoformat(month["nights"][0]["day"])
    assert len(month["nights"]) == calendar.monthrange(first.year, first.month)[1]
    for each in good(month):
        new = set(each["files_after"]) - set(each["files_before"])
        assert len(new) == 1, each["day"]
        assert new.pop().startswith(f"titan_prod_{each['day'].replace('-', '')}_0200"), each["day"]
        assert each["backup"]["exit_status"] == 0, each["backup"]
        assert each["backup"]["result"]["titan_db_backup_verified_level"] == 2.0


def test_every_night_exactly_the_due_rows_go(month):
    total = [0, 0, 0, 0]
    for each in good(month):
        low, high = each["due"]
        assert each["cleanup"]["exit_status"] == 0, each["cleanup"]
        # Counted for 02:15:00 and 02:15:30: a row may fall due in between.
        assert all(a <= gone <= b for a, gone, b in zip(low, each["deleted"], high)), each
        total = [a + b for a, b in zip(total, each["deleted"])]
    assert total[0] > 100 and total[1] > 100, "rows fell due all along"


def age(name, day):
    """Days between a backup's name (titan_prod_YYYYMMDD_HHMMSS...) and a day of the month."""
    return (date.fromisoformat(day) - date(int(name[11:15]), int(name[15:17]), int(name[17:19]))).days


def test_old_backups_go_and_young_ones_stay(month):
    last = month["nights"][-1]
    ages = sorted(age(name, last["day"]) for name in last["files_after"])
    assert ages[0] == 0 and ages[-1] <= 11 and len(ages) >= 10, ages
    removed = [
        (name, each["day"]) for each in month["nights"] for name in set(each["files_before"]) - set(each["files_after"])
    ]
    assert len(removed) >= 15
    assert all(age(name, day) >= 10 for name, day in removed), removed


def test_reindex_runs_on_the_first_sunday_alone(month):
    ran = [each["day"] for each in month["weekly"] if each["reindex"]]
    first = next(each["day"] for each in month["weekly"] if each["sunday"])
    assert ran == [first]
    assert len([each for each in month["weekly"] if not each["sunday"]]) == 6
    assert month["reindex"]["exit_status"] == 0


def test_statistics_every_sunday(month):
    sundays = sum(each["sunday"] for each in month["weekly"])
    assert sundays in (4, 5)
    assert (month["stats"]["runs_total"], month["stats"]["failures_total"]) == (sundays, 0)


def test_the_bad_night_deletes_nothing_and_is_heard(month):
    bad, after = month["nights"][BAD], month["nights"][BAD + 1]
    assert bad["backup"]["exit_status"] != 0
    assert bad["cleanup"]["exit_status"] != 0
    assert bad["files_after"] == bad["files_before"]
    assert bad["health"][0] == 2 and re.search(r"^critical +jobs_failed", bad["health"][1], re.M), bad["health"]
    assert after["backup"]["exit_status"] == 0 and after["cleanup"]["exit_status"] == 0
    assert re.search(r"^ok +jobs_failed", after["health"][1], re.M), after["health"]
    heard = [json.loads(line) for line in HOST.run("cat /root/heard.jsonl").stdout.splitlines()]
    alerts = [json.loads(each["body"]) for each in heard if each["path"] == "/alert"]
    kinds = [alert["kind"] for alert in alerts if alert["job"] in ("backup", "cleanup")]
    assert kinds == ["failure", "recovery"], "one cause is one message"
    pings = [each["path"] for each in heard]
    assert pings.count("/ping/backup") == len(month["nights"]) - 1
    assert pings.count("/ping/backup/fail") == 1
    for secret in ("w$o%r", "w%24o%25r"):
        assert secret not in json.dumps(heard)


def test_the_logs_tell_the_month(month):
    log = PRODUCTION.log("backup")
    assert log.count("FAILED with status") == 1
    assert log.count(" ended with status 0") == len(month["nights"]) - 1


def test_nobody_waits_on_a_terminal_and_cron_had_nothing_to_mail(month):
    assert "No MTA installed" not in HOST.run("journalctl -u cron --no-pager").stdout


def test_a_converge_after_the_month_has_nothing_to_do(month):
    assert recap(playbook("site.yml", "-l", "production")) == {"titan-night": 0}
