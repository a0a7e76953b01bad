"""The tools whose history can be taken over: the option names all of them, and their checksums are what the tools compute."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.files.naming import parse_files
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.options import MIGRATION
from ansible_collections.titan.database.plugins.module_utils._engine.migrations.takeover import foreign_history, tools


def test_the_option_names_every_tool() -> None:
    assert set(MIGRATION["from"].choices or ()) == set(tools.TOOLS)


def test_checksums_are_the_tools_own() -> None:
    text = "\ufeffCREATE TABLE ä (x int);\r\n\n-- end\r"
    (item,) = parse_files([{"name": "V1__a.sql", "content": text}], "flyway")
    crc = zlib.crc32("CREATE TABLE ä (x int);-- end".encode())
    assert int(tools.flyway_checksum(item) or 0) % (1 << 32) == crc
    assert tools.sqlx_checksum(item) == hashlib.sha384(text[1:].encode()).hexdigest()
    assert tools.prisma_checksum(item) == hashlib.sha256(text[1:].encode()).hexdigest()


@pytest.mark.parametrize("naming", ["plain", "liquibase"])
def test_a_change_set_is_found_as_liquibase_finds_it(naming: str) -> None:
    text = '--liquibase formatted sql\n  -- ChangeSet "m e":1 runInTransaction:false\nSELECT 1;\n'
    files = parse_files([{"name": "1_a.sql", "content": text}], naming)
    row = foreign_history.Row("db/1_a.sql::m e:1", "db/1_a.sql", "2026-01-01", "applied", None)
    found, left = foreign_history._liquibase([row], files)
    assert [(item.migration.file, item.at) for item in found] == [("1_a.sql", "2026-01-01")] and not left
