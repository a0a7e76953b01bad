"""One database for all tests of this folder, emptied for each: cheaper than a new one every time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database
from tests.integration.migrations.judge import Databases
from tests.integration.migrations.random_statements import TABLESPACE

EMPTY = """
DO $$
DECLARE s text;
BEGIN
  PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
  FOR s IN SELECT evtname FROM pg_event_trigger LOOP
    EXECUTE format('DROP EVENT TRIGGER %I', s);
  END LOOP;
  FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', s);
  END LOOP;
  EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$;
CREATE SCHEMA public;
"""


@pytest.fixture(scope="session")
def one_database(server: Cluster) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    yield made
    drop_database(server, made.database)


@pytest.fixture
def settings(one_database: ConnectionSettings) -> ConnectionSettings:
    """An empty database."""
    with connect(one_database) as database:
        database.execute(EMPTY)
    return one_database


@pytest.fixture(scope="session")
def databases(server: Cluster) -> Iterator[Databases]:
    made = Databases(make_database(server), make_database(server))
    yield made
    for connection in made.connections.values():
        connection.close()
    for settings in (made.judge, made.engine):
        drop_database(server, settings.database)


@pytest.fixture(scope="module")
def tablespace(databases: Databases) -> Iterator[str]:
    databases.run(databases.judge, "SET allow_in_place_tablespaces = on")
    databases.run(databases.judge, f"CREATE TABLESPACE {TABLESPACE} LOCATION ''")
    yield TABLESPACE
    databases.empty()
    databases.run(databases.judge, f"DROP TABLESPACE {TABLESPACE}")
