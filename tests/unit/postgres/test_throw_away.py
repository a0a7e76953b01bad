"""The private directories of throw-away clusters: locked as soon as they are there, removed at the end."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.host.act_as import acting_for
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.locks import file_lock
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.throw_away import (
    locked_directory,
    remove_leftovers,
    remove_what_dead_runs_left,
)

from tests.others import DAEMON, NOBODY, directory_of_nobody


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's path, wherever temporary files are."""
    with tempfile.TemporaryDirectory(prefix="tt-") as made:
        yield Path(made)


def test_another_run_leaves_a_locked_directory_alone(folder: Path) -> None:
    with locked_directory(str(folder), "drill", "drill_dir") as made:
        os.utime(made, (0, 0))
        assert remove_leftovers(str(folder), "drill") == [] and os.path.isdir(made)
    assert not os.listdir(folder)


def test_a_dead_runs_directory_goes_without_its_lock_too(folder: Path) -> None:
    for name in ("titan-drill-new", "titan-drill-old", "titan-drill-locked"):
        (folder / name).mkdir()
    (folder / "titan-drill-locked" / "lock").touch()
    os.utime(folder / "titan-drill-old", (0, time.time() - 3600))
    assert [os.path.basename(path) for path in remove_leftovers(str(folder), "drill")] == [
        "titan-drill-locked",
        "titan-drill-old",
    ]
    assert os.listdir(folder) == ["titan-drill-new"]


@pytest.mark.parametrize("times", [1, 100])
def test_a_run_whose_clock_is_ahead_takes_a_new_directory_away(
    times: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees a directory without a lock that seems to be 40 days old."""
    make, taken = tempfile.mkdtemp, []

    def make_and_lose(*args: str, **options: str) -> str:
        made = make(*args, **options)
        if len(taken) < times:
            taken.append(made)
            shutil.rmtree(made)
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    if times > 1:
        with (
            pytest.raises(OptionError, match=r"drill_dir.*clocks"),
            locked_directory(str(folder), "drill", "drill_dir"),
        ):
            pytest.fail("there is no directory")
    else:
        with locked_directory(str(folder), "drill", "drill_dir") as made:
            assert made not in taken and os.path.isfile(os.path.join(made, "lock"))
    assert not os.listdir(folder)


def test_what_could_not_be_removed_is_not_called_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the dead run goes on writing there."""

    def fail(_cluster: Cluster) -> None:
        """Nothing is removed."""

    monkeypatch.setattr(time, "monotonic", itertools.count(step=60).__next__)
    monkeypatch.setattr(Cluster, "remove", fail)
    (folder / "titan-drill-old").mkdir()
    os.utime(folder / "titan-drill-old", (0, 0))
    assert remove_leftovers(str(folder), "drill") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
@pytest.mark.parametrize("acting", [False, True])
def test_root_removes_what_dead_runs_of_others_left_as_these(acting: bool) -> None:
    """Also while it acts for a third one; a run that lives is left alone, and root removes nothing of its own for whoever names it."""
    with directory_of_nobody("of nobody") as theirs:
        everybodys = theirs.parent / "e"
        everybodys.mkdir()
        everybodys.chmod(0o1777)
        kept = theirs / "titan-drill-of-root"
        kept.mkdir()
        os.utime(kept, (0, 0))
        for owner in (NOBODY.pw_uid, DAEMON.pw_uid, 0):
            for name in ("dead", "alive"):
                place = everybodys / f"titan-{name == 'dead' and 'drill' or 'replay'}-{name}-{owner}"
                place.mkdir(mode=0o700)
                (place / "lock").touch()
                for path in (place, place / "lock"):
                    os.chown(path, owner, owner)
        (everybodys / "titan-drill-link").symlink_to(kept)
        with ExitStack() as held:
            for owner in (NOBODY.pw_uid, DAEMON.pw_uid, 0):
                held.enter_context(file_lock(str(everybodys / f"titan-replay-alive-{owner}" / "lock"), "a run"))
            held.enter_context(acting_for([str(theirs)] if acting else []))
            removed = remove_what_dead_runs_left([str(everybodys), str(theirs)])
        assert {os.path.basename(path) for path in removed if path.startswith(str(theirs.parent))} == {
            f"titan-drill-dead-{owner}" for owner in (NOBODY.pw_uid, DAEMON.pw_uid, 0)
        }
        assert kept.is_dir() and len(os.listdir(everybodys)) == 4
