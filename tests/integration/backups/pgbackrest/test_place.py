# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recovered moment takes the live cluster's place, and the way back; stopped at each step, one of both is live and whole."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.exchanges import unfinished_in
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.kept_clusters import kept_clusters
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical import read_pointer
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pgbackrest import call
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.health.checks.records import kept_checks
from ansible_collections.titan.database.plugins.module_utils._engine.health.thresholds import (
    thresholds_from_options as limits,
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import login
from tests.integration.docs.blocks import run_by
from tests.steps import failing_at, killed_at

from .conftest import require_programs
from .helpers import PROGRAMS, Place, make_place


class Host:
    """A server that archives, with a table that lost all its rows after the moment."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.prepare()
        place.backup(verify="checksum")
        place.sql("CREATE TABLE public.steps AS SELECT 1 AS n")
        self.moment = self.value("SELECT clock_timestamp()::text")
        place.sql("SELECT pg_sleep(0.05); DELETE FROM public.steps")
        stanza = read_pointer(str(place.dest))
        assert stanza is not None
        call(stanza, "check", timeout=120)  # a plan looks at what is in the archive
        self.identifier = self.value("SELECT system_identifier FROM pg_control_system()")

    @property
    def data(self) -> Path:
        return Path(self.place.cluster.data)

    def value(self, query: str) -> str:
        with connect(self.place.settings) as database:
            return str(database.value(query))

    def rows(self) -> int:
        return int(self.value("SELECT count(*) FROM public.steps"))

    def recover(self, check: bool = False, **given: Any) -> Outcome:
        place = self.place
        given = {"dest": str(place.dest), "drill_dir": str(place.drills), "programs": PROGRAMS, **given}
        return operation.recover(Call(complete(given, options.RECOVER), place.settings, check))

    def run(self, command: str, kept: str = "") -> dict[str, Any]:
        """A command of the guide, as it stands there but for the names of this place."""
        config, place = self.place.folder / "production.json", self.place
        job = {"dest": str(place.dest), "drill_dir": str(place.drills), "programs": PROGRAMS}
        config.write_text(json.dumps({"jobs": {"recover": job}}))
        config.chmod(0o600)
        for guide, here in (
            ("/etc/titan-db/production.json", str(config)), ("2026-11-26 01:59:59+00", self.moment),
            ("/var/lib/postgresql/17/main.before_20261126_091500", kept), ("/var/lib/postgresql/17/main", str(self.data)),
        ):  # fmt: skip
            command = command.replace(guide, here)
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            for name, value in login(place.settings).items():
                patch.setenv({"login_db": "DB_NAME"}.get(name, name.replace("login_", "DB_").upper()), str(value))
            assert main([*shlex.split(command)[1:], "--json"]) == 0, printed.getvalue()
        return dict(json.loads(printed.getvalue()))

    def take(self, check: bool = False, **given: Any) -> Outcome:
        return self.recover(check, **{"to": self.moment, "action": "place", "data_directory": str(self.data), **given})

    def beside(self) -> list[str]:
        """What lies beside the data directory and was not there before."""
        return sorted(each.name for each in self.data.parent.iterdir() if each.name.startswith(("data.", "titan-")))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    require_programs()
    place = make_place()
    try:
        yield Host(place)
    finally:
        place.remove()


def test_takes_the_place_and_goes_back(host: Host) -> None:
    before = host.data.stat()
    with connect(host.place.settings) as database:
        database.execute("ALTER SYSTEM SET work_mem = '7MB'")  # after the backup
    blocks = run_by("tests/integration/backups/pgbackrest/test_place.py", "docs/pgbackrest.md")
    plan, take, back = (command for block in blocks for command in block.text.splitlines())
    planned = host.run(plan)
    assert planned["changed"] and f"--data-directory {host.data}" in planned["summary"] and host.beside() == []
    host.place.sql("CREATE TABLE public.newest AS SELECT 2 AS n")
    place = host.run(take)["place"]
    assert (host.rows(), host.value("SELECT to_regclass('public.newest')"), host.value("SHOW work_mem")) == (
        1,
        "None",
        "7MB",
    )
    assert host.value("SELECT system_identifier FROM pg_control_system()") == host.identifier
    assert (place["timeline"], place["data_directory"]) == (2, str(host.data)) and Path(place["kept"]).is_dir()
    assert host.beside() == [os.path.basename(place["kept"])]
    now = host.data.stat()
    assert (now.st_uid, now.st_gid, now.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert (
        host.value("SELECT count(*) FROM pg_settings WHERE name ~ '^recovery_target' AND source = 'configuration file'")
        == "0"
    )
    newest = host.place.info().data["newest_verified"]
    assert (newest["path"], newest["verified_level"]) == (place["backup"], "restored")
    host.place.sql("INSERT INTO public.steps VALUES (5)")

    # What was written up to the exchange is in the archive, too.
    kept = place["kept"]
    place = host.run(back, kept)["place"]
    assert (host.rows(), host.value("SELECT n FROM public.newest")) == (0, "2")
    assert place["timeline"] == 1 and host.beside() == [os.path.basename(place["kept"])] and not Path(kept).exists()
    assert host.place.info().data["newest_verified"]["path"] == place["backup"]
    (check,) = kept_checks(kept_clusters(str(host.place.dest)), datetime.now(timezone.utc), limits(None))
    assert check.status == 0 and place["kept"] in check.message and "B)" in check.message
    host.place.sql("INSERT INTO public.newest VALUES (3)")
    moment = host.value("SELECT clock_timestamp()::text")
    host.place.sql("SELECT pg_sleep(0.05); DROP TABLE public.newest")
    again = host.recover(to=moment, checks=["SELECT array_agg(n ORDER BY n) = '{2,3}' FROM public.newest"])
    assert again.data["timeline"] == 1, "the timeline of the directory that was put back, not the newest one"


def test_stopped_at_each_step_one_of_both_is_live(host: Host) -> None:
    """Raised: the live one is back at once. Killed: the next run of anything puts it back, or goes on if the other one runs."""
    (kept,) = (str(host.data.parent / name) for name in host.beside())
    live = host.value("SELECT pg_walfile_name(pg_current_wal_lsn())")[:8]

    def back() -> None:
        host.recover(put_back=kept)

    for name in RAISED:
        with (
            observed(failing_at(name)),
            pytest.raises(
                TitanError, match=r"^made to fail\. The live server runs on its own data directory as before\."
            ),
        ):
            back()
        assert host.value("SELECT pg_walfile_name(pg_current_wal_lsn())")[:8] == live, name
        assert host.beside() == [os.path.basename(kept)], name
    for name in KILLED:
        assert killed_at(name, back) == -signal.SIGKILL, name
        with pytest.raises(TitanError, match="There is no restore point"):
            host.recover(to_restore_point="never")
        assert host.value("SELECT pg_walfile_name(pg_current_wal_lsn())")[:8] == live, name
        assert host.beside() == [os.path.basename(kept)], name
    assert killed_at("place.proven", back) == -signal.SIGKILL
    (check,) = kept_checks([], datetime.now(timezone.utc), limits(None), unfinished_in(str(host.place.dest)))
    assert check.status == 2 and "was interrupted" in check.message
    assert "A run without check mode ends that first" in host.recover(check=True, to=host.moment).warnings[0]
    assert host.recover(put_back=kept).data["place"]["backup"], (
        "it runs and is proven: the same command takes the backup"
    )
    assert host.value("SELECT pg_walfile_name(pg_current_wal_lsn())")[:8] != live and host.rows() == 2
    # Does the one in the place not even start? It can be put back all the same.
    (kept,) = (str(host.data.parent / name) for name in host.beside())
    host.place.cluster.stop()
    (host.data / "global" / "pg_control").rename(host.data / "lost")
    assert "The server did not run" in host.recover(put_back=kept).warnings[0] and host.rows() == 0


RAISED = ("place.in", "place.proof")
KILLED = ("place.in", "place.start")


def test_killed_before_anything_live_is_touched_what_was_made_is_removed(host: Host) -> None:
    before = host.beside()
    assert killed_at("place.configure", host.take) == -signal.SIGKILL
    assert len(host.beside()) == len(before) + 1
    with pytest.raises(TitanError, match="There is no restore point"):
        host.recover(to_restore_point="never")
    assert host.beside() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data_directory": None}, "Confirm that by naming the live data directory: /"),
        ({"data_directory": "/var/tmp"}, "Confirm that by naming the live data directory: /"),
        ({"action": "look"}, "'data_directory': .* It is for 'action' place"),
        ({"stop_timeout": 0}, "Use 1 or more"),
        ({"put_back": "/var/tmp/x"}, "leave out 'to'"),
        ({"put_back": "/var/tmp/x", "to": None}, r"Name a data directory that was kept beside /\S+\. There are: /"),
    ],
)
def test_refused_in_one_sentence_before_anything_is_done(host: Host, given: dict[str, Any], said: str) -> None:
    before = host.beside()
    with pytest.raises(TitanError, match=said) as caught:
        host.take(**given)
    assert "\n" not in caught.value.message and host.beside() == before


def test_a_server_that_would_not_start_again_is_not_stopped(host: Host) -> None:
    """Its configuration was changed after it had started. Values may be secrets, and are not shown."""
    auto = host.data / "postgresql.auto.conf"
    text = auto.read_text()
    for wrong, said in (
        ("work_mem = 'k7secret'", 'invalid value for parameter "work_mem"'),
        ("k7", "syntax error in file"),
        ("not_known = 'k7secret'", 'unrecognized configuration parameter "not_known"'),
    ):
        auto.write_text(f"{text}{wrong}\n")
        try:
            for check in (True, False):
                with pytest.raises(TitanError, match=f"would not start again.*{said}.*Nothing was stopped") as caught:
                    host.take(check)
                assert "k7secret" not in caught.value.message and "\n" not in caught.value.message
        finally:
            auto.write_text(text)
    assert host.rows() >= 0


def test_who_follows_is_named_and_has_to_be_accepted(host: Host) -> None:
    host.place.sql("SELECT pg_create_physical_replication_slot('east')")
    try:
        with pytest.raises(TitanError, match=r"is followed by: slot east \(physical\)\. .*--accept-standbys yes"):
            host.take(check=True)
        planned = host.take(check=True, accept_standbys=True)
        assert "Would be left behind: slot east (physical)" in planned.summary
        host.place.sql(f"CREATE TABLESPACE more LOCATION '{_space(host)}'")
        with pytest.raises(TitanError, match=r"has tablespaces \(more\), which lie outside"):
            host.take(check=True, accept_standbys=True)
    finally:
        host.place.sql("SELECT pg_drop_replication_slot('east')")
        host.place.sql("DROP TABLESPACE IF EXISTS more")


def _space(host: Host) -> str:
    path = host.data.parent / "space"
    host.place.cluster.make_folder(str(path))
    return str(path)
