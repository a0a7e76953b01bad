# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further kinds of change of an archive: all are made in one database, and each one is named by one comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest import read_manifest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.schema_text import Skeleton
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import Deadline
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof.comparison import compare, loader_for
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.programs import find_programs

from tests.conftest import drop_database, embedded_programs, make_database

from .altered_more import MORE_CHANGES
from .helpers import backup

SCHEMA = Path(__file__).parent / "altered_more.sql"


@pytest.fixture(scope="module")
def source(server: Cluster) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        database.execute(SCHEMA.read_text(encoding="utf-8"))
    yield made
    drop_database(server, made.database)
    with connect(server.settings()) as admin:
        admin.execute("DROP ROLE more_reader; DROP ROLE more_owner")


@pytest.fixture(scope="module")
def differences(
    server: Cluster, source: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ...]:
    """What the comparison says of the source, when it was changed after its backup was drilled and found equal."""
    dest = tmp_path_factory.mktemp("altered_more")
    dest.chmod(0o700)
    taken = backup(source, dest, verify="restored").data["backup"]
    assert taken["verified"]["level"] == "restored"
    assert not [note for note in taken["verified"]["notes"] if "compared" in note]
    with connect(source, fixed_settings=False) as database:
        for name, (statement, _object) in MORE_CHANGES.items():
            try:
                database.execute(statement)
            except Exception as error:
                raise AssertionError(name) from error
    manifest = read_manifest(taken["path"])
    loader = loader_for(manifest, find_programs(embedded_programs(), 18), str(dest), 1, Deadline(60))
    return compare(manifest, source, lambda: Skeleton(Counter(), {}), loader).differences


@pytest.mark.parametrize("change", MORE_CHANGES)
def test_every_further_change_is_seen(differences: tuple[str, ...], change: str) -> None:
    _statement, changed = MORE_CHANGES[change]
    assert any(changed in message for message in differences), "\n".join(differences)
