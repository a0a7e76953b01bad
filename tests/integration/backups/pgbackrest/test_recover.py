# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment, got back beside the live server: by time, transaction, restore point, and before a DROP."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical import read_pointer
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pgbackrest import call
from ansible_collections.titan.database.plugins.module_utils._engine.backups.recover import recover
from ansible_collections.titan.database.plugins.module_utils._engine.backups.recover.stop import Stop
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import login
from tests.integration.docs.blocks import run_by
from tests.steps import killed_at

from .conftest import require_programs
from .helpers import PROGRAMS, Place, make_place


@dataclass(frozen=True)
class Story:
    """A place in which things happened, one after the other.

    Attributes:
        place: The server and its stanza.
        xids: The transaction that wrote each number into public.steps.
        times: When, by the server's clock, just after it.
    """

    place: Place
    xids: dict[int, str]
    times: dict[int, str]

    def recover(self, check: bool = False, **given: Any) -> Outcome:
        place = self.place
        given = {"dest": str(place.dest), "drill_dir": str(place.drills), "programs": PROGRAMS, **given}
        return operation.recover(Call(complete(given, options.RECOVER), place.settings, check))

    def live(self) -> list[Any]:
        """All that the live database holds, by the server's own words."""
        with connect(self.place.settings) as database:
            tables = [row["name"] for row in database.rows("SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' "
                      "AND relnamespace = 'public'::regnamespace ORDER BY 1")]  # fmt: skip
            return [
                (name, database.value(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t"))
                for name in tables
            ]

    def orders(self) -> list[Any]:
        with connect(self.place.settings) as database:
            return list(database.rows("SELECT id FROM public.orders"))

    def stop(self, **given: Any) -> Stop:
        """Where a recovery would stop."""
        found: list[Stop] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recover, "planned", _kept(found))
            self.recover(check=True, **given)
        return found[0]


def _kept(found: list[Stop]) -> Callable[..., Outcome]:
    def keep(_target: Any, stop: Stop, *_more: Any) -> Outcome:
        found.append(stop)
        return Outcome(False, {}, "")

    return keep


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    require_programs()
    place = make_place()
    try:
        place.prepare()
        place.backup(verify="checksum")
        xids, times = {}, {}
        place.sql("CREATE TABLE public.steps (n int PRIMARY KEY); CREATE TABLE public.bystander (n int)")
        for number in (1, 2, 3):
            with connect(place.settings) as database:
                row = database.row(
                    "INSERT INTO public.steps VALUES (%s) RETURNING pg_current_xact_id()::text AS xid", (number,)
                )
                xids[number] = str(row["xid"] if row else "")
                times[number] = str(database.value("SELECT clock_timestamp()::text"))
                database.execute("SELECT pg_sleep(0.05)")
                if number == 2:
                    database.execute("SELECT pg_create_restore_point('two is here')")
        place.sql("DELETE FROM public.orders WHERE id <= 10")
        place.sql("TRUNCATE public.bystander")
        place.sql("DROP TABLE public.steps")
        place.sql("DROP TABLE public.bystander")
        stanza = read_pointer(str(place.dest))
        assert stanza is not None
        call(stanza, "check", timeout=120)  # a plan looks at what is in the archive
        yield Story(place, xids, times)
    finally:
        place.remove()


STEPS = "SELECT array_agg(n ORDER BY n) = '{%s}' FROM public.steps"


def test_each_kind_of_moment_has_what_was_before_and_lacks_what_came_after(story: Story) -> None:
    before = story.live()
    for given, there in (
        ({"to_transaction": story.xids[2], "exclusive": True}, "1"),
        ({"to_restore_point": "two is here"}, "1,2"),
        ({"to": story.times[2]}, "1,2"),
    ):
        done = story.recover(checks=[STEPS % there], **given)
        proof, after = done.data["proof"], int(there[-1]) + 1
        assert not done.changed and done.data["dump"] is None
        assert (str(proof["last"]["transaction"]), proof["last"]["status"]) == (story.xids[after - 1], "committed"), (
            given
        )
        assert (str(proof["next"]["transaction"]), proof["next"]["status"] == "committed") == (story.xids[after], False)
        assert proof["timeline"] == 2 and f"first transaction after: {story.xids[after]}" in done.summary
    found = story.recover(check=True, to_transaction=story.xids[2])
    assert found.data["proof"] is None and f"last transaction before: {story.xids[2]}" in found.summary
    assert story.live() == before and os.listdir(story.place.drills) == []
    assert not (story.place.dest / "recovered").exists()


def test_before_that_drop_passes_over_truncate_and_drops_of_others(story: Story) -> None:
    planned = story.recover(check=True, before_drop="steps", action="tables", tables=["steps"])
    assert planned.changed and "Which table that transaction dropped is seen after the recovery" in planned.summary
    done = story.recover(before_drop="steps", action="tables", tables=["steps"], checks=[STEPS % "1,2,3"])
    (beside,) = done.data["handed_on"]["beside"].values()
    with connect(story.place.settings) as database:
        assert database.value(f"SELECT array_agg(n ORDER BY n) FROM {beside}") == [1, 2, 3]
        database.execute(f"DROP TABLE {beside}")
    assert Path(done.data["dump"]).parent == story.place.dest / "recovered"
    with pytest.raises(OptionError, match="dropped another one, and this one was there then"):
        story.recover(before_drop="public.orders")


def test_the_commands_of_the_guide(
    story: Story, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan, and lost rows that come back; the others are tried above, with more at stake."""
    (block,) = run_by("tests/integration/backups/pgbackrest/test_recover.py", "docs/pgbackrest.md")
    lines = block.text.replace("2026-11-26 01:59:59+00", story.times[3]).splitlines()
    config = story.place.folder / "production.json"
    job = {"dest": str(story.place.dest), "drill_dir": str(story.place.drills), "programs": PROGRAMS}
    config.write_text(json.dumps({"jobs": {"recover": job}}))
    config.chmod(0o600)
    for name, value in login(story.place.settings).items():
        monkeypatch.setenv({"login_db": "DB_NAME"}.get(name, name.replace("login_", "DB_").upper()), str(value))
    commands = [shlex.split(line.replace("/etc/titan-db/production.json", str(config))) for line in lines]
    assert [command[0] for command in commands] == ["titan-db"] * 4
    before = len(story.orders())
    assert (
        main(commands[0][1:]) == 0 and f"first transaction after: {int(story.xids[3]) + 1}," in capsys.readouterr().out
    )
    assert len(story.orders()) == before == 3990
    assert main([*commands[3][1:], "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert len(story.orders()) == 4000 and done["handed_on"]["rows"] == 10
    undone = operation.rescue(Call(complete({"undo": done["handed_on"]["undo"]}, options.RESCUE), story.place.settings))
    assert undone.changed and len(story.orders()) == 3990


def test_a_moment_after_which_nothing_was_written_is_reached_too_and_is_not_what_checks_want(story: Story) -> None:
    with connect(story.place.settings) as database:
        now = str(database.value("SELECT clock_timestamp()::text"))
    with pytest.raises(TitanError, match=r"does not satisfy 'checks': .*returned false\. Nothing was done") as caught:
        story.recover(
            to=now, action="dump", checks=["SELECT to_regclass('steps') IS NULL", "SELECT count(*) < 9 FROM orders"]
        )
    assert [bool(each["problem"]) for each in caught.value.details["checks"]] == [False, True]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Name the moment to go back to"),
        ({"to": "2026-11-26 01:59:59"}, r"The zone is missing\. Write 2026-11-26 01:59:59\+00 for UTC"),
        ({"to": "yesterday"}, "Write date, time and zone"),
        ({"to": "2026-02-30 01:59:59+00"}, "There is no such time"),
        ({"to": "2999-01-01 00:00:00+00"}, "It lies in the future"),
        (
            {"to": "2001-01-01 00:00:00+00"},
            r"no backup was finished by then\. What can be reached is from 20\S+ \S+ to 20",
        ),
        ({"to": "2001-01-01 00:00:00+00", "before_drop": "t"}, "'to' is given, too"),
        ({"to_transaction": "2"}, "Use the number of a transaction"),
        (
            {"to_transaction": "4000000000"},
            r"no commit of transaction 4000000000 in the archived log\. What can be reached is from",
        ),
        ({"to_restore_point": "never'\n$x"}, "There is no restore point .* in the archived log"),
        ({"to": "now", "exclusive": True}, "It belongs to 'to_transaction'"),
        ({"to_restore_point": "two is here", "timeline": 7}, r"no timeline 7 \(00000007\.history is missing\)"),
        ({"to_restore_point": "two is here", "action": "tables"}, "Name the tables"),
        ({"to_restore_point": "two is here", "tables": ["t"]}, "They are for 'action'"),
        ({"to_restore_point": "two is here", "dest": "/var/tmp"}, "no pointer to a stanza"),
    ],
)
def test_what_cannot_be_reached_is_said_in_one_sentence(story: Story, given: dict[str, Any], said: str) -> None:
    with pytest.raises(TitanError, match=said) as caught:
        story.recover(check=True, **given)
    assert caught.value.message.count("\n") == 0 and os.listdir(story.place.drills) == []


def test_killed_nothing_live_has_changed_and_the_next_run_heals(story: Story) -> None:
    before = story.live()
    for name in ("recover.search", "recover.dump"):
        cut_off = killed_at(name, lambda: story.recover(to=story.times[2], action="dump"))
        assert cut_off == -signal.SIGKILL, name
        assert story.live() == before and len(os.listdir(story.place.drills)) in (1, 2), name
    # What does not stop at the moment is not believed: here it goes on too far.
    further = story.stop(to_transaction=story.xids[3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stop, "restore_options", further.restore_options)
        with pytest.raises(TitanError, match="committed after the moment, is there"):
            story.recover(to=story.times[2], action="dump")
    assert os.listdir(story.place.drills) == [] and story.live() == before
