# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive that was changed, and its checksum put right: the drill sees every change, because the source speaks in the manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import drop_database, make_database

from .helpers import backup, damage, database_of, differences_from, info, restore
from .levels import DAMAGED, LEVELS, PUT_RIGHT, ROW_VALUES, SEEN_BY

ALTERED = Path(__file__).parent / "altered.sql"

# What is done to the restored database, as a changed archive would have done it, and a word of the difference.
CHANGES = {
    "row changed": ("UPDATE orders SET note = 'x' WHERE id = 7", "public.orders"),
    "row removed": ("DELETE FROM orders WHERE id = 7", "49 rows"),
    "row duplicated": ("INSERT INTO nothing_in_it VALUES (1)", "public.nothing_in_it"),
    "row swapped": ("UPDATE orders SET amount = CASE id WHEN 7 THEN 8 ELSE 7 END WHERE id IN (7, 8)", "public.orders"),
    "sequence value": ("SELECT setval('counter', 8)", "public.counter stands at 8"),
    "sequence not called": ("SELECT setval('counter', 7, false)", "public.counter stands at 7 (not called)"),
    "setval removed": ("ALTER SEQUENCE spare RESTART", "public.spare stands at 1"),
    "sequence called": ("SELECT nextval('fresh')", "public.fresh"),
    "sequence removed": ("DROP SEQUENCE fresh", "SEQUENCE public.fresh is missing"),
    "sequence's step": ("ALTER SEQUENCE fresh INCREMENT 2", "SEQUENCE public.fresh"),
    "large object's content": ("SELECT lo_put(5000, 0, 'L')", "large objects"),
    "large object removed": ("SELECT lo_unlink(5001)", "large objects differ"),
    "large object's owner": ("ALTER LARGE OBJECT 5001 OWNER TO altered_owner", "owners"),
    "large object's right": ("REVOKE SELECT ON LARGE OBJECT 5000 FROM altered_reader", "owners"),
    "large object's comment": ("COMMENT ON LARGE OBJECT 5000 IS 'x'", "owners"),
    "empty table": ("DROP TABLE nothing_in_it", "TABLE public.nothing_in_it is missing"),
    "index": ("DROP INDEX by_customer", "INDEX public.by_customer is missing"),
    "index on another column": ("DROP INDEX by_customer; CREATE INDEX by_customer ON orders (amount)", "INDEX public.by_customer"),
    "check": ("ALTER TABLE orders DROP CONSTRAINT orders_amount_check", "TABLE public.orders"),
    "foreign key": ("ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey", "FK CONSTRAINT public.orders orders_customer_fkey is missing"),
    "foreign key's action": (
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey, "
        "ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE", "orders_customer_fkey",
    ),
    "primary key": ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", "CONSTRAINT public.orders orders_pkey is missing"),
    "not valid": ("ALTER TABLE orders VALIDATE CONSTRAINT noted", "noted"),
    "view": ("CREATE OR REPLACE VIEW busy AS SELECT customer, count(*) FROM orders WHERE id > 1 GROUP BY 1", "VIEW public.busy"),
    "function": (
        "CREATE OR REPLACE FUNCTION upper_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "FUNCTION public.upper_note() is not",
    ),
    "function added": ("CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'", "FUNCTION public.extra() is in the restore"),
    "trigger removed": ("DROP TRIGGER upper_note ON orders", "TRIGGER public.orders upper_note is missing"),
    "trigger disabled": ("ALTER TABLE orders DISABLE TRIGGER upper_note", "TRIGGER public.orders upper_note"),
    "trigger enabled": ("ALTER TABLE orders ENABLE TRIGGER quiet", "TRIGGER public.orders quiet"),
    "grant": ("REVOKE SELECT ON orders FROM altered_reader", "ACL public.TABLE orders is missing"),
    "comment": ("COMMENT ON TABLE orders IS 'else'", "COMMENT public.TABLE orders"),
    "row security off": ("ALTER TABLE customers DISABLE ROW LEVEL SECURITY", "ROW SECURITY public.customers is missing"),
    "policy": ("DROP POLICY own ON customers", "POLICY public.customers own is missing"),
    "default": ("ALTER TABLE customers ALTER name DROP DEFAULT", "TABLE public.customers"),
    "not null": ("ALTER TABLE customers ALTER name DROP NOT NULL", "TABLE public.customers"),
    "owner": ("ALTER TABLE nothing_in_it OWNER TO postgres", "TABLE public.nothing_in_it is not"),
    "statistics target": ("ALTER TABLE orders ALTER amount SET STATISTICS 100", "TABLE public.orders"),
    "extended statistics": ("DROP STATISTICS together", "STATISTICS public.together is missing"),
    "matview unpopulated": ("REFRESH MATERIALIZED VIEW totals WITH NO DATA", "materialized view public.totals has no rows"),
    "matview removed": ("DROP MATERIALIZED VIEW totals_too", "MATERIALIZED VIEW public.totals_too is missing"),
    "replica identity": ("ALTER TABLE orders REPLICA IDENTITY DEFAULT", "TABLE public.orders"),
    "publication": ("DROP PUBLICATION all_orders", "PUBLICATION all_orders is missing"),
    "publication's table": ("ALTER PUBLICATION all_orders ADD TABLE customers", "PUBLICATION TABLE public.all_orders customers"),
    "unlogged": ("ALTER TABLE rare SET LOGGED", "TABLE public.rare"),
    "extension": ("DROP EXTENSION pg_trgm", "EXTENSION pg_trgm is missing"),
    "extension's version": ("ALTER EXTENSION pg_trgm UPDATE TO '1.6'", "version 1.6"),
    "column's type": ("ALTER TABLE nothing_in_it ALTER x TYPE bigint", "TABLE public.nothing_in_it"),
    "column's collation": ("ALTER TABLE orders ALTER note TYPE text COLLATE \"C\"", "TABLE public.orders"),
    "enum label": ("ALTER TYPE mood ADD VALUE 'odd'", "TYPE public.mood"),
    "enum order": ("ALTER TYPE mood RENAME VALUE 'sad' TO 'x'; ALTER TYPE mood RENAME VALUE 'glad' TO 'sad'; "
                   "ALTER TYPE mood RENAME VALUE 'x' TO 'glad'", "TYPE public.mood"),
    "default privileges": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM altered_reader", "DEFAULT ACL public.",
    ),
    "schema's right": ("GRANT CREATE ON SCHEMA public TO altered_reader", "ACL SCHEMA public"),
    "storage parameter": ("ALTER TABLE orders SET (fillfactor = 50)", "TABLE public.orders"),
    "event trigger": (
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e()", "EVENT TRIGGER watch",
    ),
    "rule": ("CREATE RULE no AS ON DELETE TO orders DO INSTEAD NOTHING", "RULE public.orders no"),
}  # fmt: skip

