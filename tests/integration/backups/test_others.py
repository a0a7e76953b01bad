"""Root beside a backup directory of another user's: what that user puts there reaches no further than that user."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg2
import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.cli import main
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings

from tests.conftest import Cluster, login, make_database
from tests.others import NOBODY, directory_of_nobody

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else's files to fear")
PROGRAMS = "/usr/lib/postgresql/15/bin"
SECRET = "root:$y$secret"

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of nobody's, below one that everybody can reach."""
    with directory_of_nobody("backups", 0o700) as folder:
        yield folder


@pytest.fixture
def source(server15: Cluster) -> ConnectionSettings:
    made = make_database(server15)
    with psycopg2.connect(**made.parameters()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (id text); INSERT INTO t SELECT generate_series(1, 100)")
    connection.close()
    return made


def test_root_works_as_the_owner_of_the_directory_and_reads_none_of_its_links(
    source: ConnectionSettings, theirs: Path, call_module: Call, capsys: Any
) -> None:
    secret = theirs.parent / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    options = {"dest": str(theirs), "name": "w1", "format": "directory", "verify": "checksum", "programs": PROGRAMS}
    result = call_module("backup", **options, **login(source))
    assert not result.get("failed"), result
    made = Path(result["backup"]["path"])
    assert {each.stat().st_uid for each in (made, *theirs.iterdir(), *made.iterdir())} == {NOBODY.pw_uid}
    assert os.geteuid() == 0
    member = next(made.glob("[0-9]*.dat.gz"))
    member.unlink()
    (made / member.name.removesuffix(".gz")).symlink_to(secret)
    for manifest in (True, False):
        if not manifest:
            Path(f"{made}.json").unlink()
        words = ["drill", "--dest", str(theirs), "--name", "w1", "--source", str(made), "--programs", PROGRAMS]
        assert main(words) == 1
        said = capsys.readouterr()
        assert "a symbolic link" in said.err or "is not a regular file" in said.err, said.err
        assert SECRET not in said.out + said.err
        restored = call_module("restore", source=str(made), into="t_others", programs=PROGRAMS, **login(source))
        assert restored["failed"] and SECRET not in str(restored), restored
        assert "symbolic link" in restored["msg"] or "not a regular file" in restored["msg"], restored


@pytest.mark.parametrize("place", ["manifest", "dump", "lock"])
def test_a_named_pipe_makes_nobody_wait(theirs: Path, place: str, call_module: Call, capsys: Any) -> None:
    dump = theirs / "w1_20260101_020000.sql.gz"
    os.mkfifo({"manifest": f"{dump}.json", "dump": dump, "lock": theirs / ".w1.lock"}[place])
    if place != "dump":
        dump.write_bytes(b"x")
    for each in theirs.iterdir():
        os.chown(each, NOBODY.pw_uid, NOBODY.pw_gid)
    began = time.monotonic()
    listed = call_module("backup_info", dest=str(theirs), verify="checksum")
    assert not listed.get("failed") and len(listed["backups"]) == 1, listed
    assert main(["drill", "--dest", str(theirs), "--name", "w1", "--programs", PROGRAMS]) == 1
    assert time.monotonic() - began < 20
    said = capsys.readouterr().err
    assert "named pipe" in said or "not a regular file" in said, said


def test_a_link_hands_no_directory_over(theirs: Path, source: ConnectionSettings, call_module: Call) -> None:
    roots = theirs.parent / "roots"
    roots.mkdir(mode=0o755)
    (theirs / "database").symlink_to(roots)
    os.lchown(theirs / "database", NOBODY.pw_uid, NOBODY.pw_gid)
    for dest in (theirs / "database", theirs / "database" / "deeper"):
        result = call_module("backup", dest=str(dest), name="w1", programs=PROGRAMS, **login(source))
        assert result["failed"], result
    assert (roots.stat().st_uid, os.listdir(roots)) == (0, [])
