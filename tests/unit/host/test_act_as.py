"""Root in the directories of others: whose rights it uses there, and that it comes back."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.directory import DIRECTORY, directory
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.act_as import acting_for, user_in_charge
from ansible_collections.titan.database.plugins.module_utils._engine.host.files import (
    make_directories,
    remove_file,
    write_file,
)
from ansible_collections.titan.database.plugins.module_utils._engine.host.safe_open import UnsafePathError
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete

from tests.others import DAEMON, NOBODY, directory_of_nobody

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of nobody's, below one of root's that everybody can reach."""
    with directory_of_nobody("home dir") as folder:
        yield folder


def test_in_charge_is_the_first_on_the_way_who_is_not_root(theirs: Path, tmp_path: Path) -> None:
    (theirs.parent / "link").symlink_to(theirs)
    (tmp_path / "mine").mkdir()
    wanted = {
        theirs: NOBODY.pw_uid,
        theirs / "missing" / "backups": NOBODY.pw_uid,
        theirs.parent / "link" / "missing": NOBODY.pw_uid,
        tmp_path / "mine": 0,
        tmp_path / "mine" / "missing": 0,
    }
    assert {path: user_in_charge(str(path)) for path in wanted} == wanted


def test_what_somebody_could_exchange_is_refused(theirs: Path) -> None:
    (theirs / "roots").mkdir()
    with pytest.raises(UnsafePathError, match="belongs to root, but lies below .*home dir' of nobody"):
        user_in_charge(str(theirs / "roots"))
    os.symlink("/etc", theirs / "etc")
    with pytest.raises(UnsafePathError, match="belongs to root"):
        user_in_charge(str(theirs / "etc"))
    open_to_all = theirs.parent / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "backups").mkdir(mode=0o700)
    with pytest.raises(UnsafePathError, match="every user"):
        user_in_charge(str(open_to_all / "backups"))
    open_to_all.chmod(0o1777)
    assert user_in_charge(str(open_to_all / "backups")) == 0


