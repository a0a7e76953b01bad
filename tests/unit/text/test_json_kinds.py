# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that others may have written fails in one way, whatever it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.physical import read_pointer
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import read_environment
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.text.json_kinds import parsed

DEEP = "[" * 100_000


@pytest.mark.parametrize("text", [DEEP, DEEP.encode(), "", "{", b"\xff", "nothing"])
def test_whatever_is_wrong_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parsed(text)


def test_what_is_right_is_as_json_reads_it() -> None:
    assert parsed(b'{"a": [1, null]}') == json.loads('{"a": [1, null]}')


def test_files_that_are_nested_too_deeply_are_named(tmp_path: Path) -> None:
    config, pointer = tmp_path / "production.json", tmp_path / "pgbackrest.json"
    config.write_text(DEEP)
    pointer.write_text(DEEP)
    for read, path in ((read_environment, config), (cli.read_config, config), (read_pointer, tmp_path)):
        with pytest.raises(TitanError, match=str(path)):
            read(str(path))
