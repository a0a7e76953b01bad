# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive that went through a pipe gets positions: pg_restore then begins with the largest table."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load import positions
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.positions import write_positions
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

# Made in this order, dumped by name: without sizes, pg_restore takes them as they were made.
TABLES = r"""
CREATE TABLE public.z_small (a int); INSERT INTO public.z_small VALUES (1);
CREATE TABLE public.empty (a int);
CREATE TABLE public.middle (a text); INSERT INTO public.middle SELECT repeat('x', 300) FROM generate_series(1, 300);
CREATE TABLE public.odd (a text, b bytea);
INSERT INTO public.odd VALUES (E'\\.\n\x01', '\x00000000000100'), (repeat(chr(1), 70000), NULL), ('', ''), (NULL, NULL);
CREATE TABLE public.a_large (a text); INSERT INTO public.a_large SELECT repeat('y', 300) FROM generate_series(1, 3000);
CREATE TABLE public.no_columns (); INSERT INTO public.no_columns DEFAULT VALUES;
"""


@pytest.fixture(params=["server", "server15"])
def source(request: pytest.FixtureRequest) -> Iterator[tuple[Cluster, ConnectionSettings]]:
    cluster: Cluster = request.getfixturevalue(request.param)
    made = make_database(cluster)
    with connect(made) as database:
        database.execute(TABLES)
    yield cluster, made
    drop_database(cluster, made.database)


def run(cluster: Cluster, settings: ConnectionSettings, program: str, *arguments: str) -> tuple[bytes, str]:
    env = {**os.environ, "PGHOST": settings.host or "", "PGPORT": str(settings.port), "PGUSER": settings.user or ""}
    done = subprocess.run([f"{cluster.programs}/{program}", *arguments], env=env, capture_output=True, check=True)
    return done.stdout, done.stderr.decode()


def piped(cluster: Cluster, settings: ConnectionSettings, *options: str) -> bytes:
    return run(cluster, settings, "pg_dump", "-Fc", "-d", settings.database or "", *options)[0]


def launched(cluster: Cluster, settings: ConnectionSettings, archive: Path) -> list[str]:
    """The tables in the order in which pg_restore begins to load them."""
    made = make_database(cluster)
    try:
        said = run(cluster, settings, "pg_restore", "-v", "-j2", "-e", "-d", made.database or "", str(archive))[1]
        with connect(made) as database:
            assert database.value("SELECT count(*) FROM public.a_large") == 3000
            assert database.value("SELECT length(b) FROM public.odd WHERE b <> ''") == 7
    finally:
        drop_database(cluster, made.database)
    return re.findall(r"launching item \d+ TABLE DATA (\S+)", said)


def test_pg_restore_begins_with_the_largest_table_and_reads_the_same(
    source: tuple[Cluster, ConnectionSettings], workdir: Path
) -> None:
    cluster, settings = source
    archive = workdir / "archive"
    archive.write_bytes(piped(cluster, settings, "-Z0"))
    before, text = archive.read_bytes(), run(cluster, settings, "pg_restore", "-f-", str(archive))[0]
    assert launched(cluster, settings, archive)[0] == "z_small"
    assert write_positions(str(archive))
    assert len(archive.read_bytes()) == len(before) and archive.read_bytes() != before
    again = run(cluster, settings, "pg_restore", "-f-", str(archive))[0]
    unlike = re.compile(rb"\\(?:un)?restrict .*\n")  # a new word each time
    assert unlike.sub(b"", again) == unlike.sub(b"", text)
    order = launched(cluster, settings, archive)
    assert sorted(order) == ["a_large", "empty", "middle", "no_columns", "odd", "z_small"]
    assert order[:2] in (["a_large", "middle"], ["a_large", "odd"])
    assert not write_positions(str(archive))  # there is nothing left to do


def test_the_positions_are_the_same_wherever_the_pieces_that_are_read_end(
    source: tuple[Cluster, ConnectionSettings], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, given = workdir / "archive", piped(*source, "-Z0")
    results = set()
    for size in (1 << 20, 1, 5, 6, 7, 11, 12, 4097):
        monkeypatch.setattr(positions, "PIECE", size)
        archive.write_bytes(given)
        assert write_positions(str(archive))
        results.add(archive.read_bytes())
    assert len(results) == 1


def test_what_is_not_understood_is_left_as_it_is(source: tuple[Cluster, ConnectionSettings], workdir: Path) -> None:
    cluster, settings = source
    whole = piped(cluster, settings, "-Z0")
    with connect(settings) as database:
        database.execute("SELECT lo_from_bytea(1, '\\x000000000001000000')")
    archive = workdir / "archive"
    for content in (
        b"",
        b"PGDMP",
        b"SELECT 1;\n" * 1000,
        whole[:-1],  # cut
        whole[: len(whole) // 2],
        whole[:200],
        whole + b"x",
        whole[:6] + b"\xff" + whole[7:],  # of a later version
        piped(cluster, settings, "-Z6"),
        piped(cluster, settings, "-Z0"),  # with a large object
    ):
        archive.write_bytes(content)
        assert not write_positions(str(archive))
        assert archive.read_bytes() == content
