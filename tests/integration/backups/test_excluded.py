# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup leaves out on request: the rest is proven, and nothing of it goes unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_catalog
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

from .helpers import backup, info, restore

TABLES = """
CREATE TABLE public."Odd ""na.me*" (id int PRIMARY KEY); INSERT INTO public."Odd ""na.me*" VALUES (1);
CREATE TABLE public.events (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE public.events_25 PARTITION OF public.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public.events_26 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO public.events SELECT '2025-01-01'::date + n, 'x' FROM generate_series(0, 500) n;
CREATE TABLE public.log (id serial, line text); INSERT INTO public.log (line) SELECT 'x' FROM generate_series(1, 50);
"""
CHOSEN = {"exclude_tables": ['public.Odd "na.me*'], "exclude_data_of": ["events", "public.log"]}


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_the_rest_is_proven_and_restored_and_the_listing_says_what_is_left_out(
    server: Cluster, small: ConnectionSettings, dest: Path, form: str
) -> None:
    with connect(small) as database:
        database.execute(TABLES)
    done = backup(small, dest, verify="restored", format=form, **CHOSEN)
    assert done.data["backup"]["verified"]["level"] == "restored"
    listed = info(dest).summary
    for text in (done.summary, listed):
        for name in (
            'excluded table public.Odd "na.me*',
            "excluded data of table public.events",
            "excluded data of table public.log",
        ):
            assert name in text, text
    entry = read_catalog(str(dest))[0]
    tables = [("public", "users"), ("public", "events_25"), ("public", 'Odd "na.me*')]
    assert entry.lacks(tables) == [("public", 'Odd "na.me*'), ("public", "events_25")]
    try:
        restore(small, source=done.data["backup"]["path"], into="excluded_look")
        with connect(small.to("excluded_look")) as database:
            assert database.value("SELECT count(*) FROM public.users") == 500
            assert (
                database.value("SELECT count(*) FROM public.events")
                == database.value("SELECT count(*) FROM public.log")
                == 0
            )
            assert database.value("SELECT last_value FROM public.log_id_seq") == 50
            assert not database.value("SELECT EXISTS (SELECT FROM pg_class WHERE relname LIKE 'Odd%%')")
    finally:
        drop_database(server, "excluded_look")
    quiet = backup(
        small, dest, format=form, accept_left_out=['public.Odd "na.me*', "public.log", "public.events"], **CHOSEN
    )
    assert "without" not in quiet.summary and not quiet.warnings


FOREIGN = """
CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{database}');
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'postgres');
CREATE FOREIGN TABLE public.far_rows (id int) SERVER far OPTIONS (schema_name 'public', table_name 'near');
CREATE MATERIALIZED VIEW public.b_copy AS SELECT * FROM public.far_rows;
CREATE MATERIALIZED VIEW public.a_copy AS SELECT * FROM public.b_copy;
"""


@pytest.mark.parametrize("form", ["custom", "plain"])
def test_a_view_of_another_servers_rows_is_proven_empty_and_filled_by_a_restore(
    server15: Cluster, dest: Path, form: str
) -> None:
    """The drill's server reaches nobody; a restore refreshes what it can reach, and names the rest."""
    source = make_database(server15)
    programs = server15.programs
    try:
        with connect(source) as database:
            database.execute("CREATE TABLE public.near AS SELECT 1 AS id")
            database.execute(FOREIGN.format(port=source.port, database=source.database))
        done = backup(source, dest, verify="restored", format=form, programs=programs)
        assert done.data["backup"]["verified"]["level"] == "restored"
        assert "rows of materialized view public.a_copy" in done.summary
        restored = restore(source, source=done.data["backup"]["path"], into="excluded_look", programs=programs)
        assert not [each for each in restored.warnings if "is empty" in each]
        with connect(source.to("excluded_look")) as database:
            assert database.value("SELECT count(*) FROM public.a_copy") == 1
        drop_database(server15, "excluded_look")
        with connect(source) as database:
            database.execute("ALTER TABLE public.near RENAME TO gone")
        restored = restore(source, source=done.data["backup"]["path"], into="excluded_look", programs=programs)
        assert len([each for each in restored.warnings if "_copy is empty" in each]) == 2, restored.warnings
    finally:
        drop_database(server15, "excluded_look")
        drop_database(server15, source.database)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"exclude_tables": ["public.nowhere"]}, "There is no such table"),
        ({"exclude_tables": ["public.users"]}, "public.orders has a foreign key to it"),
        ({"exclude_data_of": ["public.users"]}, "public.orders has a foreign key to it"),
        ({"exclude_tables": ["public.users", "public.orders"]}, "public.busy reads it"),
        ({"exclude_tables": ["public.events_25"]}, "It is a partition"),
    ],
)
def test_what_others_need_is_not_left_out(
    small: ConnectionSettings, dest: Path, given: dict[str, list[str]], said: str
) -> None:
    with connect(small) as database:
        database.execute(TABLES)
    with pytest.raises(OptionError, match=said):
        backup(small, dest, check=True, **given)
    assert not list(dest.glob("small*"))
