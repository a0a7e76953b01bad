"""Whoever owns the database decides neither whose rights a clean-up uses nor where rows go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect, sql

from tests.conftest import login

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def owned(db: Database, settings: ConnectionSettings, call_module: Call) -> Iterator[str]:
    """A database of an ordinary role, with a table, rows that are due and a policy; its owner's name."""
    owner = f"owner_{settings.database}"
    db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(owner)))
    db.execute(
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(settings.database), sql.Identifier(owner))
    )
    with psycopg2.connect(**{**settings.parameters(), "user": owner}) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.t (id int, at timestamptz)")
        cursor.execute("INSERT INTO public.t SELECT n, now() - n * interval '1 day' FROM generate_series(1, 100) n")
        cursor.execute(
            f"""CREATE FUNCTION public.f() RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN
            IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
              EXECUTE 'ALTER ROLE "{owner}" CREATEDB';
            END IF;
            INSERT INTO public.t VALUES (0, now());
            RETURN true; END $f$"""
        )
    connection.close()
    as_owner = {**login(settings), "login_user": owner}
    stored = call_module("retention_policy", policies=[{"table": "t", "column": "at", "keep": "60 days"}], **as_owner)
    assert not stored.get("failed"), stored
    yield owner
    with connect(settings) as admin:
        admin.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(owner)))
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(owner)))


def clean(call_module: Call, settings: ConnectionSettings, user: str, check_mode: bool = False, **options: Any) -> Any:
    where = {**login(settings), "login_user": user}
    return call_module("cleanup", check_mode=check_mode, require_backup_within="off", **options, **where)


