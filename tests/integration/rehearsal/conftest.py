"""A small shop, backed up once for all tests of this folder; each test rehearses on a copy of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.operation import migration
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.operation import rehearse
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.options import REHEARSE
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.recorder import Recorder
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.second_session import SecondSession
from ansible_collections.titan.database.plugins.module_utils._engine.rehearsal.seen import StatementSeen
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete
from ansible_collections.titan.database.plugins.module_utils._engine.text.options import defaults

from tests.conftest import drop_database, make_database
from tests.drill_programs import drill_programs
from tests.integration.backups.helpers import backup

SHOP = """
CREATE TABLE public.users (id int PRIMARY KEY, email text NOT NULL, note text);
INSERT INTO public.users SELECT n, 'secret' || n || '@example.org', CASE WHEN n % 5 > 0 THEN 'x' END FROM generate_series(1, 500) n;
CREATE TABLE public.orders (id int, user_id int, price int, code text);
INSERT INTO public.orders SELECT n, n % 510, n % 7 - 1, 'code' || n / 2 FROM generate_series(1, 4000) n;
CREATE VIEW public.busy AS SELECT user_id, count(*) FROM public.orders GROUP BY 1;
"""
Run = Callable[..., Outcome]
Shop = tuple[ConnectionSettings, Path]


@pytest.fixture(scope="session")
def shop(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = make_database(server)
    folder = tmp_path_factory.mktemp("shop")
    folder.chmod(0o700)
    with connect(made, fixed_settings=False) as database:
        database.execute(SHOP)
    backup(made, folder)
    yield made, folder
    drop_database(server, made.database)


@pytest.fixture
def run(shop: Shop, workdir: Path) -> Run:
    """Rehearse files, given as name=text pairs in a dictionary."""
    live, dest = shop
    drills = workdir / "d"
    drills.mkdir(0o755)
    workdir.chmod(0o755)

    def go(texts: dict[str, str], settings: ConnectionSettings = live, **options: Any) -> Outcome:
        files = [{"name": name, "content": text} for name, text in texts.items()]
        given = {
            "dest": str(dest),
            "drill_dir": str(drills),
            "programs": drill_programs(),
            "files": files,
            **options,
        }
        try:
            return rehearse(Call(complete(given, REHEARSE), settings))
        finally:
            assert not list(drills.iterdir()), "the copy is gone"

    return go


@dataclass
class Watched:
    """The shop's database, in which files run under an observer as they do on a copy."""

    settings: ConnectionSettings
    database: Database

    def run(self, *texts: str, **options: Any) -> list[StatementSeen]:
        """What was seen of the statements of files with these texts."""
        second = SecondSession(self.settings)
        try:
            recorder = Recorder(second)
            files = [{"name": f"{number}_a.sql", "content": text} for number, text in enumerate(texts, 1)]
            given = {**defaults(MIGRATION), "files": files, "lint": {"all": "off"}, **options}
            with suppress(TitanError):
                migration(Call(given, self.settings), recorder)
            return [*recorder.statements, *recorder.failed]
        finally:
            second.close()


@pytest.fixture
def watched(settings: ConnectionSettings, db: Database) -> Watched:
    with connect(settings, fixed_settings=False) as database:
        database.execute(SHOP)
    return Watched(settings, db)
