# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that read differently hash differently by both methods, and a fingerprint of the older one can still be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import manifest_path
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.fingerprint import (
    Content,
    fix_settings,
    read_contents,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.row_hash import (
    BY_NAME,
    COLUMNS,
    HASH_METHODS,
    TEXT,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.tables import read_tables
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database, connect

from tests.conftest import drop_database, make_database

from .helpers import backup, drill

EPOCH = "timestamptz '2000-01-01 00:00:00+00' + interval '1 microsecond' *"
# the columns, the rows, and other rows that some way of comparing would take for the same
PAIRS = [
    ("a text", "('')", "(NULL)"),
    ("a text, b text", "('', NULL)", "(NULL, '')"),
    ("a text, b text", "('a,b', 'c')", "('a', 'b,c')"),
    ("a text, b text", "('a', 'b')", "('b', 'a')"),
    ("a int, b text", "(1, 'x'), (2, 'y')", "(1, 'y'), (2, 'x')"),
    ("a text", "('a'), ('b'), ('b')", "('a'), ('c'), ('c')"),
    ("a text", "('a'), ('a')", "('b'), ('b')"),
    ("a bpchar", "('a')", "('a ')"),
    ("a varchar(9)", "('a')", "('a ')"),
    ("a text COLLATE any_case", "('Straße')", "('straße')"),
    ("a varchar COLLATE any_case", "('A')", "('a')"),
    ("a citext", "('A')", "('a')"),
    ("a numeric", "(1.0)", "(1.00)"),
    ("a numeric", "('NaN')", "(NULL)"),
    ("a jsonb", "('[1.0]')", "('[1.00]')"),
    ("a jsonb", "('null')", "(NULL)"),
    ("a json", "('{\"a\":1}')", "('{\"a\": 1}')"),
    ("a float8", "('0')", "('-0')"),
    ("a float4", "('0')", "('-0')"),
    ("a float8", "(0.3)", "(0.1::float8 + 0.2::float8)"),
    ("a int8", "(0)", "(4294967297)"),  # halves that cancel out each other
    ("a int8", "(-1)", "(4294967295)"),
    ("a int4", "(0)", "(NULL)"),
    ("a int2", "(0)", "(NULL)"),
    ("a bool", "(false)", "(NULL)"),
    ("a bool", "(false)", "(true)"),
    ("a uuid", "('00000000-0000-0000-0000-000000000000')", "(NULL)"),
    ("a timestamptz", f"({EPOCH} 0)", f"({EPOCH} 4294967297)"),
    ("a timestamp", "('infinity')", "('-infinity')"),
    ("a date", "('2026-01-01')", "('2026-01-02')"),
    ("a timetz", "('12:00+01')", "('13:00+02')"),
    ("a interval", "('1 mon')", "('30 days')"),
    ("a bytea", "('\\x00')", "('\\x0000')"),
    ("a bytea", "('')", "(NULL)"),
    ("a inet", "('10.0.0.1')", "('10.0.0.1/8')"),
    ("a inet", "('0.0.0.0')", "(NULL)"),
    ("a int[]", "('{7,8}')", "('[0:1]={7,8}')"),
    ("a mood", "('sad')", "('glad')"),
    ("a whole, b int", "(1, 2)", "(2, 1)"),
    ("titan_row int, titan_row_ int", "(1, 2)", "(1, 3)"),
    ("t text, u int", "('same', 1)", "('same', 2)"),
    ('"q""; %s %(x)s {c} {seed}" int, b int', "(1, 2)", "(1, 3)"),
]
WIDE = ", ".join(f"c{number} {kind}" for number, kind in enumerate(["int", "text", "date", "interval"] * 390))
KINDS = """CREATE EXTENSION citext SCHEMA public; CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN whole AS int;
CREATE COLLATION any_case """
EQUALS = "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"  # to which 'A' and 'a' are the same


@pytest.fixture(params=["server", "server15"])
def kinds(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with types of its own."""
    cluster: Cluster = request.getfixturevalue(request.param)
    made = make_database(cluster)
    with connect(made) as database:
        fix_settings(database)
        database.execute("SET search_path = public")
        database.execute(KINDS + (EQUALS if database.major == 15 else 'FROM "C"'))  # the embedded one has no ICU
        yield database
    drop_database(cluster, made.database)


def content_of(database: Database, columns: str, rows: str, hash_method: str) -> Content:
    database.execute(f"CREATE TABLE public.x ({columns}); INSERT INTO public.x VALUES {rows}")
    try:
        database.execute("SET search_path = pg_catalog")
        return read_contents(database, read_tables(database), hash_method=hash_method)[0]
    finally:
        database.execute("SET search_path = public; DROP TABLE public.x")


@pytest.mark.parametrize("hash_method", HASH_METHODS)
def test_rows_that_read_differently_hash_differently(kinds: Database, hash_method: str) -> None:
    for columns, rows, others in PAIRS:
        one, other = (content_of(kinds, columns, values, hash_method) for values in (rows, others))
        assert one.rows == other.rows > 0
        assert one.hash != other.hash, (columns, rows, others)


@pytest.mark.parametrize("hash_method", HASH_METHODS)
def test_equal_rows_hash_alike_whatever_their_order_and_their_types_numbers(kinds: Database, hash_method: str) -> None:
    columns = "a mood, b whole, c text, d timestamptz, e mood[], f jsonb"
    rows = [
        "('sad', 1, 'x', '2026-01-01 00:00Z', '{sad,NULL}', '[1.0]')",
        "('glad', NULL, NULL, 'infinity', '{}', NULL)",
    ]
    one = content_of(kinds, columns, ", ".join(rows), hash_method)
    kinds.execute(
        "DROP TYPE mood; DROP DOMAIN whole; CREATE DOMAIN whole AS int; CREATE TYPE mood AS ENUM ('glad', 'sad')"
    )
    kinds.execute("SET search_path = public; SET timezone = 'UTC'")
    assert content_of(kinds, columns, ", ".join(reversed(rows)), hash_method) == one


@pytest.mark.parametrize("hash_method", HASH_METHODS)
def test_the_widest_table_can_be_hashed(kinds: Database, hash_method: str) -> None:
    empty, one, other = (content_of(kinds, WIDE, row, hash_method) for row in ("(NULL)", "(1)", "(2)"))
    assert len({empty.hash, one.hash, other.hash}) == 3


def test_both_ways_give_what_they_have_always_given(kinds: Database) -> None:
    """Manifests hold these numbers: a change of them would make every older backup fail its drill."""
    columns = "a int, b text, c uuid, d timestamptz, e jsonb, f numeric, g int8, h interval, i bool, j bytea, k inet"
    rows = (
        "(1, 'x', '00000000-0000-0000-0000-00000000000a', '2026-01-01 00:00Z', '{\"a\": 1.0}', 1.50, 7, '1 mon', true, '\\x00ff', '::1'),"
        "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )
    assert content_of(kinds, columns, rows, TEXT).hash == "-7907434468307052686"
    assert content_of(kinds, columns, rows, COLUMNS).hash == "-12099113043236442615"
    assert content_of(kinds, columns, rows, BY_NAME).hash == "-12099113043236442615", "the columns come in this order"


def test_a_backup_of_an_older_version_is_compared_in_its_own_way(small: ConnectionSettings, dest: Path) -> None:
    path = backup(small, dest).data["backup"]["path"]
    file = Path(manifest_path(path))
    manifest: dict[str, Any] = json.loads(file.read_text())
    assert manifest.pop("row_hash") == BY_NAME and manifest.pop("structure")
    with connect(small) as database:
        fix_settings(database)
        older = read_contents(database, read_tables(database), hash_method=TEXT)
    assert [table.hash for table in older] != [table["hash"] for table in manifest["tables"]]
    manifest.update(format_version=1, tables=[table._asdict() for table in older])
    file.write_text(json.dumps(manifest))
    assert drill(source=path).data["backup"]["verified"]["level"] == "restored"
    manifest["tables"][0]["hash"] = "1"
    file.write_text(json.dumps(manifest))
    with pytest.raises(TitanError, match="other content"):
        drill(source=path)


def test_a_way_of_a_later_version_is_refused_and_not_called_a_difference(small: ConnectionSettings, dest: Path) -> None:
    path = backup(small, dest).data["backup"]["path"]
    file = Path(manifest_path(path))
    file.write_text(json.dumps({**json.loads(file.read_text()), "row_hash": "better"}))
    with pytest.raises(TitanError, match="'better'.*does not know") as caught:
        drill(source=path)
    assert "not good" not in str(caught.value)
