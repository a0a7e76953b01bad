# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever reads the rows of a live database runs no function of the tables' owners, as whom ever it reads."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import read_manifest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.copied import (
    count_and_hash_copied,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.fingerprint import fix_settings
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.tables import read_tables
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.hostile import Owned, owned_database, sprung

from .helpers import backup, drill

# Each way in which the planner comes to a function.
TABLES_OF_OTHERS = """
CREATE TYPE public.pair AS (x int, y text);
CREATE TABLE public.of_index (id int, b text, p public.pair, g int GENERATED ALWAYS AS (id + public.f(1)) STORED);
INSERT INTO public.of_index SELECT n, E'a\\tb\\n\\\\' || n, ROW(n, NULL)::public.pair FROM generate_series(1, 30) n;
CREATE INDEX ON public.of_index ((id + public.f(1)));
CREATE TABLE public."of ""predicate" (id int, "a b" numeric);
INSERT INTO public."of ""predicate" VALUES (1, 1.00), (2, 'NaN'), (NULL, NULL);
CREATE INDEX ON public."of ""predicate" (id) WHERE id > public.f(1);
CREATE TABLE public.of_statistics (id int, b int);
INSERT INTO public.of_statistics SELECT n, n FROM generate_series(1, 20) n;
CREATE STATISTICS public.s ON (id + public.f(1)), b FROM public.of_statistics;
CREATE TABLE public.child (c text) INHERITS (public.of_index);
INSERT INTO public.child (id, c) VALUES (1, 'c');
CREATE INDEX ON public.child ((id + public.f(1)));
CREATE TABLE public.parted (id int) PARTITION BY RANGE (id);
CREATE TABLE public.part PARTITION OF public.parted FOR VALUES FROM (0) TO (100);
INSERT INTO public.parted VALUES (1), (1);
CREATE INDEX ON public.parted ((id + public.f(1)));
CREATE TYPE public.kind AS ENUM ('a', 'b', 'c');
CREATE TABLE public.by_kind (k public.kind, v int) PARTITION BY HASH (k);
CREATE TABLE public.by_kind_0 PARTITION OF public.by_kind FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE public.by_kind_1 PARTITION OF public.by_kind FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO public.by_kind VALUES ('a', 1), ('b', 2), ('c', 3);
CREATE INDEX ON public.by_kind ((v + public.f(1)));
CREATE TABLE public.nothing ();
INSERT INTO public.nothing DEFAULT VALUES;
CREATE SEQUENCE public.numbers;
SELECT lo_from_bytea(0, 'large');
"""
TABLES = 7  # a table that is partitioned by the hash of an enum counts as one


@pytest.fixture(params=["server", "server15"])
def owned(request: pytest.FixtureRequest) -> Iterator[Owned]:
    with owned_database(request.getfixturevalue(request.param), TABLES_OF_OTHERS) as made:
        yield made


@pytest.fixture
def owned18(server: Cluster) -> Iterator[Owned]:
    with owned_database(server, TABLES_OF_OTHERS) as made:
        yield made


@pytest.mark.parametrize("who", ["admin", "reader"])
def test_a_backup_runs_no_function_of_the_tables_owner(owned: Owned, dest: Path, who: str) -> None:
    programs = owned.programs()
    taken = backup(getattr(owned, who), dest, programs=programs, verify="restored", format="custom").data["backup"]
    assert taken["verified"]["level"] == "restored" and taken["verified"]["tables"] == TABLES
    fingerprint = read_manifest(taken["path"]).fingerprint
    assert fingerprint.hash_method == "copied by name"
    assert fingerprint.rows == 30 + 3 + 20 + 1 + 2 + 3 + 1
    assert sprung(owned)


@pytest.mark.parametrize("proof", ["hash", "redump"])
def test_so_does_no_other_proof(owned18: Owned, dest: Path, proof: str) -> None:
    for form in ("plain", "directory"):
        taken = backup(owned18.admin, dest, verify="restored", format=form, proof=proof, name=form).data["backup"]
        assert taken["verified"]["level"] == "restored"
    assert sprung(owned18)


