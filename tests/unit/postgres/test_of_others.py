"""What the env file of another user gets from root for a connection: what that user could have given himself."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.from_options import settings_from_options

from tests.others import NOBODY, directory_of_nobody

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something that others have not")
CANARY = "*:*:*:*:CANARY-of-root"


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A directory of nobody's, and root's home with a passfile."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".pgpass").write_text(CANARY)
    (home / ".pgpass").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PGPASSFILE", str(home / ".pgpass"))
    with directory_of_nobody("theirs") as folder:

        def put(name: str, text: str, owner: int = NOBODY.pw_uid) -> str:
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
            if os.geteuid() == 0:
                os.chown(folder / name, owner, owner)
            return str(folder / name)

        yield SimpleNamespace(folder=folder, home=home, put=put)


def settings(theirs: Any, **query: str) -> Any:
    words = urllib.parse.urlencode({"hostaddr": "192.0.2.1", **query})
    env_file = theirs.put(".env", f"DATABASE_URL='postgresql://admin@production/x?{words}'\n")
    return settings_from_options({"env_file": env_file})


@as_root
def test_an_env_file_of_another_user_gets_no_password_of_roots(theirs: Any) -> None:
    """Whoever names the server would get it there, for whatever name it is kept under."""
    (theirs.folder / "link").symlink_to(theirs.home / ".pgpass")
    for named in ({}, {"passfile": str(theirs.home / ".pgpass")}, {"passfile": str(theirs.folder / "link")}):
        found = settings(theirs, **named)
        passfile = found.parameters()["passfile"]
        assert not os.path.exists(passfile) and not os.path.exists(found.parameters()["sslcert"]), named
        assert "root's own passfile" in " ".join(found.notes)


@as_root
def test_it_gets_his_own_also_in_programs(theirs: Any) -> None:
    own = theirs.put("pass", "*:*:*:*:of nobody")
    passfile = settings(theirs, passfile=own).parameters()["passfile"]
    theirs.put("pass", "exchanged meanwhile")
    read = [sys.executable, "-c", f"import os; print(open({passfile!r}).read(), oct(os.stat({passfile!r}).st_mode))"]
    assert subprocess.run(read, check=True, capture_output=True, text=True).stdout == "*:*:*:*:of nobody 0o100600\n"
    assert not os.path.exists(settings(theirs, passfile=theirs.put("pass", CANARY, 0)).parameters()["passfile"])


@as_root
@pytest.mark.parametrize("keyword", ["sslkey", "sslcert", "sslrootcert", "sslcrl"])
def test_no_file_that_he_cannot_read_is_opened_for_him(theirs: Any, keyword: str) -> None:
    with pytest.raises(OptionError, match=f"{keyword} in .*belongs to root, and not everybody may read it"):
        settings(theirs, **{keyword: str(theirs.home / ".pgpass")})
    own = theirs.put("key", "of nobody")
    assert settings(theirs, **{keyword: own}).parameters()[keyword] == own


@pytest.mark.parametrize("keyword", ["sslkey", "sslcert", "sslrootcert", "sslcrl"])
def test_a_named_pipe_makes_nobody_wait(theirs: Any, keyword: str) -> None:
    os.mkfifo(theirs.folder / "pipe")
    with pytest.raises(OptionError, match=f"{keyword} in .*not a regular file"):
        settings(theirs, **{keyword: str(theirs.folder / "pipe")})
    usual = {"sslkey": "postgresql.key", "sslcert": "postgresql.crt", "sslrootcert": "root.crt", "sslcrl": "root.crl"}
    (theirs.home / ".postgresql").mkdir()
    os.mkfifo(theirs.home / ".postgresql" / usual[keyword])
    with pytest.raises(OptionError, match=f"{keyword} in .*not a regular file"):
        settings(theirs)