def test_root_acts_as_that_user_and_so_do_its_programs(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    before = (os.getresuid(), os.getresgid(), os.getgroups())
    probe = ["sh", "-c", 'id -G; grep -E "^[UG]id" /proc/self/status; echo "$HOME"']
    with acting_for(["", str(theirs)]):
        assert (os.geteuid(), os.getegid()) == (NOBODY.pw_uid, NOBODY.pw_gid)
        (theirs / "made").touch()
        with pytest.raises(PermissionError):
            Path("/etc/shadow").read_text()
        said = subprocess.run(probe, capture_output=True, text=True, check=True, cwd="/").stdout
    number, group = NOBODY.pw_uid, NOBODY.pw_gid
    assert said.split() == [str(group), "Uid:", *[str(number)] * 4, "Gid:", *[str(group)] * 4, NOBODY.pw_dir]
    assert (theirs / "made").stat().st_uid == number
    assert (os.getresuid(), os.getresgid(), os.getgroups()) == before
    assert os.environ["HOME"] == "/root"


def test_root_comes_back_from_an_error_and_serves_one_user_only(theirs: Path) -> None:
    with pytest.raises(KeyError), acting_for([str(theirs)]):
        raise KeyError
    assert os.geteuid() == 0
    other = theirs.parent / "other"
    other.mkdir()
    os.chown(other, DAEMON.pw_uid, DAEMON.pw_gid)
    with pytest.raises(TitanError, match="daemon.*nobody"), acting_for([str(theirs), str(other)]):
        pass


def test_files_are_made_and_removed_in_the_directory_that_was_meant(theirs: Path, tmp_path: Path) -> None:
    roots = theirs.parent / "roots"
    roots.mkdir()
    (roots / "keep").write_text("x")
    os.symlink(roots, theirs / "logs")
    os.lchown(theirs / "logs", NOBODY.pw_uid, NOBODY.pw_gid)
    for act in (
        lambda: write_file(f"{theirs}/logs/new", b"x"),
        lambda: remove_file(f"{theirs}/logs/keep"),
        lambda: make_directories(f"{theirs}/logs/a/b"),
    ):
        with pytest.raises(UnsafePathError, match="symbolic link of user"):
            act()
    assert [each.name for each in roots.iterdir()] == ["keep"]
    make_directories(str(tmp_path / "a" / "b"), 0o711)
    assert {stat.S_IMODE((tmp_path / each).stat().st_mode) for each in ("a", "a/b")} == {0o711}


def asked(path: Path | str, check: bool = False, **options: str) -> Outcome:
    return directory(Call(complete({"path": str(path), **options}, DIRECTORY), None, check))


def test_a_link_hands_no_directory_over(theirs: Path) -> None:
    roots = theirs.parent / "roots"
    (roots / "database").mkdir(parents=True)
    (theirs / "backups").symlink_to(roots)
    os.lchown(theirs / "backups", NOBODY.pw_uid, NOBODY.pw_gid)
    for path in ("backups", "backups/database", "backups/new/deeper"):
        for check in (True, False):
            with pytest.raises(TitanError, match="link"):
                asked(theirs / path, check, owner="nobody")
    (theirs / "moved").mkdir()  # root's, and nobody may rename it
    (theirs / "moved" / "secret").touch(0o600)
    with pytest.raises(
        UnsafePathError, match="belongs to root in a directory of nobody, and 'secret' in it belongs to root"
    ):
        asked(theirs / "moved", owner="nobody")
    assert {each.stat().st_uid for each in (roots, roots / "database", theirs / "moved")} == {0}
    assert sorted(os.listdir(roots)) == ["database"]


def test_a_directory_of_roots_that_holds_nothing_of_others_is_given_back(theirs: Path) -> None:
    logs = theirs / "logs"
    logs.mkdir()
    (logs / "mine").touch()
    os.chown(logs / "mine", NOBODY.pw_uid, NOBODY.pw_gid)
    for check in (True, False):
        assert asked(logs, check, owner="nobody").changed
    assert logs.stat().st_uid == NOBODY.pw_uid


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (0o2775, "others could write there"),
        (0o755, "others could read there"),
        (0o500, "the mode is the declared one"),
        (0o700, ""),
    ],
)
def test_the_diff_says_why_a_directory_does_not_stay_as_it_was(tmp_path: Path, mode: int, reason: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs").chmod(mode)
    for check in (True, False):
        done = directory(Call(complete({"path": str(tmp_path / "logs"), "mode": "0700"}, DIRECTORY), None, check))
        assert done.after.endswith(f"0700 ({reason})\n" if reason else "0700\n")
        assert (done.changed, done.before == done.after) == (bool(reason), not reason)
    again = directory(Call(complete({"path": str(tmp_path / "logs"), "mode": "0700"}, DIRECTORY), None, True))
    assert not again.changed and again.before == again.after


def test_a_directory_is_made_for_its_user_once(theirs: Path) -> None:
    path = theirs / "a b" / "database"
    assert asked(path, True, owner="nobody").changed and not path.exists()
    for expected in (True, False):
        assert asked(path, owner="nobody", mode="0750").changed is expected
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o750)
    assert asked(path, owner="daemon", group="nogroup").changed
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (DAEMON.pw_uid, 0o700)
    for options in ({"owner": "no such"}, {"group": "no such"}, {"mode": "u+x"}):
        with pytest.raises(OptionError):
            asked(path, **options)


def asked_for_several(*directories: dict[str, str], check: bool = False, **options: str) -> Outcome:
    return directory(Call(complete({"directories": list(directories), **options}, DIRECTORY), None, check))


def test_several_directories_are_one_call_and_all_are_looked_at_before_the_first_is_made(theirs: Path) -> None:
    logs, state = (
        {"path": str(theirs / "logs")},
        {"path": str(theirs / "deep" / "state"), "mode": "0700", "owner": "daemon"},
    )
    for check in (True, False):
        with pytest.raises(OptionError, match="no such"):
            asked_for_several(logs, {"path": str(theirs / "other"), "owner": "no such"}, check=check, owner="nobody")
    (theirs / "file").touch()
    with pytest.raises(OptionError, match="no directory"):
        asked_for_several(logs, {"path": str(theirs / "file")}, owner="nobody")
    assert [each.name for each in theirs.iterdir()] == ["file"]
    predicted = asked_for_several(logs, state, check=True, owner="nobody", mode="0750")
    assert predicted.changed and not (theirs / "logs").exists()
    done = asked_for_several(logs, state, owner="nobody", mode="0750")
    assert done == predicted
    found = {
        each.name: (each.stat().st_uid, stat.S_IMODE(each.stat().st_mode))
        for each in (theirs / "logs", theirs / "deep" / "state")
    }
    assert found == {"logs": (NOBODY.pw_uid, 0o750), "state": (DAEMON.pw_uid, 0o700)}
    again = asked_for_several(logs, state, owner="nobody", mode="0750")
    assert not again.changed and again.before == again.after == done.after
