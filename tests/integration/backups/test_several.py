# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All databases of a server by one call: each has its own files, and one that fails stops none of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_catalog
from ansible_collections.titan.database.plugins.module_utils._engine.backups.several import file_name
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, embedded_programs, login

from .helpers import backup

ODD = 'od"d db; 1'


def test_each_database_is_backed_up_under_its_own_name_though_one_fails(
    server: Cluster, small: ConnectionSettings, dest: Path, call_module: Callable[..., Any]
) -> None:
    with connect(small) as database:
        database.execute('CREATE DATABASE "od""d db; 1"')
    try:
        arguments = {
            **login(small), "dest": str(dest), "programs": embedded_programs(), "verify": "checksum",
            "databases": [small.database, ODD], "keep": {"last": 1},
        }  # fmt: skip
        done = call_module("backup", **arguments)
        again = call_module("backup", **arguments)
        assert not again.get("failed"), again
        assert [each["database"] for each in done["backups"]] == [small.database, ODD]
        assert sorted(again["removed"]) == sorted(each["path"] for each in done["backups"])
        assert {(each.name, each.database) for each in read_catalog(str(dest))} == {
            (small.database, small.database), (file_name(ODD), ODD),
        }  # fmt: skip
        with connect(small) as database:
            database.execute('ALTER DATABASE "od""d db; 1" ALLOW_CONNECTIONS false')
        with pytest.raises(OptionError, match="no such database to connect to"):
            backup(small, dest, databases=[ODD])
        with connect(small.to(small.database)) as holder, holder.transaction():
            holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE public.users")
            with pytest.raises(TitanError, match="1 of 2 databases were not backed up") as failed:
                backup(small, dest, databases=[small.database, "postgres"], name="pre", lock_timeout=1)
        assert [each["database"] for each in failed.value.details["backups"]] == ["postgres"]
        assert "pre_postgres" in failed.value.details["backups"][0]["path"]
    finally:
        drop_database(server, 'od""d db; 1')
    with pytest.raises(OptionError, match="exclude_tables"):
        backup(small, dest, databases=["*"], exclude_tables=["a"])


def test_names_stay_apart_and_fit() -> None:
    names = ["a", "A", "a b", "a_b", "a;b", "-a", "ä", "x" * 63, "x" * 62 + "é", "x" * 62 + "è"]
    found = [file_name(name) for name in names]
    assert len(set(found)) == len(names) and found[0] == "a" and all(len(name) <= 63 for name in found), found
