"""Everything works for the ordinary role that owns the application's tables, and for one with a hostile default setting."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import load_titan, login

ROLE = "titan plain owner"


@pytest.fixture(params=["server", "server15"])
def owned(request: Any, titan_rules: Any) -> Any:
    """Titan in a database that belongs to an ordinary role."""
    cluster = request.getfixturevalue(request.param)
    settings = load_titan(cluster, 0.2)
    with connect(settings) as admin:
        admin.execute(f'DO $$ BEGIN CREATE ROLE "{ROLE}" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$')
        admin.execute(f'ALTER DATABASE "{settings.database}" OWNER TO "{ROLE}"; ALTER SCHEMA public OWNER TO "{ROLE}"')
        for row in admin.rows(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ):
            admin.execute(f'ALTER TABLE public."{row["relname"]}" OWNER TO "{ROLE}"')
        admin.execute(f'ALTER ROLE "{ROLE}" IN DATABASE "{settings.database}" SET timezone = \'Asia/Kathmandu\'')
        admin.execute(f'ALTER ROLE "{ROLE}" IN DATABASE "{settings.database}" SET datestyle = \'SQL, DMY\'')
        admin.execute(f'ALTER ROLE "{ROLE}" IN DATABASE "{settings.database}" SET intervalstyle = \'iso_8601\'')
        admin.execute(f'ALTER ROLE "{ROLE}" IN DATABASE "{settings.database}" SET statement_timeout = \'20s\'')
    yield settings._replace(user=ROLE)
    with connect(cluster.settings()) as admin:
        admin.execute(f'DROP DATABASE "{settings.database}" WITH (FORCE)')


def test_the_owner_needs_no_superuser(
    owned: Any, call_module: Any, titan_rules: Any, freely: Any, tmp_path: Any
) -> None:
    first = call_module("retention_policy", policies=titan_rules, **login(owned))
    assert first["changed"], first
    assert not call_module("retention_policy", policies=titan_rules, **login(owned))["changed"]
    refused = call_module("cleanup", backup_dest=str(tmp_path), max_fraction=1.0, **login(owned))
    assert refused["failed"] and "no verified backup" in refused["msg"]
    planned = call_module("cleanup", check_mode=True, **freely, **login(owned))
    result = call_module("cleanup", **freely, **login(owned))
    assert not result.get("failed"), result
    assert [one["due"] for one in planned["results"]] == [one["deleted"] for one in result["results"]]
    assert len(result["vacuumed"]) == 4 and sum(one["deleted"] for one in result["results"]) > 20000
    rebuilt = call_module("reindex", min_size_mb=0, **login(owned))
    assert not rebuilt.get("failed") and rebuilt["changed"], rebuilt
    assert {one["source"] for one in rebuilt["reindexed"]} == {"estimate"}


def test_what_a_member_of_the_owner_makes_is_the_owners(
    owned: Any, call_module: Any, titan_rules: Any, freely: Any
) -> None:
    """Else the owner's next backup could not read it."""
    call_module("retention_policy", policies=titan_rules, **login(owned))
    worker = "titan plain worker"
    with connect(owned._replace(user="postgres")) as admin:
        admin.execute(f'DO $$ BEGIN CREATE ROLE "{worker}" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$')
        admin.execute(f'GRANT "{ROLE}" TO "{worker}"')
        result = call_module("cleanup", **freely, **login(owned._replace(user=worker)))
        assert not result.get("failed") and len(result["vacuumed"]) == 4, result
        owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('titan_ops.retention_pending_vacuum')"
        assert admin.value(owner) == ROLE
        assert admin.value("SELECT count(*) FROM titan_ops.retention_pending_vacuum") == 0
