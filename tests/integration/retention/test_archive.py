"""Rows are in the archive before they are gone, and can be loaded back."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.files import sha256_file
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.retention import operation
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import login
from tests.integration.retention.test_interruptions import OPTIONS
from tests.steps import at, killed_at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "archive of rows"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def logs(settings: Any, user_sql: Any, call_module: Any, folder: Path) -> Any:
    user_sql.execute(
        "CREATE TABLE logs (id int, at timestamptz, body text, twice int GENERATED ALWAYS AS (id * 2) STORED)"
    )
    user_sql.execute(
        "INSERT INTO logs SELECT i, now() - interval '10 days' * (i % 2), E'line\\nand \\\\ tab\\t' || repeat('x', i % 50) "
        "FROM generate_series(1, 6000) i; CREATE TABLE original AS SELECT * FROM logs; UPDATE logs SET body = NULL WHERE id = 1;"
        "UPDATE original SET body = NULL WHERE id = 1"
    )
    policy = {"table": "logs", "column": "at", "keep": "1 day", "name": "../old logs", "archive": str(folder)}
    assert call_module("retention_policy", policies=[policy], **login(settings))["changed"]
    return settings


def archived(settings: Any, folder: Path) -> dict[str, int]:
    """Load every archive file into a table and compare with the original rows."""
    files = sorted(path for path in folder.iterdir() if path.name.endswith(".copy"))
    with connect(settings) as database:
        database.execute(
            "DROP TABLE IF EXISTS public.back; CREATE TABLE public.back (id int, at timestamptz, body text)"
        )
        for path in files:
            manifest = json.loads(Path(f"{path}.manifest.json").read_text())
            assert manifest["sha256"] == sha256_file(str(path)) and manifest["columns"] == ["id", "at", "body"]
            with open(path, "rb") as stream, database.raw.cursor() as cursor:
                cursor.copy_expert("COPY public.back FROM STDIN", stream)
                assert cursor.rowcount == manifest["rows"]
        row = database.row(
            """
            SELECT (SELECT count(*) FROM public.back) AS rows,
                   (SELECT count(*) FROM public.original o WHERE o.at < now() - interval '1 day'
                       AND NOT EXISTS (SELECT FROM public.logs l WHERE l.id = o.id)
                       AND NOT EXISTS (SELECT FROM public.back b WHERE (b.id, b.at) = (o.id, o.at) AND b.body IS NOT DISTINCT FROM o.body))
                   AS lost,
                   (SELECT count(*) FROM public.logs WHERE at > now() - interval '1 day') AS kept
            """
        )
    assert row
    return row


def test_what_went_is_in_the_archive(logs: Any, folder: Path, call_module: Any, freely: Any) -> None:
    call_module("cleanup", check_mode=True, **freely, **login(logs))
    assert list(folder.iterdir()) == [], "check mode wrote a file"
    result = call_module("cleanup", **freely, **login(logs))
    one = result["results"][0]
    assert one["deleted"] == 3000 and "archived" in one["reason"]
    assert archived(logs, folder) == {"rows": 3000, "lost": 0, "kept": 3000}
    assert Path(one["archive"]).parent == folder and (os.stat(one["archive"]).st_mode & 0o777) == 0o600
    before = set(folder.iterdir())
    assert call_module("cleanup", **freely, **login(logs))["results"][0]["archive"] is None
    assert set(folder.iterdir()) == before


def _killed(settings: Any, where: str | int) -> int:
    return killed_at(where, lambda: operation.cleanup(Call(OPTIONS, settings)))


def test_killed_at_every_step_nothing_is_lost(logs: Any, folder: Path, user_sql: Any) -> None:
    """Each run is killed one step later than the one before, until one comes to its end."""
    for number in itertools.count(1):
        status = _killed(logs, number)
        user_sql.execute("SELECT count(*) FROM logs WHERE at > now() - interval '1 day'")
        assert user_sql.fetchone() == (3000,)
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert number > 10
    outcome = operation.cleanup(Call(OPTIONS, logs))
    found = archived(logs, folder)
    assert found["lost"] == 0 and found["kept"] == 3000 and found["rows"] >= 3000
    assert outcome.data["results"][0]["left"] == 0


def test_killed_before_the_manifest_of_the_last_rows(
    logs: Any, folder: Path, call_module: Any, freely: Any, user_sql: Any
) -> None:
    status = _killed(logs, "cleanup.archive_manifest")
    (path,) = folder.iterdir()
    assert status == -signal.SIGKILL and path.name.endswith(".copy")
    predicted = call_module("cleanup", check_mode=True, **freely, **login(logs))
    assert predicted["changed"] and path.name in predicted["findings"][0] and list(folder.iterdir()) == [path]
    healed = call_module("cleanup", **freely, **login(logs))
    assert healed["changed"] and healed["results"][0]["due"] == 0
    assert archived(logs, folder) == {"rows": 3000, "lost": 0, "kept": 3000}
    assert not call_module("cleanup", **freely, **login(logs))["changed"]


@pytest.mark.parametrize("number", [5, 6, 7])
def test_a_full_disk_rolls_the_batch_back(logs: Any, folder: Path, user_sql: Any, number: int) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "archive")

    with pytest.raises(TitanError, match="No space left"), observed(at(number, full)):
        operation.cleanup(Call(OPTIONS, logs))
    found = archived(logs, folder)
    user_sql.execute("SELECT count(*) FROM logs")
    assert found["lost"] == 0 and user_sql.fetchone()[0] == 6000 - found["rows"]


@pytest.mark.parametrize("flaw", ["missing", "open to others"])
def test_an_unsafe_directory_is_refused(
    logs: Any, folder: Path, call_module: Any, freely: Any, user_sql: Any, flaw: str
) -> None:
    if flaw == "missing":
        folder.rmdir()
    else:
        folder.chmod(0o777)
    for check_mode in (True, False):
        result = call_module("cleanup", check_mode=check_mode, **freely, **login(logs))
        assert result["failed"] and "archive" in result["msg"] and not result["changed"]
    user_sql.execute("SELECT count(*) FROM logs")
    assert user_sql.fetchone() == (6000,)