def rights(db: Database, owner: str) -> bool:
    return bool(db.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", (owner,)))


def test_a_superuser_runs_nobody_elses_code(
    db: Database, settings: ConnectionSettings, owned: str, call_module: Call
) -> None:
    db.execute("UPDATE titan_ops.retention_policy SET filter_sql = 'public.f()'")
    for check_mode in (True, False):
        result = clean(call_module, settings, settings.user, check_mode)
        assert result.get("failed") and "superuser" in result["msg"] and owned in result["msg"], result
        assert "accept_superuser" in result["msg"]
    assert not rights(db, owned)


def test_an_accepted_superuser_is_warned_of(
    db: Database, settings: ConnectionSettings, owned: str, call_module: Call
) -> None:
    result = clean(call_module, settings, settings.user, accept_superuser=True, vacuum="never")
    assert not result.get("failed"), result
    assert any("accept_superuser" in sentence for sentence in result["findings"])
    assert db.value("SELECT count(*) FROM public.t WHERE at < now() - interval '60 days'") == 0


def test_counting_writes_nothing(db: Database, settings: ConnectionSettings, owned: str, call_module: Call) -> None:
    db.execute("UPDATE titan_ops.retention_policy SET filter_sql = 'public.f()'")
    for user, options in ((owned, {}), (settings.user, {"accept_superuser": True})):
        result = clean(call_module, settings, user, check_mode=True, **options)
        assert result.get("failed") and "read-only" in result["msg"], result
    assert db.value("SELECT count(*) FROM public.t") == 100 and not rights(db, owned)


@pytest.mark.parametrize("column", ["archive", "filter_sql"])
def test_only_the_inventory_says_where_rows_go_and_what_runs(
    db: Database, settings: ConnectionSettings, owned: str, call_module: Call, workdir: Path, column: str
) -> None:
    value = str(workdir) if column == "archive" else "id > 0"
    db.execute(sql.SQL("UPDATE titan_ops.retention_policy SET {} = %s").format(sql.Identifier(column)), (value,))
    result = clean(call_module, settings, owned, allowed_archives=[], allowed_conditions=[])
    assert result.get("failed") and "the inventory does not name" in result["msg"], result
    assert db.value("SELECT count(*) FROM public.t") == 100 and list(workdir.iterdir()) == []
    result = clean(
        call_module, settings, owned, allowed_archives=[str(workdir)], allowed_conditions=["id > 0"], vacuum="never"
    )
    assert not result.get("failed"), result
    assert db.value("SELECT count(*) FROM public.t WHERE at < now() - interval '60 days'") == 0


EXPECTED = [
    {"table": "t", "column": "at", "keep": "60 days", "where": {"column": "id", "in": ["01", 2]}, "max_fraction": 0.9},
    {
        "table": "other",
        "name": "b",
        "column": "at",
        "keep": "1 month",
        "mode": "mark",
        "mark": {"column": "gone", "value": "yes"},
    },
]


def test_a_stored_policy_that_differs_from_the_inventorys_deletes_nothing(
    db: Database, settings: ConnectionSettings, owned: str, call_module: Call
) -> None:
    db.execute(
        "CREATE TABLE public.other (at timestamptz, gone bool); INSERT INTO public.other VALUES ('2020-01-01', false)"
    )
    db.execute(sql.SQL("ALTER TABLE public.other OWNER TO {}").format(sql.Identifier(owned)))
    as_owner = {**login(settings), "login_user": owned}
    assert not call_module("retention_policy", policies=EXPECTED, **as_owner).get("failed")
    name = str(db.value("SELECT name FROM titan_ops.retention_policy WHERE table_name = 't'"))
    changes = {
        "keep": "keep = '1 day'", "where": "filter_values = '{1,2,90}'", "column": "time_column = 'made'",
        "mode": "mark_column = 'id', mark_value = '1'", "time_zone": "time_zone = 'Europe/Vienna'", "max_fraction": "max_fraction = 1",
        "never_values": "never_values = 'delete'", "time_format": "time_format = 'epoch_seconds'", "contended": "contended = true",
        "table": "table_name = 'other'",
    }  # fmt: skip
    for field, change in {**changes, "not in the inventory": "name = 'mine'"}.items():
        db.execute("SELECT * INTO TEMP kept FROM titan_ops.retention_policy")
        db.execute(
            sql.SQL("UPDATE titan_ops.retention_policy SET {} WHERE name = {}").format(
                sql.SQL(change), sql.Literal(name)
            )
        )
        for check_mode in (True, False):
            refused = clean(call_module, settings, owned, check_mode, expected_policies=EXPECTED)
            assert refused.get("failed") and "the inventory" in refused["msg"] and field in refused["msg"], (
                field,
                refused,
            )
        db.execute(
            "TRUNCATE titan_ops.retention_policy; INSERT INTO titan_ops.retention_policy SELECT * FROM kept; DROP TABLE kept"
        )
    assert db.value("SELECT count(*) FROM public.t") == 100
    db.execute("ALTER TABLE public.other RENAME TO away")  # a table that is gone is no changed policy
    gone = clean(call_module, settings, owned, expected_policies=EXPECTED, max_fraction=1.0, vacuum="never")
    assert gone["failed"] and "the inventory" not in gone["msg"] and "other" in gone["msg"], gone
    db.execute("ALTER TABLE public.away RENAME TO other")
    done = clean(call_module, settings, owned, expected_policies=EXPECTED, max_fraction=1.0, vacuum="never")
    assert not done.get("failed"), done
    assert db.value("SELECT gone FROM public.other")


def test_code_of_others_is_named_first(
    db: Database, settings: ConnectionSettings, owned: str, call_module: Call
) -> None:
    cleaner = f"cleaner_{settings.database}"
    db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(cleaner)))
    db.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owned)))
    db.execute(
        f"""
        CREATE FUNCTION public.g(v int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v';
        CREATE FUNCTION public.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
        CREATE DOMAIN public.dom AS int CHECK (public.g(VALUE) > -1);
        ALTER TABLE public.t ADD made int GENERATED ALWAYS AS (public.g(id)) STORED, ADD d public.dom, ADD CHECK (public.g(id) > -1);
        CREATE INDEX by_g ON public.t (public.g(id));
        CREATE TRIGGER "a b" BEFORE DELETE ON public.t FOR EACH ROW EXECUTE FUNCTION public.tr();
        CREATE RULE ru AS ON UPDATE TO public.t WHERE public.g(old.id) < 0 DO INSTEAD NOTHING;
        GRANT SELECT, DELETE ON public.t TO "{cleaner}"; GRANT USAGE ON SCHEMA titan_ops TO "{cleaner}";
        GRANT SELECT ON ALL TABLES IN SCHEMA titan_ops TO "{cleaner}";
        """
    )
    db.execute("RESET ROLE")
    try:
        by_others = clean(call_module, settings, cleaner, check_mode=True)
        named = next(line for line in by_others["findings"] if "code of other roles" in line)
        for what in (
            "trigger a b (public.tr of", "rule ru (public.g of", "generated column made (public.g of", "index public.by_g (public.g",
            "constraint t_id_check (public.g", "domain public.dom (public.g",
        ):  # fmt: skip
            assert what in named, (what, named)
        assert owned in named
        by_itself = clean(call_module, settings, owned, check_mode=True)
        assert not any("code of other roles" in line for line in by_itself["findings"]), by_itself
    finally:
        db.execute(f'DROP OWNED BY "{cleaner}"; DROP ROLE "{cleaner}"')
