"""The examples of docs/architecture.md, carried out on a copy of the tree: what one file declares works everywhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import embedded_programs
from tests.unit.collection.trees import ROOT, copy_of_the_tree, insert

MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CALL = "import sys; from ansible_collections.titan.database.plugins.module_utils._engine import cli; sys.exit(cli.main(sys.argv[1:]))"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return copy_of_the_tree(tmp_path)


def shown(heading: str) -> str:
    """The block below a heading of the map."""
    section = MAP[MAP.index(f"### {heading}\n") :]
    found = re.search(r"```text\n(.*?)```", section, re.S)
    assert found
    return found[1]


def titan_db(tree: Path, settings: ConnectionSettings, *words: str) -> tuple[int, dict[str, Any]]:
    env = {
        "PATH": f"{embedded_programs()}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(tree / "collections"),
        "DATABASE_URL": f"postgresql://{settings.user}:{settings.password or ''}@{settings.host}:{settings.port}/{settings.database}",
    }
    done = subprocess.run(
        [sys.executable, "-c", CALL, *words, "--json"], env=env, cwd=tree, capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout)


def test_a_compression_is_one_entry_of_a_table(tree: Path, tmp_path: Path, settings: ConnectionSettings) -> None:
    insert(
        tree / "plugins/module_utils/_engine/backups/programs/codecs.py",
        '        Codec(NONE, "sql"',
        shown("A compression"),
    )
    dest = tmp_path / "backups"
    dest.mkdir(mode=0o700)
    status, result = titan_db(
        tree,
        settings,
        "backup",
        f"--dest={dest}",
        "--name=x",
        "--compression=xz",
        "--verify=checksum",
        "--format=plain",
    )
    assert status == 0, result
    assert result["backup"]["path"].endswith(".sql.xz")
    assert Path(result["backup"]["path"]).read_bytes().startswith(b"\xfd7zXZ")
    status, result = titan_db(tree, settings, "list", f"--dest={dest}", "--verify=checksum")
    assert [backup["problem"] for backup in result["backups"]] == [""]


def test_a_health_check_is_one_entry_of_a_table(tree: Path, settings: ConnectionSettings) -> None:
    checks = tree / "plugins/module_utils/_engine/health/checks/server.py"
    insert(checks, "CHECKS = (", shown("A health check") + "\n\n")
    insert(checks, "DATABASE_SIZE, CHECKSUM_FAILURES,", "TEMPORARY_TABLES, ")
    limits = json.dumps({"temporary_tables": [-1, 5]})
    status, result = titan_db(tree, settings, "health", f"--thresholds={limits}")
    assert status in (1, 2), result
    (found,) = (check for check in result["checks"] if check["name"] == "temporary_tables")
    assert (found["status"], found["value"]) == ("warning", 0)


def test_a_kind_of_difference_is_one_query(
    tree: Path, tmp_path: Path, settings: ConnectionSettings, db: Database
) -> None:
    undumped = tree / "plugins/module_utils/_engine/backups/content/undumped.py"
    insert(undumped, '"""\n# What each kind is called', shown("A kind of difference"))
    db.execute("CREATE TABLE public.item (id int); CREATE INDEX by_id ON public.item (id)")
    db.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.by_id'::regclass")
    dest = tmp_path / "backups"
    dest.mkdir(mode=0o700)
    drilled = ("--verify=restored", "--drill-in=scratch_database")
    status, result = titan_db(tree, settings, "backup", f"--dest={dest}", "--name=x", *drilled)
    assert status == 0, result
    manifest = json.loads(Path(f"{result['backup']['path']}.json").read_text(encoding="utf-8"))
    assert manifest["structure"]["undumped"] == {"index public.by_id": "is invalid"}
    said = "In the source, index public.by_id is invalid. A dump does not contain that: repeat it after a restore."
    assert said in manifest["verified"]["notes"]
