# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stanza from its beginning: prepared, backed up, proven, damaged, mended; each in check mode, for real and again."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import (
    newest_verified,
    read_catalog,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.health.report.days import restore_seconds
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.integration.backups.helpers import damage, picture

from .helpers import Place, large_file


@pytest.fixture(scope="module")
def prepared(place: Place) -> Place:
    before = picture(place.folder)
    planned = place.prepare(check=True)
    assert planned.changed and planned.data["actions"] == [
        "create stanza main",
        f"write {place.dest}/pgbackrest.json",
    ]
    assert picture(place.folder) == before
    done = place.prepare()
    assert done.changed and done.data["actions"] == planned.data["actions"] and not done.data["restart_required"]
    again = place.prepare()
    assert not again.changed and again.data["actions"] == []
    return place


@pytest.fixture(scope="module")
def full(prepared: Place) -> str:
    """The path of a proven full backup of a cluster in which an event trigger forbids changes of definitions."""
    prepared.sql(
        "CREATE FUNCTION public.forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no changes here'; END $$;"
        "CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION public.forbid(); ALTER EVENT TRIGGER forbid ENABLE ALWAYS"
    )
    before = picture(prepared.folder)
    planned = prepared.backup(check=True)
    assert planned.changed and "full" in planned.summary
    assert picture(prepared.folder) == before
    return str(prepared.backup().data["backup"]["path"])


def test_a_backup_is_proven_by_a_restore_that_equals_a_known_moment(prepared: Place, full: str) -> None:
    found = prepared.info(verify="checksum").data
    assert [entry["path"] for entry in found["backups"]] == [full]
    entry = found["newest_verified"]
    assert entry["path"] == full and entry["problem"] == "" and entry["verified_level"] == "restored"
    assert entry["database"] == prepared.settings.database and entry["size"] > 1_000_000
    assert entry["point"]["proof"] == "quiet" and entry["verified"]["rows"] == 4502
    tables = {(table["schema"], table["name"]) for table in entry["tables"]}
    assert ("public", 'odd "name') in tables and ("public", "passing") not in tables
    assert entry["large_objects"]["count"] == 1
    assert os.listdir(prepared.drills) == []
    assert read_catalog(str(prepared.dest), "other") == []
    (listed,) = read_catalog(str(prepared.dest))
    assert restore_seconds(listed) == entry["verified"]["seconds"] > 0, (
        "what the report and the recovery time are made of"
    )


def test_the_next_one_is_incremental_and_a_writer_makes_its_proof_neither_fail_nor_lie(
    prepared: Place, full: str
) -> None:
    recent = prepared.backup(unless_verified_within="1h")
    assert not recent.changed and recent.data["backup"]["path"] == full
    assert "incr" in prepared.backup(check=True).summary
    stop = threading.Event()

    def write() -> None:
        with connect(prepared.settings) as database:
            while not stop.is_set():
                with database.transaction():
                    database.execute("INSERT INTO public.orders (user_id, note) VALUES (1, 'busy')")
                    database.execute("SELECT pg_sleep(0.005)")

    writers = [threading.Thread(target=write) for _number in range(3)]
    for writer in writers:
        writer.start()
    try:
        done = prepared.backup()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    record = done.data["backup"]
    assert done.changed and record["label"].endswith("I")
    assert record["point"]["proof"] in ("quiet", "locked") and record["verified"]["level"] == "restored"
    rows = next(table["rows"] for table in record["tables"] if table["name"] == "orders")
    with connect(prepared.settings) as database:
        assert 4000 < rows < database.value("SELECT count(*) FROM public.orders")
    assert [entry.path for entry in read_catalog(str(prepared.dest))] == [record["path"], full]


