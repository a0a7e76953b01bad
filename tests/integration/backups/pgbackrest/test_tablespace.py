# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill never touches the directories in which the source's tablespaces lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import unprivileged_user
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.integration.backups.helpers import picture

from .helpers import Place


def create_tablespace(place: Place, name: str) -> Path:
    """A tablespace in a directory of its own, and a table with an index in it."""
    folder = place.folder / name
    folder.mkdir(mode=0o700)
    owner = unprivileged_user()
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    place.sql(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
    place.sql(
        f"CREATE TABLE public.in_{name} TABLESPACE {name} AS SELECT n, 'old' AS t FROM generate_series(1, 5000) n"
    )
    place.sql(f"CREATE INDEX ON public.in_{name} (n) TABLESPACE {name}")
    return folder


def contents(place: Place, name: str) -> list[tuple[str, int]]:
    with connect(place.settings) as database:
        rows = database.rows(f"SELECT t, count(*)::int AS rows FROM public.in_{name} GROUP BY t")
    return [(row["t"], row["rows"]) for row in rows]


def test_a_drill_puts_tablespaces_into_its_scratch_directory(place: Place) -> None:
    place.prepare()
    folder = create_tablespace(place, "cold")
    place.backup(verify="checksum")
    place.sql("UPDATE public.in_cold SET t = 'new'")
    place.sql("CHECKPOINT")
    before = picture(folder)
    assert len(before) > 3
    assert "4 tables, 9502 rows equal to the source" in place.drill().summary
    assert picture(folder) == before and contents(place, "cold") == [("new", 5000)]


def test_a_tablespace_that_was_created_during_the_backup_is_not_written_to(place: Place) -> None:
    """Its creation is replayed, and would link the scratch cluster to the live directory."""
    made: list[Path] = []

    def created(name: str) -> None:
        if name == "backup.point":
            made.append(create_tablespace(place, "fresh"))

    with observed(created):
        taken = place.backup(verify="checksum").data["backup"]
    place.sql("UPDATE public.in_fresh SET t = 'new'")
    place.sql("CHECKPOINT")
    before = picture(made[0])
    with pytest.raises(TitanError, match="A tablespace was created after this backup had begun"):
        place.drill(source=taken["path"])
    assert picture(made[0]) == before and os.listdir(place.drills) == []
    place.cluster.run_program("pg_ctl", "-w", "-m", "immediate", "stop")  # the server's own buffers do not count
    place.cluster.run_program("pg_ctl", "-w", "-l", os.path.join(place.cluster.folder, "server.log"), "start")
    assert contents(place, "fresh") == [("new", 5000)]
    assert place.record(taken["path"])["verified"]["problem"] == "", "nothing is wrong with the backup itself"


def test_a_tablespace_that_was_dropped_during_the_backup_does_not_matter(place: Place) -> None:
    folder = create_tablespace(place, "gone")

    def dropped(name: str) -> None:
        if name == "backup.point":
            place.sql("DROP TABLE public.in_gone")
            place.sql("DROP TABLESPACE gone")

    with observed(dropped):
        assert "verified (restored), 5 tables" in place.backup(type="incr").summary
    assert list(folder.iterdir()) == [] and os.listdir(place.drills) == []
