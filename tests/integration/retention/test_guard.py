"""The guard on backups: which one it trusts, and every way in which it refuses."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog import manifest as manifests
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.files import digest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_file import manifest_path
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import login


@pytest.fixture
def doomed(settings: Any, user_sql: Any, call_module: Any) -> dict[str, Any]:
    """A database with 50 of 100 rows due; the options to reach it."""
    user_sql.execute("CREATE TABLE logs (id int, created_at timestamptz)")
    user_sql.execute("INSERT INTO logs SELECT n, now() - interval '10 days' * (n % 2) FROM generate_series(1, 100) n")
    call_module(
        "retention_policy", policies=[{"table": "logs", "column": "created_at", "keep": "1 day"}], **login(settings)
    )
    return login(settings)


@pytest.fixture
def backup(settings: Any, tmp_path: Path) -> Any:
    """Write a backup file with its manifest, as a finished backup leaves them."""

    def make(age: timedelta, level: str = "restored", name: str = "app", **changes: Any) -> Path:
        started = datetime.now(timezone.utc) - age
        path = tmp_path / f"{name}_{started:%Y%m%d_%H%M%S}.sql.gz"
        path.write_bytes(b"\x1f\x8b pretended dump")
        with connect(settings) as database:
            cluster = str(database.value("SELECT system_identifier FROM pg_control_system()"))
        stamp = f"{started:%Y-%m-%dT%H:%M:%SZ}"
        content = {
            "format_version": manifests.FORMAT_VERSION, "file": path.name, "tables": [{"schema": "public", "name": "logs", "rows": 100, "hash": "0"}],
            "name": name,
            "database": settings.database, "system_identifier": cluster, "started": stamp,
            "finished": stamp, "format": "plain", "compression": "gzip", "size": path.stat().st_size,
            "sha256": digest(str(path)), "verified": {"level": level, "at": stamp}, **changes,
        }  # fmt: skip
        Path(manifest_path(str(path))).write_text(json.dumps(content))
        return path

    return make


def rows(settings: Any) -> int:
    with connect(settings) as database:
        return int(database.value("SELECT count(*) FROM public.logs"))


def test_a_fresh_verified_backup_is_trusted_and_named(
    settings: Any, doomed: Any, call_module: Any, backup: Any, tmp_path: Path
) -> None:
    backup(timedelta(hours=20))
    newest = backup(timedelta(minutes=15))
    result = call_module("cleanup", backup_dest=str(tmp_path), backup_name="app", **doomed)
    assert not result.get("failed"), result
    assert result["backup"] == str(newest) and str(newest) in result["summary"]
    assert rows(settings) == 50


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("none", ["no verified backup"]),
        ("old", ["27.0 hours old", "26.0 hours"]),
        ("unverified", ["no verified backup", "none of them proven"]),
        ("checksum only", ["no verified backup"]),
        ("other name", ["no verified backup", "with the name app"]),
        ("other database", ["no verified backup"]),
        ("other cluster", ["no verified backup"]),
        ("from the future", ["no verified backup"]),
        ("damaged", ["damaged", "SHA-256"]),
        ("without the table", ["does not have public.logs"]),
    ],
)
def test_it_refuses(
    settings: Any, doomed: Any, call_module: Any, backup: Any, tmp_path: Path, case: str, words: list[str]
) -> None:
    fresh = timedelta(minutes=15)
    if case == "old":
        backup(timedelta(hours=27))
    if case in ("unverified", "checksum only"):
        backup(fresh, level="none" if case == "unverified" else "checksum")
    if case == "other name":
        backup(fresh, name="another")
    if case == "other database":
        backup(fresh, database="another")
    if case == "other cluster":
        backup(fresh, system_identifier="1")
    if case == "from the future":
        backup(timedelta(hours=-2))
    if case == "without the table":
        backup(fresh, tables=[{"schema": "other", "name": "logs", "rows": 100, "hash": "0"}])
    if case == "damaged":
        path = backup(fresh)
        path.write_bytes(path.read_bytes()[:-1] + b"X")
    for check_mode in (True, False):
        result = call_module("cleanup", check_mode=check_mode, backup_dest=str(tmp_path), backup_name="app", **doomed)
        assert result["failed"] and not result["changed"], result
        assert all(word in result["msg"] for word in words), result["msg"]
        assert result["results"][0]["due"] == 50, "the refusal still says what is due"
    assert rows(settings) == 100


def test_require_verified_checksum_is_content_with_less(
    settings: Any, doomed: Any, call_module: Any, backup: Any, tmp_path: Path
) -> None:
    backup(timedelta(minutes=15), level="checksum")
    result = call_module("cleanup", backup_dest=str(tmp_path), require_verified="checksum", **doomed)
    assert result["changed"] and rows(settings) == 50


def test_nothing_due_needs_no_backup(settings: Any, doomed: Any, call_module: Any, user_sql: Any) -> None:
    user_sql.execute("UPDATE logs SET created_at = now()")
    result = call_module("cleanup", **doomed)
    assert not result.get("failed") and not result["changed"] and result["backup"] is None
