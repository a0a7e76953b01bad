# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the source's structure beside its dump: pg_dump writes the schema a second time, from the same snapshot."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Callable

from ...postgres.database import Database, connect
from ..content.fingerprint import expand_no_views
from ..content.objects import objects_from
from ..content.positions import Position, between, read_positions, sequence_names, standing
from ..content.structure import Structure, read_structure
from ..programs.pipeline import Deadline, Program, chain


@contextmanager
def structure_beside(
    database: Database, schema_dump: Program, version: str, deadline: Deadline
) -> Iterator[Callable[[], Structure]]:
    """Read the structure while the block dumps; yields what gives it, to be called once the dump is written.

    Args:
        database: In the transaction whose snapshot is dumped.
        schema_dump: pg_dump --schema-only of that snapshot.
        version: Of pg_dump.
        deadline: When it must be done.

    Raises:
        TitanError: from what is yielded, when pg_dump failed.
    """
    names = sequence_names(database)
    before = standing(_positions_now(database, names))
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        started = stack.enter_context(chain([schema_dump], deadline, stdout=subprocess.PIPE))
        reading = pool.submit(objects_from, started)

        def structure() -> Structure:
            objects, after = reading.result(), _positions_now(database, names)
            sequences = between((name, (before[name], position)) for name, position in after if name in before)
            return read_structure(database, version, objects, sequences)

        yield structure


def _positions_now(database: Database, names: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Position]]:
    """On a connection of its own: in the snapshot's transaction each sequence would stay locked."""
    if names:
        with connect(database.settings, "backup") as other:
            expand_no_views(other)
            yield from read_positions(other, names)
