# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be believed: no archive, no proof, no quiet moment, a drill that was killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_catalog
from ansible_collections.titan.database.plugins.module_utils._engine.backups.pgbackrest import point
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import Deadline
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect, sql
from ansible_collections.titan.database.plugins.module_utils._engine.retention.plan.guards import trusted_backup

from tests.conftest import login
from tests.integration.docs.blocks import run_by
from tests.steps import killed_at

from .helpers import PROGRAMS, Place

# As the guide has it, for a role of another name.
(GUIDE,) = run_by("tests/integration/backups/pgbackrest/test_faults.py", "docs/pgbackrest.md")
GRANT_READING, GRANT_POINTS = GUIDE.text.replace("titan_backup", "least_backup").strip().splitlines()


@pytest.fixture(scope="module")
def unproven(place: Place) -> str:
    """The path of a backup that nobody has restored yet, taken by a role that may do just that."""
    with pytest.raises(OptionError, match="not prepared for pgBackRest"):
        place.backup(verify="checksum")
    place.prepare()
    place.sql(f"CREATE ROLE least_backup LOGIN; {GRANT_READING} SELECT lo_unlink(oid) FROM pg_largeobject_metadata;")
    with pytest.raises(TitanError, match=r"GRANT EXECUTE ON FUNCTION pg_create_restore_point\(text\)"):
        place.backup_as("least_backup", verify="checksum")
    place.sql(GRANT_POINTS)
    return str(place.backup_as("least_backup", verify="checksum").data["backup"]["path"])


def test_an_unproven_backup_lets_nobody_delete_and_health_says_so(
    place: Place, unproven: str, call_module: Callable[..., dict[str, Any]]
) -> None:
    with connect(place.settings) as database:
        with pytest.raises(TitanError, match=r"no verified backup .* 1 others are there, none of them proven"):
            trusted_backup(database, str(place.dest), None, timedelta(hours=26))
        red = call_module("health_info", backup_dest=str(place.dest), **login(place.settings))
        levels = {check["name"]: check["status"] for check in red["checks"]}
        assert levels["verified_backup_age"] == "critical" and levels["backup_age"] == "ok"
        place.drill()
        assert trusted_backup(database, str(place.dest), None, timedelta(hours=26)) == unproven
    green = call_module("health_info", backup_dest=str(place.dest), **login(place.settings))
    assert {check["name"]: check["status"] for check in green["checks"]}["verified_backup_age"] == "ok"


def test_health_tells_that_the_archive_is_broken_and_that_it_is_mended(
    place: Place, unproven: str, call_module: Callable[..., dict[str, Any]]
) -> None:
    def finding() -> dict[str, Any]:
        result = call_module("health_info", backup_dest=str(place.dest), **login(place.settings))
        return next(check for check in result["checks"] if check["name"] == "archiving")

    def eventually(status: str) -> dict[str, Any]:
        end = time.monotonic() + 120
        while (found := finding())["status"] != status and time.monotonic() < end:
            time.sleep(0.5)
        return found

    assert eventually("ok")["value"] == 0
    with connect(place.settings) as database:
        good = str(database.value("SHOW archive_command"))
        database.execute("ALTER SYSTEM SET archive_command = '/bin/false'")
        database.execute("SELECT pg_reload_conf()")
        try:
            database.execute("SELECT pg_create_restore_point('broken')")
            database.execute("SELECT pg_switch_wal()")
            found = eventually("warning")
            assert found["status"] == "warning" and found["fix"] and "is not taken" in found["message"], found
        finally:
            database.execute(sql.SQL("ALTER SYSTEM SET archive_command = {}").format(sql.Literal(good)))
            database.execute("SELECT pg_reload_conf()")
    assert eventually("ok")["status"] == "ok"


def test_a_killed_drill_leaves_nothing_after_the_next_one(place: Place, unproven: str) -> None:
    # later, in a sandbox, the server ends with its run
    assert killed_at("drill.recovered", lambda: place.drill(source=unproven)) == -signal.SIGKILL
    (left,) = os.listdir(place.drills)
    dead = Cluster(PROGRAMS, str(place.drills / left))
    assert dead.running()
    place.drill(source=unproven)
    assert not dead.running() and os.listdir(place.drills) == []


@contextmanager
def writing(settings: ConnectionSettings, statement: str) -> Iterator[None]:
    """A session that has written and does not end its transaction."""
    connection = psycopg2.connect(**settings.parameters())
    with connection.cursor() as cursor:
        cursor.execute(statement)
    yield
    connection.close()


def test_without_a_quiet_instant_the_tables_are_locked_for_one_or_nothing_is_called_equal(
    place: Place, unproven: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(point, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(point, "LOCK_ATTEMPTS", 2)
    with writing(place.settings.to("postgres"), "SELECT pg_current_xact_id()"):
        moment = point.take_moment(place.settings, "20261122-020000F", 10, Deadline(0))
        assert moment.point.proof == "locked" and moment.content is not None and moment.content.rows == 4502
    with writing(place.settings, "INSERT INTO public.users (email) VALUES ('open@example.org')"):
        done = place.backup(type="incr")
    record = done.data["backup"]
    assert record["point"]["proof"] == "none" and record["verified"]["level"] == "checksum"
    assert any("does not count as restored" in warning for warning in done.warnings)
    found = read_catalog(str(place.dest))
    assert [entry.verified_level for entry in found] == ["checksum", "restored"]


def test_a_broken_archive_and_a_lost_repository_are_said_in_clear_words(
    place: Place, unproven: str, call_module: Callable[..., dict[str, Any]]
) -> None:
    text = place.config.read_text(encoding="utf-8")
    archive = place.repository / "archive" / "main"
    hidden = archive.with_name("hidden")
    try:
        place.config.write_text(text.replace("archive-timeout=15", "archive-timeout=1"), encoding="utf-8")
        archive.rename(hidden)
        with pytest.raises(TitanError, match=r"archive\.info|no stanza 'main'|missing stanza"):
            place.backup(verify="checksum")
        place.config.chmod(0o644)
        with pytest.raises(OptionError, match="Others can read it"):
            place.info()
        place.config.chmod(0o600)
        place.config.write_text(text.replace(f"{place.folder}/repo", f"{place.folder}/nothing"), encoding="utf-8")
        with pytest.raises(TitanError, match="repository holds no stanza 'main'"):
            read_catalog(str(place.dest))
        checks = call_module("health_info", backup_dest=str(place.dest), **login(place.settings))["checks"]
        told = {check["name"]: check for check in checks}
        assert told["verified_backup_age"]["status"] == "unknown" and told["bloat"]["status"] == "ok"
        assert "repository holds no stanza 'main'" in told["backup_age"]["message"]
    finally:
        place.config.write_text(text, encoding="utf-8")
        hidden.rename(archive)
    assert unproven in {entry.path for entry in read_catalog(str(place.dest))}
