# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further kinds of change of an archive: all are made in one database, and each one is named by one comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from .altered_more import MORE_CHANGES
from .helpers import backup, database_of, differences_from

SCHEMA = Path(__file__).parent / "altered_more.sql"


@pytest.fixture(scope="module")
def source(server: Cluster) -> Iterator[ConnectionSettings]:
    with database_of(server, SCHEMA, "more_reader", "more_owner") as made:
        yield made


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
    return differences_from(taken["path"], source, dest, alone=True)


@pytest.mark.parametrize("change", MORE_CHANGES)
def test_every_further_change_is_seen(differences: tuple[str, ...], change: str) -> None:
    _statement, changed = MORE_CHANGES[change]
    assert any(changed in message for message in differences), "\n".join(differences)