def test_a_drill_compares_an_old_backup_with_its_moment_and_tells_what_differs(prepared: Place, full: str) -> None:
    before = picture(prepared.dest)
    assert prepared.drill(check=True, source=full).changed
    assert picture(prepared.dest) == before
    good = Path(full).read_text(encoding="utf-8")
    orders = next(table for table in prepared.record(full)["tables"] if table["name"] == "orders")
    Path(full).write_text(good.replace(f'"hash": "{orders["hash"]}"', '"hash": "1"'), encoding="utf-8")
    with pytest.raises(TitanError, match=r"public\.orders has as many rows as the source \(4000\), but other content"):
        prepared.drill(source=full)
    Path(full).write_text(good, encoding="utf-8")


def test_a_flipped_byte_is_found_and_named_and_the_mended_backup_counts_again(prepared: Place, full: str) -> None:
    label = prepared.record(full)["label"]
    broken = large_file(prepared, label)
    damage(broken)
    try:
        listed = prepared.info(verify="checksum").data
        assert listed["exit_status"] == 1
        assert {"checksum invalid: 1" in entry["problem"] for entry in listed["backups"]} == {True}
        with pytest.raises(TitanError) as failed:
            prepared.drill(source=full)
        assert broken.name.split(".")[0] in failed.value.message and "checksum" in failed.value.message
        entry = next(each for each in read_catalog(str(prepared.dest)) if each.path == full)
        assert entry.problem and entry.verified_level == "none"
        (built_on,) = (each for each in read_catalog(str(prepared.dest)) if each.path != full)
        assert built_on.problem.startswith("it builds on ") and built_on.verified_level == "none"
        assert "(full)" in prepared.backup(check=True).summary
    finally:
        damage(broken)
    assert "4502 rows equal" in prepared.drill(source=full).summary
    assert next(each for each in read_catalog(str(prepared.dest)) if each.path == full).verified_level == "restored"
    assert os.listdir(prepared.drills) == []


def test_old_backups_expire_by_pgbackrests_rules_but_never_the_newest_proven_one(prepared: Place, full: str) -> None:
    """repo1-retention-full is 2."""
    old = {entry.path for entry in read_catalog(str(prepared.dest))}
    first = prepared.backup(type="full", verify="checksum")
    assert first.data["backup"]["verified"]["level"] == "checksum" and first.data["removed"] == []
    second = prepared.backup(type="full", verify="checksum")
    assert second.data["removed"] == []
    assert any("a restore has proven" in warning and "would go" in warning for warning in second.warnings)
    assert old < {entry.path for entry in read_catalog(str(prepared.dest))}

    prepared.drill()  # the newest one
    third = prepared.backup(type="full", verify="checksum")
    assert set(third.data["removed"]) == {*old, first.data["backup"]["path"]} and not third.warnings
    left = read_catalog(str(prepared.dest))
    assert [entry.path for entry in left] == [third.data["backup"]["path"], second.data["backup"]["path"]]
    assert [entry.verified_level for entry in left] == ["checksum", "restored"]
    newest = newest_verified(left)
    assert newest is not None and newest.path == second.data["backup"]["path"]
    assert not any(os.path.exists(path) for path in (*old, first.data["backup"]["path"]))


def test_a_stanza_of_another_cluster_is_refused(prepared: Place, full: str, server15: Cluster) -> None:
    before = picture(prepared.folder)
    other = replace(prepared, settings=server15.settings())
    for check in (True, False):
        with pytest.raises(
            TitanError, match=r"stanza 'main' is of another cluster .*this server's is \d+\)\. Nothing was changed"
        ):
            other.prepare(check=check, configure_server=True)
    assert picture(prepared.folder) == before


def test_wrong_names_are_refused_in_clear_words(prepared: Place) -> None:
    with pytest.raises(OptionError, match="directory of 'main'"):
        prepared.backup(stanza="other")
    with pytest.raises(OptionError, match="Use 1 to 63 letters"):
        prepared.prepare(stanza="-x y")
    with pytest.raises(OptionError, match="pgBackRest's configuration file"):
        prepared.prepare(pgbackrest_config=prepared.folder / "missing.conf")
    with pytest.raises(TitanError, match=r"archive_command = 'pgbackrest .*--stanza=other archive-push %p'"):
        prepared.prepare(stanza="other")
