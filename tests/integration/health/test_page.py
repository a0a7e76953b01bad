# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a page: what stands in it, that every name is text, and that a browser shows it without asking anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.health.operation import stats
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect, sql

from tests.browser import CHROMIUM, asked, browse, widths
from tests.conftest import drop_database, make_database

HOSTILE = "<script>alert(1)</script>\"'&\u202e\n%s"[:63]
ROW = "content-of-a-row-7f3"
DAY = 86400.0


def year_of_runs(now: float) -> list[dict[str, Any]]:
    """What the jobs of a year leave: a nightly backup and clean-up, health four times an hour in the last weeks."""
    runs = [
        {"job": "health", "run": "h", "start": now - number * 900, "seconds": 1.0, "status": 0, "message": "ok"}
        for number in range(2000)
    ]
    for day in range(1, 365):
        start, bad = now - day * DAY, day in (3, 40)
        backup = {"job": "backup", "run": "b", "start": start, "seconds": 60.0, "status": int(bad), "message": HOSTILE}
        numbers = {"titan_db_backup_size_bytes": 5e6, "titan_db_backup_verified_level": 2.0}
        backup |= {"result": {} if bad else numbers}
        cleanup = {"job": "cleanup", "run": "c", "start": start + 30, "seconds": 9.0, "status": 0, "message": ""}
        runs += [{**backup, "job": HOSTILE, "start": start - 99}] if day < 3 else []
        runs += [backup, {**cleanup, "policies": {HOSTILE: [10, 9]}}]
    return sorted(runs, key=lambda run: run["start"])


class Site:
    """An environment with hostile names and a year behind it."""

    def __init__(self, folder: Path, settings: ConnectionSettings) -> None:
        self.folder, self.settings, self.page = folder, settings, folder / "page.html"
        state, now = folder / "state", time.time()
        state.mkdir(mode=0o700)
        (state / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in year_of_runs(now)))
        samples = [
            {
                "at": now - (52 - week) * 7 * DAY,
                "size": 1_000_000 * week,
                "tables": {"public.gone": 1},
                "findings": ["bloat"],
            }
            for week in range(52)
        ]
        (state / "report-samples.json").write_text(json.dumps({"samples": samples}))
        wait = [f"{HOSTILE}:1", f"ACCESS EXCLUSIVE on {HOSTILE} for 3 s"]
        rehearsed = {
            "at": now,
            "backup": HOSTILE,
            "passed": False,
            "summary": "1 migration",
            "waits": [wait],
            "problems": [HOSTILE],
        }
        (state / "rehearsed.json").write_text(json.dumps(rehearsed))
        measured = {
            "at": now,
            "head": HOSTILE,
            "summary": HOSTILE,
            "effects": [[HOSTILE, "2 times faster"]],
            "idle": [[HOSTILE, 1]],
        }
        (state / "index_effect.json").write_text(json.dumps(measured))
        self.config = folder / "c.json"
        schedule = {"backup": {"schedule": "0 2 * * *", "log": f"{folder}/b.log"}}
        jobs = {"backup": {"dest": str(folder / "backups")}}
        (folder / "backups").mkdir()
        content = {"environment": "t", "state_dir": str(state), "jobs": jobs, "schedule": schedule}
        self.config.write_text(json.dumps(content))

    def write(self, **more: Any) -> Any:
        options = {"top": 5, "backup_dest": None, "backup_name": None, "job_config": str(self.config)}
        return stats(Call({**options, "html": str(self.page), **more}, self.settings))


@pytest.fixture(scope="module")
def site(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        table = sql.Identifier(HOSTILE)
        database.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY, note text)").format(table))
        database.execute(sql.SQL("INSERT INTO {} VALUES (1, {})").format(table, sql.Literal(ROW)))
        database.execute(
            sql.SQL("CREATE INDEX ON {0} (note); CREATE INDEX {1} ON {0} (note)").format(
                table, sql.Identifier(HOSTILE[1:])
            )
        )
    found = Site(tmp_path_factory.mktemp("page"), made)
    assert found.write().changed
    yield found
    drop_database(server, made.database)


def sections(page: Path) -> dict[str, str]:
    """The text of each part by its heading; the page is read as XML, which forgives nothing."""
    root = ElementTree.fromstring(page.read_text(encoding="utf-8"))
    return {each[0].text or "": "".join(each.itertext()) for each in root.iter("section")}


