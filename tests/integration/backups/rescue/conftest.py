# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live database, and a copy of it from before the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.conftest import drop_database, make_database

SHOP = (Path(__file__).parent / "shop.sql").read_text()


class Shop(NamedTuple):
    """The live database, the copy, an open session of somebody else's in the live one, and where files may go."""

    live: ConnectionSettings
    copy: ConnectionSettings
    user: Any
    folder: Path

    def sql(self, text: str) -> Any:
        self.user.execute(text)
        return self.user.fetchall() if self.user.description else None

    def in_copy(self, text: str) -> None:
        with psycopg2.connect(**self.copy.parameters()) as there, there.cursor() as cursor:
            cursor.execute(text)
        there.close()

    def content(self) -> dict[str, str]:
        """Each table's rows, as PostgreSQL writes them, in one order."""
        tables = self.sql(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't' "
            "AND nspname NOT IN ('pg_catalog', 'information_schema', 'titan_ops')"
        )
        return {
            name: self.sql(
                f"SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {name} t"
            )[0][0]
            for (name,) in tables
        }

    def rescue(self, check: bool = False, **given: Any) -> Outcome:
        given = {"record_dir": str(self.folder), **given}
        if not {"undo", "source", "dest"} & given.keys():
            given.setdefault("from_database", self.copy.database)
        return operation.rescue(Call(complete(given, options.RESCUE), self.live, check))


@pytest.fixture(scope="session")
def shop_template(server: Cluster) -> Iterator[str]:
    settings = make_database(server)
    with psycopg2.connect(**settings.parameters()) as made, made.cursor() as cursor:
        cursor.execute(SHOP)
    made.close()
    yield settings.database
    drop_database(server, settings.database)


@pytest.fixture
def shop(server: Cluster, shop_template: str, workdir: Path) -> Iterator[Shop]:
    live, copy = make_database(server, shop_template), make_database(server, shop_template)
    connection = psycopg2.connect(**live.parameters())
    connection.autocommit = True
    folder = workdir / "undo"
    folder.mkdir(0o700)
    yield Shop(live, copy, connection.cursor(), folder)
    connection.close()
    for settings in (live, copy):
        drop_database(server, settings.database)


LOSSES: dict[str, str] = {
    "a cascade over three tables": "DELETE FROM public.users WHERE id <= 10; UPDATE public.notes SET user_id = NULL WHERE false",
    "rows of one table": "DELETE FROM public.items WHERE line = 1",
    "a whole table": "TRUNCATE public.items",
    "rows without a key": "DELETE FROM public.notes WHERE ctid IN (SELECT ctid FROM public.notes WHERE text = 'same' LIMIT 7)",
    "a tree": "DELETE FROM public.tree WHERE id = 1",
    "odd names": 'DELETE FROM "od""d %s"."a;b" WHERE t[1] % 3 = 0',
    "partitions": "DELETE FROM public.events WHERE n BETWEEN 100 AND 200",
    "a circle": "TRUNCATE public.left_side, public.right_side",
    "everything": 'TRUNCATE public.users, public.orders, public.items, public.notes, public.tree, "od""d %s"."a;b", public.events, '
    "public.left_side, public.right_side",
}
Rescue = Callable[..., Outcome]
