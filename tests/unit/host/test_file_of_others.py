# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root writes a file in another user's directory: whatever that user puts there, or swaps meanwhile, reaches nothing of others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.file import FILE, file
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.safe_open import UnsafePathError
from ansible_collections.titan.database.plugins.module_utils._engine.host.trees import give_tree
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.others import DAEMON, NOBODY, directory_of_nobody

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of nobody's, below one of root's that everybody can reach."""
    with directory_of_nobody("home dir") as folder:
        yield folder


def asked(path: Path | str, check: bool = False, **options: str) -> Outcome:
    return file(Call(complete({"path": str(path), **options}, FILE), None, check))


def owned(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def test_a_file_is_written_once_and_its_content_is_in_no_diff(theirs: Path) -> None:
    path = theirs / "-e n\nv"
    planned = asked(path, True, content="A='s3cret'\n", owner="nobody")
    assert planned.changed and not path.exists()
    assert [asked(path, content="A='s3cret'\n", owner="nobody").changed for _each in range(2)] == [True, False]
    assert owned(path) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o600) and path.read_text() == "A='s3cret'\n"
    done = asked(path, content="A='s3cret too'\n", group="daemon", mode="0640")
    assert owned(path) == (NOBODY.pw_uid, DAEMON.pw_gid, 0o640)
    assert done.before != done.after and "s3cret" not in str(done)
    os.chown(path, 0, 0)  # as another tool has left it
    path.chmod(0o600)
    assert asked(path, content="x").changed and owned(path) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o600)
    assert [each.name for each in theirs.iterdir()] == [path.name]
    for state in (True, False):
        assert asked(path, state="absent").changed is state


def test_one_takes_the_place_of_another(theirs: Path) -> None:
    asked(theirs / ".env.new", content="new")
    asked(theirs / ".env", content="old")
    with pytest.raises(OptionError, match="renamed_from"):
        asked(theirs / ".env", renamed_from="../.env.new")
    assert asked(theirs / ".env", True, renamed_from=".env.new").changed and (theirs / ".env").read_text() == "old"
    assert asked(theirs / ".env", renamed_from=".env.new").changed
    assert (theirs / ".env").read_text() == "new" and len(list(theirs.iterdir())) == 1
    with pytest.raises(OptionError, match="There is no file"):
        asked(theirs / ".env", renamed_from=".env.new")


@pytest.mark.parametrize("kind", ["symbolic link", "named pipe", "second name", "directory", "device"])
def test_what_is_no_file_of_its_own_is_refused_by_name(theirs: Path, kind: str) -> None:
    roots = theirs.parent / "roots"
    roots.write_text("of root")
    roots.chmod(0o600)
    place = theirs / ".env"
    if kind == "symbolic link":
        place.symlink_to(roots)
        os.lchown(place, NOBODY.pw_uid, NOBODY.pw_gid)
    elif kind == "named pipe":
        os.mkfifo(place)
        os.chown(place, NOBODY.pw_uid, NOBODY.pw_gid)
    elif kind == "second name":
        os.link(roots, place)
    elif kind == "device":
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    else:
        place.mkdir()
    for options in ({"content": "x"}, {"state": "absent"}, {"renamed_from": ".env"}):
        for check in (True, False):
            with pytest.raises(UnsafePathError, match=kind):
                asked(place, check, **options)
    assert roots.read_text() == "of root" and owned(roots) == (0, 0, 0o600)
    assert [each.name for each in theirs.iterdir()] == [".env"]


@pytest.mark.parametrize("moment", ["env_file.sync", "env_file.rename"])
def test_a_directory_that_is_swapped_meanwhile_leads_nowhere(theirs: Path, moment: str) -> None:
    app, roots = theirs / "app", theirs.parent / "roots"
    roots.mkdir()
    app.mkdir()
    os.chown(app, NOBODY.pw_uid, NOBODY.pw_gid)

    def swapped(name: str) -> None:
        if name == moment:
            app.rename(theirs / "away")
            app.symlink_to(roots)

    with observed(swapped):
        asked(app / ".env", content="x")
    assert os.listdir(roots) == [] and (theirs / "away" / ".env").read_text() == "x"
    with pytest.raises(TitanError, match="link|belongs to root"):
        asked(app / ".env", content="y")
    assert os.listdir(roots) == []


def test_a_file_goes_to_whom_its_directory_belongs(theirs: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="belongs to nobody, who could replace the file"):
        asked(theirs / ".env", content="x", owner="daemon")
    with pytest.raises(OptionError, match="does not exist"):
        asked(theirs / "missing" / ".env", content="x")
    for check in (True, False):
        assert not asked(theirs / "missing" / ".env", check, state="absent").changed
    with pytest.raises(OptionError, match="content"):
        asked(theirs / ".env")
    assert list(theirs.iterdir()) == []
    assert asked(theirs.parent / "env", content="x", owner="daemon").changed
    assert owned(theirs.parent / "env") == (DAEMON.pw_uid, DAEMON.pw_gid, 0o600)


def test_a_tree_is_given_away_without_what_is_somebody_elses(theirs: Path) -> None:
    (theirs / "base").mkdir()
    (theirs / "base" / "1").write_text("x")
    for each in (theirs / "base", theirs / "base" / "1"):
        os.chown(each, NOBODY.pw_uid, NOBODY.pw_gid)
    (theirs / "lock").touch()
    (theirs / "link").symlink_to("/etc")
    give_tree(str(theirs), NOBODY.pw_uid, DAEMON.pw_uid, DAEMON.pw_gid)
    assert {owned(each)[0] for each in (theirs, theirs / "base", theirs / "base" / "1")} == {DAEMON.pw_uid}
    assert owned(theirs / "lock")[0] == owned(Path("/etc"))[0] == owned(theirs / "link")[0] == 0
    secret = theirs.parent / "secret"
    secret.touch()
    os.chown(secret, DAEMON.pw_uid, DAEMON.pw_gid)
    os.link(secret, theirs / "base" / "2")
    with pytest.raises(UnsafePathError, match="second name"):
        give_tree(str(theirs), DAEMON.pw_uid, NOBODY.pw_uid, NOBODY.pw_gid)
    assert owned(secret)[0] == DAEMON.pw_uid
    secret.unlink()
    os.chown(theirs / "base" / "2", 1, 1)
    with pytest.raises(UnsafePathError, match="belongs to user"):
        give_tree(str(theirs), 2, NOBODY.pw_uid, NOBODY.pw_gid)
