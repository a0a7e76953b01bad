# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small database, a directory for its backups and a first good backup."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect, sql

from tests.conftest import embedded_programs, free_port

from .helpers import SMALL, backup
from .secrets import PASSWORD


@pytest.fixture
def small(settings: ConnectionSettings) -> ConnectionSettings:
    with connect(settings) as database:
        database.execute(SMALL)
    return settings


@pytest.fixture
def dest(workdir: Path) -> Iterator[Path]:
    folder = workdir / "backups"
    folder.mkdir(mode=0o700)
    yield folder


@pytest.fixture
def first(small: ConnectionSettings, dest: Path) -> str:
    """The path of a good backup that lies in dest already."""
    return str(backup(small, dest).data["backup"]["path"])


@pytest.fixture(scope="module")
def guarded() -> Iterator[ConnectionSettings]:
    """A server that asks for a password."""
    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    try:
        cluster.create(passwords=True)
        cluster.start(THROW_AWAY)
        with connect(cluster.local_settings()) as admin:
            admin.execute(SMALL)
            admin.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(PASSWORD)))
        yield cluster.settings()
    finally:
        cluster.remove()
