# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server with a prepared stanza for the tests that leave it as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from .helpers import PROGRAMS, Place, make_place


def require_programs() -> None:
    if not os.path.exists(f"{PROGRAMS}/initdb"):
        pytest.skip("PostgreSQL 15 is not installed (Debian package postgresql-15)")
    if not shutil.which("pgbackrest"):
        pytest.skip("pgBackRest is not installed (Debian package pgbackrest)")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    require_programs()
    made = make_place()
    yield made
    made.remove()
