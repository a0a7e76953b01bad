# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One restore serves several purposes: proof, rehearsal, measurement. Whatever comes of these, the backup stays proven."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from examples.demo import report
from tests.drill_programs import drill_programs
from tests.processes import ended, forked

from .helpers import info

SHOP = """
CREATE TABLE public.orders (id int PRIMARY KEY, customer int, note text);
INSERT INTO public.orders SELECT n, n % 2000, repeat('x', 80) FROM generate_series(1, 20000) n;
"""
FILES = {
    "migrations/1_customer.sql": "CREATE INDEX CONCURRENTLY by_customer ON public.orders (customer);\n",
    "migrations/1_customer.down.sql": "DROP INDEX CONCURRENTLY by_customer;\n",
    "migrations/2_flag.sql": "ALTER TABLE public.orders ADD COLUMN flag boolean;\n",
    "migrations/2_flag.down.sql": "ALTER TABLE public.orders DROP COLUMN flag;\n",
    "queries/of_a_customer.sql": "SELECT note FROM public.orders WHERE customer = $1",
}


@pytest.fixture
def shop(settings: ConnectionSettings, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> ConnectionSettings:
    workdir.chmod(0o755)
    for name, mode in (("backups", 0o700), ("d", 0o755), ("queries", 0o755), ("migrations", 0o755)):
        (workdir / name).mkdir(mode)
    for name, text in FILES.items():
        (workdir / name).write_text(text)
    with connect(settings) as database:
        database.execute(SHOP)
    for name, value in (
        ("HOST", settings.host),
        ("PORT", settings.port),
        ("USER", settings.user),
        ("NAME", settings.database),
    ):
        monkeypatch.setenv(f"DB_{name}", str(value))
    return settings


def _backup(workdir: Path, then: str, options: dict[str, Any]) -> int:
    where = ["--dest", str(workdir / "backups"), "--drill-dir", str(workdir / "d"), "--programs", drill_programs()]
    return cli.main(["backup", *where, "--json", "--then", then, "--then-options", json.dumps(options)])


def test_a_backup_is_rehearsed_and_measured_on_the_restore_that_proves_it(
    shop: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrations, record = str(workdir / "migrations"), workdir / "record.json"
    options = {
        "measure": {"queries": [str(workdir / "queries")], "migrations": migrations, "rounds": 7},
        "rehearse": {"path": migrations, "record": str(record)},
    }
    steps: list[str] = []
    with observed(steps.append):
        status = _backup(workdir, "measure,rehearse", options)
    said = capsys.readouterr()
    assert status == 0, said.err
    data = json.loads(said.out)
    assert steps.count("drill.restore") == 1 and data["backup"]["verified"]["level"] == "restored"
    rehearsed, measured = data["then"]["rehearse"], data["then"]["measure"]
    assert rehearsed["passed"] and rehearsed["rolled_back"] and len(rehearsed["statements"]) >= 2
    assert json.loads(record.read_text())["passed"] is True
    (query,) = measured["queries"]
    assert query["plan_changed"] and query["plan_with"].endswith("Scan by_customer")
    shown = report.of_the_copy(data["then"])  # as the demo ends
    assert "2_flag.sql:1" in shown and "of_a_customer" in shown and query["result"] in shown
    with connect(shop) as database:
        assert database.value("SELECT to_regclass('public.by_customer')") is None, "production is not touched"
    assert not list((workdir / "d").iterdir())


def test_a_rehearsal_that_does_not_pass_leaves_the_backup_proven(
    shop: ConnectionSettings, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "migrations" / "3_fails.sql").write_text("SELECT 1/0;\n")
    options = {"rehearse": {"path": str(workdir / "migrations")}, "measure": {"queries": [str(workdir / "queries")]}}
    assert _backup(workdir, "rehearse,measure", options) == 0
    said = capsys.readouterr()
    data = json.loads(said.out)
    assert data["then"]["rehearse"]["failed"] and "measure" not in data["then"]
    assert "The backup is proven; rehearse: " in said.err and "division by zero" in said.err
    (taken,) = info(workdir / "backups").data["backups"]
    assert taken["verified_level"] == "restored" and taken["problem"] == ""


def _kept_going(where: Path) -> list[str]:
    """The processes that work in this directory."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if f"{where}/d/" in text:
            found.append(text)
    return found


@pytest.mark.usefixtures("shop")
def test_killed_while_the_copy_is_used_nothing_is_left_after_the_next_run(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run is one that is refused at once. TITAN_KILLS=all kills at each step, not at a few."""
    migrations = str(workdir / "migrations")
    options = {
        "rehearse": {"path": migrations, "record": str(workdir / "record.json")},
        "measure": {"queries": [str(workdir / "queries")], "migrations": migrations, "rounds": 7},
    }
    names = ["rehearsal.back", "measure.phase"]
    if os.environ.get("TITAN_KILLS") == "all":
        steps: list[str] = []
        with observed(steps.append):
            assert _backup(workdir, "rehearse,measure", options) == 0
        names = list(dict.fromkeys(steps[steps.index("backup.then.rehearse") :]))
        assert len(names) > 20, names
    for last in names:

        def die(name: str, last: str = last) -> None:
            if name == last:
                os.kill(os.getpid(), signal.SIGKILL)

        def run(die: Callable[[str], None] = die) -> None:
            sys.stderr = sys.stdout = (workdir / "said").open("w", encoding="utf-8")
            with observed(die):
                os._exit(_backup(workdir, "rehearse,measure", options))

        with forked(run) as pid:
            assert ended(pid) == -signal.SIGKILL, (last, (workdir / "said").read_text())
        where = [
            "--dest",
            str(workdir / "backups"),
            "--drill-dir",
            str(workdir / "d"),
            "--programs",
            drill_programs(),
        ]
        wrong = ["--queries", str(workdir / "queries"), "--indexes", "no_such"]
        cli.main(["measure", *where, *wrong])
        capsys.readouterr()
        assert not list((workdir / "d").iterdir()), last
        end = time.monotonic() + 30  # what was told to end may take its moment
        while _kept_going(workdir) and time.monotonic() < end:
            time.sleep(0.05)
        assert _kept_going(workdir) == [], last
        assert not [each for each in info(workdir / "backups").data["backups"] if each["problem"]], last


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("then", "options", "named"),
    [
        ("rehearse", {}, "path"),
        ("measure", {"measure": {"queries": ["/no/such"]}}, "queries"),
        ("measure", {"measure": {"queries": [], "source": "x"}}, "source"),
        ("measure", {"measure": {"rouns": 3}}, "rouns"),
        ("measure", {"rehearse": {}}, "rehearse"),
        ("drill", {}, "then"),
    ],
)
def test_what_cannot_be_used_is_named_before_the_dump(
    then: str, options: dict[str, Any], named: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _backup(workdir, then, options) == 2
    assert named in capsys.readouterr().err and not list((workdir / "backups").iterdir())
