# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small database, a directory for its backups and a first good backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils.titan_db.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils.titan_db.database import connect

from .helpers import SMALL, backup


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