def test_the_page_says_what_changed_first_and_what_mends(site: Site) -> None:
    parts = sections(site.page)
    assert next(iter(parts)) == "What changed since last week"
    changed = parts["What changed since last week"]
    assert "New findings of health: " in changed and "No longer found by health: bloat" in changed
    assert "backup failed once in 7 days (0 in the 7 days before)." in changed
    assert "63 rows deleted or marked in 7 days (63 in the 7 days before)" in changed
    assert "New tables: public." in changed and "Tables that are gone: public.gone" in changed
    assert "backup_age" in parts["Health now"] and f"titan-db backup --config {site.config}" in parts["Health now"]
    assert "proven by a restore: 87 days" in parts["Backups"] and "failed: 2 days" in parts["Backups"]
    assert "backup and cleanup ran at the same time" in parts["Jobs of the week"]
    assert "DROP INDEX CONCURRENTLY" in parts["Indexes"]
    assert "Rehearsal of the pending migrations: not passed" in changed
    assert f"titan-db rehearse --config {site.config}" in parts["Migrations, rehearsed"]
    assert all("Source: " in text for name, text in parts.items() if name != "What changed since last week")


def test_names_are_text_and_rows_are_not_there(site: Site) -> None:
    page = site.page.read_text(encoding="utf-8")
    root = ElementTree.fromstring(page)
    assert not list(root.iter("script")) and ROW not in page and "\u202e" not in page
    assert "<script>alert(1)</script>" in "".join(root.itertext()), "shown as it is called"
    assert (site.page.stat().st_mode & 0o777) == 0o640


def test_check_mode_and_a_place_that_is_none(site: Site) -> None:
    before = site.page.read_bytes()
    options = {
        "top": 5,
        "backup_dest": None,
        "backup_name": None,
        "job_config": str(site.config),
        "html": str(site.page),
    }
    assert stats(Call(options, site.settings, check_mode=True)).changed
    assert site.page.read_bytes() == before
    with pytest.raises(Exception, match="html.*is not there. Name a file in a directory that exists"):
        site.write(html=f"{site.folder}/missing/page.html")


def test_a_year_is_small_in_size_and_memory(site: Site) -> None:
    assert site.page.stat().st_size < 400_000
    program = (
        "import sys, json; sys.path[:0] = json.loads(sys.argv[1])\n"
        "from ansible_collections.titan.database.plugins.module_utils._engine import cli\n"
        "assert cli.main(sys.argv[2:]) == 0\n"
        "most = [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "import os; print('used', most[0], os.times().user, file=sys.stderr)"
    )
    target = site.folder / "second.html"
    env = {**os.environ, **login_variables(site.settings)}
    command = [
        sys.executable,
        "-c",
        program,
        json.dumps([p for p in sys.path if p]),
        "stats",
        "--config",
        str(site.config),
        "--by-hand",
    ]
    done = subprocess.run([*command, "--html", str(target)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    memory, seconds = map(float, done.stderr.rpartition("used ")[2].split())
    assert memory < 60_000 and seconds < 2, done.stderr
    assert sections(target)


def login_variables(settings: ConnectionSettings) -> dict[str, str]:
    values = {
        "DB_HOST": settings.host,
        "DB_PORT": settings.port,
        "DB_USER": settings.user,
        "DB_NAME": settings.database,
    }
    return {**{name: str(value) for name, value in values.items()}, "DB_PASSWORD": settings.password or ""}


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_a_browser_shows_it_and_asks_nobody(site: Site, tmp_path: Path) -> None:
    done = browse(tmp_path, site.page, f"--screenshot={tmp_path}/page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000, "something is drawn"
    assert "CONSOLE" not in done.stderr, done.stderr
    assert asked(tmp_path) == []
    page = site.page.read_text(encoding="utf-8")
    other = tmp_path / "other.html"
    other.write_text('<!DOCTYPE html><img src="http://127.0.0.1:9/x.png"><script>console.log("said")</script>')
    done = browse(tmp_path, other, f"--screenshot={tmp_path}/page.png")
    assert "CONSOLE" in done.stderr and asked(tmp_path), "the test sees what a page asks for and says"
    assert "http://127.0.0.1:9" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian package chromium)")
def test_nothing_is_wider_than_a_phone(site: Site, tmp_path: Path) -> None:
    """Tables and charts are scrolled by themselves; the page as a whole is not."""
    found = widths(tmp_path, [site.page], 360, 1280)
    assert all(abs(there - here) <= 20 and there <= here for here, there in found), found
