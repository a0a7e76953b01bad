"""What a role of the kind maintenance may do on either side of PostgreSQL 17, as docs/security.md says."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
import yaml

from tests.conftest import ROOT, Cluster, make_database

GRANTS = yaml.safe_load((ROOT / "roles" / "access" / "vars" / "main.yml").read_text())

# Statement -> whether the role may run it: before PostgreSQL 17, and from then on.
MAY = {
    "SELECT count(*) FROM app.cleaned": (True, True),
    "DELETE FROM app.cleaned WHERE id < 0": (True, True),
    "REINDEX INDEX CONCURRENTLY app.cleaned_pkey": (True, True),
    "REINDEX INDEX CONCURRENTLY app.other_pkey": (True, True),
    "VACUUM (ANALYZE) app.cleaned": (True, True),
    "SELECT count(*) FROM app.other": (True, True),
    "DELETE FROM app.other": (True, False),
    "INSERT INTO app.cleaned VALUES (5)": (True, False),
    "UPDATE app.other SET id = id": (True, False),
    "VACUUM app.other": (True, True),
    "ANALYZE app.other": (True, True),
    "CLUSTER app.other USING other_pkey": (True, True),
    "REFRESH MATERIALIZED VIEW app.summed": (True, True),
    "ALTER TABLE app.other ADD COLUMN more int": (True, False),
    "DROP INDEX app.broken": (True, False),
    "DROP TABLE app.expired": (True, False),
    "CREATE TABLE app.new (id int)": (True, False),
    "CREATE ROLE more": (False, False),
    "ALTER ROLE CURRENT_USER SUPERUSER": (False, False),
    "COPY app.cleaned TO PROGRAM 'true'": (False, False),
    "SELECT pg_read_file('PG_VERSION')": (False, False),
    "LOCK TABLE app.other IN ACCESS EXCLUSIVE MODE": (True, True),
}


@pytest.fixture(params=["server15", "server"])
def maintained(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, str], bool]]:
    """How to connect as the maintenance role, and whether the server has pg_maintain."""
    cluster: Cluster = request.getfixturevalue(request.param)
    made = make_database(cluster)
    admin = psycopg2.connect(**made.parameters())
    admin.autocommit = True
    owner, role = f"owner_{made.database}", f"maint_{made.database}"
    modern = admin.server_version >= 170000
    assert (
        "'pg_maintain'] if access_server.server_version.major >= 17 else [access_owner]"
        in GRANTS["access_memberships"][2]["groups"]
    )
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {owner} LOGIN; CREATE ROLE {role} LOGIN; CREATE SCHEMA app AUTHORIZATION {owner}")
        cursor.execute(f"SET ROLE {owner}")
        for name in ("cleaned", "other", "expired"):
            cursor.execute(f"CREATE TABLE app.{name} (id int PRIMARY KEY)")
        cursor.execute("CREATE INDEX broken ON app.other (id)")
        cursor.execute("CREATE MATERIALIZED VIEW app.summed AS SELECT count(*) FROM app.other")
        cursor.execute(f"GRANT USAGE ON SCHEMA app TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}")
        cursor.execute(f"GRANT SELECT, UPDATE, DELETE ON app.cleaned TO {role}")
        cursor.execute("RESET ROLE")
        cursor.execute(f"GRANT {'pg_maintain' if modern else owner} TO {role}")
    yield {**made.parameters(), "user": role}, modern
    with admin.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {owner}, {role}; DROP ROLE {role}; DROP ROLE {owner}")
    admin.close()


def test_the_guide_is_right(maintained: tuple[dict[str, str], bool]) -> None:
    parameters, modern = maintained
    connection = psycopg2.connect(**parameters)
    connection.autocommit = True
    seen = {}
    for statement in MAY:
        with connection.cursor() as cursor:
            try:
                if statement.startswith("LOCK"):
                    cursor.execute(f"BEGIN; {statement}; ROLLBACK")
                else:
                    cursor.execute(statement)
                seen[statement] = True
            except psycopg2.errors.InsufficientPrivilege:
                cursor.execute("ROLLBACK")
                seen[statement] = False
    connection.close()
    assert seen == {statement: allowed[modern] for statement, allowed in MAY.items()}
    guide = (ROOT / "docs" / "security.md").read_text()
    assert "is a member of the owner" in guide and "`pg_maintain`" in guide