# Those that concern objects of their own are made in one database; each of the others has one to itself.
_TOGETHER = (
    "sequence value", "setval removed", "sequence called", "large object's content", "empty table", "index", "check", "foreign key",
    "not valid", "view", "function", "function added", "trigger removed", "trigger enabled", "grant", "comment", "row security off",
    "policy", "default", "extended statistics", "matview unpopulated", "matview removed", "publication's table", "unlogged",
    "extension's version", "enum label", "default privileges", "schema's right", "event trigger", "rule",
)  # fmt: skip
_GROUPS = {"together": _TOGETHER, **{name: (name,) for name in CHANGES if name not in _TOGETHER}}


@pytest.fixture(scope="module")
def source(server: Cluster) -> Iterator[ConnectionSettings]:
    with database_of(server, ALTERED, "altered_reader", "altered_owner") as made:
        yield made


@pytest.fixture(scope="module")
def taken(source: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a backup, taken and not yet proven."""
    dest = tmp_path_factory.mktemp("altered")
    dest.chmod(0o700)
    return str(backup(source, dest).data["backup"]["path"])


@pytest.fixture(scope="module")
def restored(server: Cluster, source: ConnectionSettings, taken: str) -> Iterator[ConnectionSettings]:
    """Restored and found equal: no false alarm."""
    done = restore(source, source=taken, into="altered_restored")
    assert not [warning for warning in done.warnings if "compared" in warning], done.warnings
    yield source.to("altered_restored")
    drop_database(server, "altered_restored")


@contextmanager
def altered(server: Cluster, restored: ConnectionSettings, statements: Iterable[str]) -> Iterator[ConnectionSettings]:
    """A copy of the restored database, changed by the statements."""
    copy = make_database(server, restored.database)
    try:
        with connect(copy, fixed_settings=False) as database:
            for statement in statements:
                database.execute(statement)
        yield copy
    finally:
        drop_database(server, copy.database)


@pytest.mark.parametrize("group", _GROUPS)
def test_every_change_is_seen(
    server: Cluster, taken: str, restored: ConnectionSettings, group: str, workdir: Path
) -> None:
    changes = [CHANGES[name] for name in _GROUPS[group]]
    with altered(server, restored, [statement for statement, _word in changes]) as copy:
        found = differences_from(taken, copy, workdir)
    unseen = [word for _statement, word in changes if not any(word in message for message in found)]
    assert not unseen, found


# Which of the changes stands for a row of the table; every kind of them is in test_every_change_is_seen.
_BY_REDUMP = {
    **dict.fromkeys(ROW_VALUES, f"{PUT_RIGHT}values in rows"),
    **dict.fromkeys(("row removed", "row duplicated"), f"{PUT_RIGHT}rows added or removed"),
    **dict.fromkeys(
        ("sequence value", "large object's content", "grant", "function"),
        f"{PUT_RIGHT}an object, a sequence, a large object, a right",
    ),
}


@pytest.fixture(scope="module")
def taken_with_redump(source: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> str:
    dest = tmp_path_factory.mktemp("redump")
    dest.chmod(0o700)
    return str(backup(source, dest, proof="redump").data["backup"]["path"])


@pytest.mark.parametrize("change", _BY_REDUMP)
def test_the_proof_by_a_second_dump_sees_what_the_table_says(
    server: Cluster, taken_with_redump: str, restored: ConnectionSettings, change: str, workdir: Path
) -> None:
    """The archive says what the restored database is: it was changed, and its checksum put right."""
    with altered(server, restored, [CHANGES[change][0]]) as copy:
        found = differences_from(taken_with_redump, copy, workdir, redump=True)
    assert bool(found) == (LEVELS[2] in SEEN_BY[_BY_REDUMP[change]]), found


def test_a_checksum_sees_damage_and_nothing_else(taken: str, dest: Path) -> None:
    for name in Path(taken).parent.glob("*.*"):
        shutil.copy(name, dest)
    path = dest / Path(taken).name
    damage(path)
    assert bool(info(dest, verify="checksum").data["backups"][0]["problem"]) == (LEVELS[1] in SEEN_BY[DAMAGED])
    manifest = Path(f"{path}.json")
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(content), encoding="utf-8")
    assert not info(dest, verify="checksum").data["backups"][0]["problem"]
    assert not any(LEVELS[1] in levels for what, levels in SEEN_BY.items() if what.startswith(PUT_RIGHT))
