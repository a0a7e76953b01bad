# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_dump writes of a restored database, to be compared with what the source was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from ...postgres.client_environment import child_environment
from ...postgres.connection import ConnectionSettings
from ...postgres.database import connect
from ...postgres.programs import Programs
from ..content.fingerprint import dump_settings
from ..content.objects import objects_from, with_name
from ..content.schema_text import Skeleton, SkeletonReader
from ..load.loading import Loader
from ..load.others import by_lines
from ..programs.pipeline import Program, chain


def database_skeleton(loader: Loader, target: ConnectionSettings) -> Skeleton:
    """The statements that would make the database's schema."""
    options = () if loader.with_rows else ("--schema-only",)
    with _dumping(loader, target, *options) as program:
        reader = SkeletonReader(loader.with_rows)
        with chain([program], loader.deadline, stdout=subprocess.PIPE) as started:
            for piece in _as_in_source(loader, started.pieces()):
                reader.feed(piece)
    return reader.skeleton()


def database_objects(loader: Loader, target: ConnectionSettings) -> Mapping[str, str]:
    """The objects of the database, as pg_dump writes them; of a dump of others, which may lack them, without owners and rights."""
    whose = ["--no-owner", "--no-privileges"] if loader.foreign else []
    with (
        _dumping(loader, target, "--schema-only", *whose) as program,
        chain([program], loader.deadline, stdout=subprocess.PIPE) as started,
    ):
        renamed = (loader.superuser.role, loader.superuser_is) if loader.superuser else None
        return objects_from(started, renamed)


@contextmanager
def _dumping(loader: Loader, target: ConnectionSettings, *options: str) -> Iterator[Program]:
    """A pg_dump of the restored database: by the superuser, if there is one, whom nothing is hidden from."""
    settings = loader.superuser.settings.to(target.database) if loader.superuser else target
    with dumping(settings, loader.programs, *options) as program:
        yield program


@contextmanager
def dumping(settings: ConnectionSettings, programs: Programs, *options: str) -> Iterator[Program]:
    """A pg_dump whose text depends on the database alone."""
    with child_environment(settings) as inherited:
        with connect(settings, "drill") as database:
            env = {**inherited, **dump_settings(database)}
        yield Program([programs.path("pg_dump"), *options, "--no-password"], env)


def _as_in_source(loader: Loader, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text, with the superuser's name of the source."""
    if not loader.superuser:
        yield from pieces
        return
    for text in by_lines(pieces):
        yield with_name(text, loader.superuser.role, loader.superuser_is)
