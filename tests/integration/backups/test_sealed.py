# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside an encrypted backup nothing can be read; with its key everything is proven; rows are in no message."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import read_entry
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

from .helpers import backup, drill, info, restore

CANARIES = """
CREATE ROLE canary_role; ALTER ROLE canary_role SET app.key = 'canary-role-setting';
ALTER DATABASE {name} SET app.jwt_secret = 'canary-database-setting';
COMMENT ON DATABASE {name} IS 'canary-comment';
CREATE TABLE public.canary_table (canary_column text DEFAULT 'canary-default');
INSERT INTO public.canary_table VALUES ('canary-row'); GRANT SELECT ON public.canary_table TO canary_role;
"""


@pytest.fixture
def secretive(server: Cluster) -> Iterator[ConnectionSettings]:
    made = make_database(server)
    with connect(made, fixed_settings=False) as database:
        database.execute(CANARIES.format(name=f'"{made.database}"'))
    yield made
    drop_database(server, made.database)
    with connect(server.settings()) as admin:
        admin.execute("DROP ROLE canary_role")


@pytest.mark.skipif(not shutil.which("age-keygen"), reason="needs age")
def test_nothing_is_readable_beside_an_encrypted_backup(
    server: Cluster, secretive: ConnectionSettings, dest: Path, workdir: Path
) -> None:
    key, away = workdir / "key", workdir / "away"
    away.mkdir()
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    made = subprocess.run(["age-keygen", "-y", str(key)], check=True, capture_output=True, text=True).stdout.strip()
    done = backup(
        secretive,
        dest,
        encrypt_to=[made],
        identity=str(key),
        verify="restored",
        copy_to=["cp", "{path}", f"{away}/{{file}}"],
    )
    taken = done.data["backup"]
    assert taken["verified"]["level"] == "restored" and taken["verified"]["tables"] == 1
    files = [path for folder in (dest, away) for path in folder.iterdir()]
    assert len([path for path in files if path.parent == away]) == 4
    for path in files:
        assert b"canary" not in path.read_bytes(), path
    assert "canary" not in json.dumps([done.data, info(dest).data])
    entry = read_entry(taken["path"])
    assert entry.rows == 1 and entry.lacks({("public", "canary_table")}) == []
    assert entry.lacks({("public", "canary_tabl")}) == [("public", "canary_tabl")]
    assert drill(source=taken["path"], identity=str(key)).data["backup"]["verified"]["level"] == "restored"
    with pytest.raises(TitanError, match="option 'identity'"):
        drill(source=taken["path"])
    again = restore(secretive, source=taken["path"], into="unsealed", identity=str(key))
    try:
        with connect(secretive.to("unsealed")) as database:
            assert database.value("SHOW app.jwt_secret") == "canary-database-setting"
        assert again.data["restored"]["rows"] == 1
    finally:
        drop_database(server, "unsealed")
    sealed = Path(taken["path"] + ".sealed.age")
    sealed.unlink()
    with pytest.raises(TitanError, match="missing or damaged"):
        drill(source=taken["path"], identity=str(key))


def test_a_setting_of_the_database_is_in_no_result(secretive: ConnectionSettings, dest: Path) -> None:
    done = backup(secretive, dest)
    assert "canary-database-setting" not in json.dumps([done.data, info(dest).data])


@pytest.mark.parametrize("form", ["custom", "plain"])
@pytest.mark.parametrize(
    "broken",
    [
        "CREATE OR REPLACE FUNCTION public.fine(v text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false'",
        "CREATE OR REPLACE FUNCTION public.fine(v text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS "
        "'BEGIN RAISE EXCEPTION ''not %'', v; END'",
        "CREATE OR REPLACE FUNCTION public.fine(v text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT v::int > 0'",
    ],
)
def test_a_refused_row_is_in_no_message_and_no_manifest(
    settings: ConnectionSettings, dest: Path, form: str, broken: str
) -> None:
    with connect(settings, fixed_settings=False) as database:
        database.execute("CREATE FUNCTION fine(v text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'")
        database.execute("CREATE TABLE users (mail text CHECK (fine(mail)))")
        database.execute("INSERT INTO users VALUES ('a-secret-row')")
        database.execute(broken)
    with pytest.raises(TitanError, match="is not good") as refused:
        backup(settings, dest, verify="restored", format=form)
    written = "".join(path.read_text() for path in dest.glob("*.json"))
    assert "users" in refused.value.message and "problem" in written
    assert "secret-row" not in refused.value.message + json.dumps(refused.value.details) + written