def test_the_rows_are_compared(owned18: Owned, dest: Path, workdir: Path) -> None:
    """Beside a live database that has changed since, which a superuser reads."""
    env_file = workdir / "live.env"
    there = owned18.admin
    env_file.write_text(f"DATABASE_URL=postgresql://{there.user}@127.0.0.1:{there.port}/{there.database}\n")
    env_file.chmod(0o600)
    path = backup(there, dest, format="custom").data["backup"]["path"]
    copied = workdir / "dump"
    shutil.copyfile(path, copied)
    assert drill(source=str(copied), against=str(env_file)).data["contents"][0]["against"] == []
    with connect(owned18.owner) as live:
        live.execute(
            "UPDATE public.of_index SET b = b || 'x' WHERE id <= 4; DELETE FROM public.of_statistics WHERE id > 18;"
            "UPDATE public.by_kind SET v = 9 WHERE k = 'a'; INSERT INTO public.nothing DEFAULT VALUES"
        )
    with pytest.raises(TitanError) as told:
        drill(source=str(copied), against=str(env_file))
    for part in (
        "public.of_index has 4 row(s) in the dump only and 4 in the live database only",
        "public.of_statistics has 2 row(s) in the dump only and 0",
        "public.by_kind has 1 row(s) in the dump only and 1",
        "public.nothing has 0 row(s) in the dump only and 1",
    ):
        assert part in told.value.message
    assert sprung(owned18)


def hashes(database: Database) -> dict[str, tuple[int, str]]:
    fix_settings(database)
    return {table.name: count_and_hash_copied(database, table) for table in read_tables(database)}


def test_the_hash_depends_on_each_value_and_on_no_order(settings: ConnectionSettings) -> None:
    with connect(settings) as database:
        database.execute(
            "CREATE TABLE public.a (x text, y text, n numeric); CREATE TABLE public.b (n numeric, gone int, y text, x text);"
            "ALTER TABLE public.b DROP gone;"
            "INSERT INTO public.a VALUES ('1', NULL, 1), ('', E'\\t\\n\\\\', 1.0), ('1', NULL, 1);"
            "INSERT INTO public.b (n, y, x) VALUES (1.0, E'\\t\\n\\\\', ''), (1, NULL, '1'), (1, NULL, '1')"
        )
        before = hashes(database)
        assert before["a"] == before["b"] and before["a"][0] == 3
        for change in ("x = y", "y = ''", "n = 1.00", "x = y, y = x"):
            with contextlib.suppress(ZeroDivisionError), database.transaction():
                database.execute(f"UPDATE public.b SET {change} WHERE n::text = '1.0' OR y IS NULL")
                assert hashes(database)["b"] != before["a"], change
                raise ZeroDivisionError
        assert hashes(database) == before


def test_a_sequence_that_becomes_a_view_is_not_read(owned: Owned, dest: Path) -> None:
    def exchange(name: str) -> None:
        if name == "backup.file.rename":
            with connect(owned.owner) as database:
                database.execute(
                    "DROP SEQUENCE public.numbers;"
                    "CREATE VIEW public.numbers AS SELECT public.f(1)::bigint AS last_value, true AS is_called"
                )

    with observed(exchange), pytest.raises(TitanError, match="view"):
        backup(owned.admin, dest, programs=owned.programs(), format="custom")
    assert sprung(owned)


@pytest.mark.parametrize("who", ["admin", "reader"])
def test_a_table_that_pg_dump_itself_reads_by_a_query_is_refused(owned18: Owned, dest: Path, who: str) -> None:
    """As an extension's configuration, with a condition."""
    with connect(owned18.admin) as database:
        database.execute(
            "UPDATE pg_extension SET extconfig = ARRAY['public.of_index'::regclass::oid], extcondition = ARRAY['WHERE id > 3']"
            " WHERE extname = 'plpgsql'"
        )
    with pytest.raises(
        TitanError, match=r"Table public.of_index belongs to an extension .*ALTER TABLE \.\.\. OWNER TO"
    ):
        backup(getattr(owned18, who), dest)
    assert not [name for name in os.listdir(dest) if name.startswith("small")]
    assert sprung(owned18)
    owned18.trace.unlink()
    assert backup(getattr(owned18, who), dest, exclude_data_of=["public.of_index", "public.child"]).data["backup"][
        "path"
    ]
    assert sprung(owned18)
