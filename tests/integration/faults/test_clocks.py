"""Clocks that are wrong: the host's (by Debian's faketime), forward and back; nothing that goes by age is deleted then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import Database

from tests.conftest import ROOT, drop_database, embedded_programs, login

from .test_silence import RUN, env_file

Module = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.skipif(not shutil.which("faketime"), reason="Debian package faketime")


@pytest.fixture
def titan_db(
    settings: ConnectionSettings, db: Database, tmp_path: Path
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Run a word on a host whose clock is off by that; return status, result and standard error."""
    db.execute("CREATE TABLE public.logs (id int PRIMARY KEY, at timestamptz NOT NULL)")
    db.execute("INSERT INTO public.logs SELECT i, now() - i * interval '1 hour' FROM generate_series(1, 2000) i")
    env = env_file(settings, tmp_path / "env")
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}

    def run(off: str, word: str, *options: str) -> tuple[int, dict[str, Any], str]:
        argv = [*(["faketime", off] if off else []), sys.executable, "-c", RUN, word, *env, "--json", *options]
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    return run


def of_backup(dest: Path) -> list[str]:
    return ["--dest", str(dest), "--name", "t", "--verify", "checksum", "--programs", embedded_programs()]


def test_a_backup_from_the_future_is_the_newest_of_nothing(
    titan_db: Any, db: Database, server: Any, tmp_path: Path
) -> None:
    dest = tmp_path / "backups"
    dest.mkdir(mode=0o700)
    keep = ["--keep", '{"days": 30}']
    assert titan_db("", "backup", *of_backup(dest), *keep)[0] == 0
    status, result, said = titan_db("+40 days", "backup", *of_backup(dest), *keep)
    assert status == 0 and result["removed"] == [] and "behind this host's" in result["removal_refused"], (result, said)
    db.execute("CREATE TABLE public.mark (v text)")
    status, result, said = titan_db("", "backup", *of_backup(dest), *keep)
    assert status == 0 and result["removed"] == [], (result, said)
    newest = result["backup"]["path"]
    assert len(list(dest.glob("*.json"))) == 3
    into = f"restored_{os.getpid()}"
    try:
        restore = ["--dest", str(dest), "--name", "t", "--into", into, "--programs", embedded_programs()]
        status, result, said = titan_db("", "restore", *restore)
        assert status == 0 and result["restored"]["path"] == newest and result["restored"]["tables"] == 2, (
            result,
            said,
        )
    finally:
        drop_database(server, into)
    status, result, said = titan_db("", "list", "--dest", str(dest))
    assert result["newest_verified"] is None or result["newest_verified"]["path"] == newest
    for path in dest.iterdir():
        if path.name[2:10] <= Path(newest).name[2:10]:
            path.unlink()  # only the one from the future stays
    status, result, said = titan_db("", "restore", *restore)
    assert status == 1 and "dated in the future" in said, said


@pytest.mark.parametrize("off", ["+1 hour", "-1 hour", "+40 days", "-40 days"])
def test_a_clean_up_deletes_nothing_while_the_clocks_disagree(
    off: str, titan_db: Any, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    policy = {"table": "public.logs", "column": "at", "keep": "60d"}
    assert not call_module("retention_policy", **login(settings), policies=[policy]).get("failed")
    options = ["--require-backup-within", "off", "--max-fraction", "1.0"]
    for more in ([], ["--check"]):
        status, result, said = titan_db(off, "cleanup", *options, *more)
        assert status == 1 and "one of them is wrong" in said and "Traceback" not in said, said
    assert db.value("SELECT count(*) FROM public.logs") == 2000
    status, result, said = titan_db("", "cleanup", *options)
    assert status == 0 and 555 <= result["results"][0]["deleted"] <= 562, (result, said)


@pytest.mark.parametrize("off", ["+40 days", "+60 days"])
def test_a_clean_up_deletes_nothing_where_no_row_has_come_for_long(
    off: str, titan_db: Any, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    """Host and server are one machine, whose clock jumped ahead: the rows are as old as if nobody had written for so long."""
    policy = {"table": "public.logs", "column": "at", "keep": "60d"}
    assert not call_module("retention_policy", **login(settings), policies=[policy]).get("failed")
    db.execute(f"UPDATE public.logs SET at = at - interval '{off[1:]}'")
    options = ["--require-backup-within", "off", "--max-fraction", "1.0"]
    for more in ([], ["--check"]):
        status, result, said = titan_db("", "cleanup", *options, *more)
        assert status == 1 and "clock may have jumped ahead" in said and "--require-row-within" in said, said
    assert db.value("SELECT count(*) FROM public.logs") == 2000
    db.execute("INSERT INTO public.logs VALUES (0, now())")  # somebody writes: the clock is believed
    status, result, said = titan_db("", "cleanup", *options, "--check")
    assert status == 0 and result["results"][0]["due"] > 1400, (result, said)
    db.execute("DELETE FROM public.logs WHERE id = 0")
    status, result, said = titan_db("", "cleanup", *options, "--require-row-within", "off")
    assert status == 0 and result["results"][0]["deleted"] > 1400, (result, said)


def test_a_table_that_is_seldom_written_is_cleaned(
    titan_db: Any, settings: ConnectionSettings, db: Database, call_module: Module
) -> None:
    """Rows of each quarter, the newest two months old."""
    policy = {"table": "public.logs", "column": "at", "keep": "300d"}
    assert not call_module("retention_policy", **login(settings), policies=[policy]).get("failed")
    db.execute(
        "DELETE FROM public.logs WHERE id > 12; UPDATE public.logs SET at = now() - interval '60 days' - id * interval '90 days'"
    )
    status, result, said = titan_db("", "cleanup", "--require-backup-within", "off", "--max-fraction", "1.0")
    assert status == 0 and result["results"][0]["deleted"] == 10, (result, said)
    status, result, said = titan_db("", "cleanup", "--require-row-within", "never")
    assert status == 2 and "--require-row-within" in said and '"off"' in said, said
