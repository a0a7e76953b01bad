# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database whose owner is no superuser and means harm: planning a query of a table with its function runs that function."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

# On this server it leaves a file where a superuser runs it, and fails for others than its owner; elsewhere, in a drill, it does nothing.
FUNCTION = """
CREATE FUNCTION public.deed(v int) RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  IF current_setting('port') = '{port}' AND current_user <> '{owner}' THEN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
      EXECUTE $x$ COPY (SELECT current_user) TO '{trace}' $x$;
    ELSE
      RAISE EXCEPTION 'it runs as %', current_user;
    END IF;
  END IF;
  RETURN v;
END $f$;
CREATE FUNCTION public.f(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.deed(v); END';
"""


@dataclass(frozen=True)
class Owned:
    """A database of somebody who is no superuser.

    Attributes:
        admin, owner, reader: A superuser, its owner, and a role of the kind backup.
        trace: A file that tells that a superuser has run the owner's code.
    """

    admin: ConnectionSettings
    owner: ConnectionSettings
    reader: ConnectionSettings
    trace: Path

    def programs(self) -> str:
        with connect(self.admin) as database:
            return str(database.value("SELECT setting FROM pg_config() WHERE name = 'BINDIR'"))


@contextlib.contextmanager
def owned_database(cluster: Cluster, tables: str) -> Iterator[Owned]:
    """The database, with the function f and these tables of its owner."""
    admin = make_database(cluster)
    owner, reader = f"{admin.database}_owner", f"{admin.database}_reader"
    folder = Path(tempfile.mkdtemp(prefix="titan-trace-"))
    folder.chmod(0o777)
    with connect(admin) as database:
        database.execute(
            f"CREATE ROLE {owner} LOGIN; CREATE ROLE {reader} LOGIN BYPASSRLS IN ROLE pg_read_all_data;"
            f"GRANT EXECUTE ON FUNCTION pg_export_snapshot() TO {reader}"
        )
        database.execute(f"ALTER DATABASE {admin.database} OWNER TO {owner}")
        for right in ("SELECT ON pg_largeobject", "EXECUTE ON FUNCTION lo_get(oid, bigint, int)"):
            database.execute(f"GRANT {right} TO {reader}")
    made = Owned(admin, admin._replace(user=owner), admin._replace(user=reader), folder / "trace")
    try:
        with connect(made.owner) as database:
            database.execute(FUNCTION.format(port=cluster.port, owner=owner, trace=made.trace) + tables)
            for row in database.rows("SELECT oid FROM pg_largeobject_metadata"):
                database.execute(f"GRANT SELECT ON LARGE OBJECT {row['oid']} TO {reader}")
        yield made
    finally:
        drop_database(cluster, admin.database)
        with connect(cluster.settings()) as database:
            database.execute(f"DROP OWNED BY {reader}; DROP ROLE {owner}, {reader}")
        shutil.rmtree(folder)


def sprung(owned: Owned) -> bool:
    """Whether a superuser's query runs the code now: what a test shows that waits for its absence."""
    assert not owned.trace.exists()
    with connect(owned.admin) as database:
        database.value("SELECT count(*) FROM public.of_index")
    return owned.trace.exists()
