# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the rows of a live cluster, and of its restored copy without a sandbox, runs no function of the tables' owners."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups import operation, options
from ansible_collections.titan.database.plugins.module_utils._engine.backups.pgbackrest import point
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres import sandboxed
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from .conftest import require_programs
from .helpers import PROGRAMS, Place, make_place

# Wherever a superuser runs it, it leaves a file.
HOSTILE = """
CREATE FUNCTION public.deed(v int) RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('COPY (SELECT 1) TO %L', '{folder}/' || current_setting('port'));
  END IF;
  RETURN v;
END $f$;
CREATE FUNCTION public.f(v int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.deed(v); END';
CREATE TABLE public.t (id int, b int);
INSERT INTO public.t SELECT n, n FROM generate_series(1, 50) n;
CREATE INDEX ON public.t ((id + public.f(1)));
CREATE INDEX ON public.t (id) WHERE b > public.f(1);
CREATE STATISTICS public.s ON (id + public.f(1)), b FROM public.t;
"""


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sandboxed, "why_no_sandbox", lambda *_given: "switched off")
    folder = Path(tempfile.mkdtemp(prefix="titan-trace-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def owned(traces: Path) -> Iterator[Place]:
    require_programs()
    place = make_place()
    try:
        place.sql("CREATE ROLE app LOGIN")
        place.sql(f"ALTER DATABASE {place.settings.database} OWNER TO app")
        place.sql(f"REVOKE CONNECT ON DATABASE {place.settings.database} FROM PUBLIC")
        with connect(place.settings._replace(user="app")) as database:
            database.execute(HOSTILE.replace("{folder}", str(traces)))
        place.prepare()
        yield place
    finally:
        place.remove()


def test_neither_the_backup_nor_its_drill_runs_it(owned: Place, traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = owned.backup(verify="restored").data["backup"]
    assert taken["verified"]["level"] == "restored" and taken["verified"]["sandbox"] != "namespaces"
    assert owned.record(taken["path"])["row_hash"] == "copied by name"
    assert not list(traces.iterdir())
    # A record of before, of rows that were read by a query.
    with monkeypatch.context() as before:
        before.setattr(point, "safe_hash_method", lambda _database: "columns by name")
        older = owned.backup(verify="checksum").data["backup"]
    assert [path.name for path in traces.iterdir()] == [str(owned.cluster.port)]
    next(traces.iterdir()).unlink()
    assert json.loads(Path(older["path"]).read_text())["row_hash"] == "columns by name"
    assert owned.drill(source=older["path"]).data["backup"]["verified"]["level"] == "restored"
    assert not list(traces.iterdir())


def test_nor_does_a_moment_that_is_got_back(owned: Place, traces: Path) -> None:
    """What "checks" asks is asked by a role that is no superuser, and of that role nothing stays."""
    owned.backup(verify="checksum")
    with connect(owned.settings) as database:
        database.execute("CHECKPOINT")
        xid = database.value("SELECT pg_current_xact_id()::text")
    given = {
        "dest": str(owned.dest), "drill_dir": str(owned.drills), "programs": PROGRAMS, "to_transaction": xid, "action": "dump",
        "checks": ["SELECT count(*) = 50 FROM public.t WHERE id > 0"],
    }  # fmt: skip
    done = operation.recover(Call(complete(given, options.RECOVER), owned.settings))
    assert [path.name for path in traces.iterdir()] == []
    folder = owned.dest / "recovered"
    assert done.data and list(folder.glob("*.globals.sql"))
    assert not any(b"titan_drill_" in path.read_bytes() for path in folder.glob("*.globals.sql"))
