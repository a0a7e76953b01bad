"""Files in directories of others: what is opened, and what is refused by name without waiting."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host.env_file import (
    EnvFileError,
    check_against_shell,
    read_env_file,
)
from ansible_collections.titan.database.plugins.module_utils._engine.host.safe_open import (
    UnsafePathError,
    change_mode,
    hand_over,
    open_directory,
    open_file,
    open_seen,
    read_file,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import private_directory

from tests.others import DAEMON, NOBODY, directory_of_nobody

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else's files to fear")


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of another user, where one can be reached by everybody."""
    with directory_of_nobody("theirs") as folder:
        yield folder


def as_nobody(*argv: str) -> None:
    subprocess.run(argv, check=True, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], cwd="/")


def test_a_file_is_read_whole_through_links_of_ones_own(tmp_path: Path) -> None:
    real = tmp_path / "real dir"
    real.mkdir()
    (real / "f\n%s").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("real dir")
    (tmp_path / "again").symlink_to(tmp_path / "link")
    (real / "to it").symlink_to("f\n%s")
    assert read_file(str(tmp_path / "again" / "to it")) == b"x" * 100_000
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="symbolic links"):
        read_file(str(tmp_path / "round"))


def test_a_new_file_is_made_once(tmp_path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    os.close(open_file(str(tmp_path / "new"), flags, 0o600))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        open_file(str(tmp_path / "new"), flags)
    with pytest.raises(FileNotFoundError):
        open_file(str(tmp_path / "missing" / "new"), flags)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5)) if os.geteuid() == 0 else os.symlink("/dev/zero", path)


@pytest.mark.parametrize(
    ("make", "word"),
    [(fifo, "named pipe"), (sock, "socket"), (device, "device"), (Path.mkdir, "directory")],
    ids=["fifo", "socket", "device", "directory"],
)
def test_what_is_no_file_is_refused_by_name_at_once(workdir: Path, make: Callable[[Path], None], word: str) -> None:
    make(workdir / "x")
    began = time.monotonic()
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT):
        with pytest.raises((UnsafePathError, IsADirectoryError)) as refused:
            open_file(str(workdir / "x"), flags)
        assert word in str(refused.value).lower() and str(workdir / "x") in str(refused.value) or word == "directory"
    assert time.monotonic() - began < 5


@as_root
def test_another_users_link_leads_to_his_own_files_only(theirs: Path, tmp_path: Path) -> None:
    as_nobody("sh", "-c", f"mkdir {theirs}/v1; echo A=1 > {theirs}/v1/env; ln -s v1 {theirs}/current")
    assert read_file(f"{theirs}/current/env") == b"A=1\n"
    as_nobody("ln", "-s", "/etc", f"{theirs}/etc")
    as_nobody("ln", "-s", "/etc/shadow", f"{theirs}/env")
    for path in (f"{theirs}/etc/shadow", f"{theirs}/env"):
        with pytest.raises(UnsafePathError, match="symbolic link of user"):
            read_file(path)
    with pytest.raises(UnsafePathError, match="symbolic link"):
        open_directory(f"{theirs}/etc")


@as_root
def test_a_second_name_of_roots_file_is_refused(theirs: Path) -> None:
    secret = theirs.parent / f"{theirs.name}.secret"
    secret.write_text("A=secret\n")
    try:
        os.link(secret, theirs / "env")  # as nobody does where fs.protected_hardlinks is off
        with pytest.raises(UnsafePathError, match="hard link"):
            read_file(f"{theirs}/env")
    finally:
        secret.unlink()
    (theirs / "env").unlink()
    (theirs / "env").write_text("A=1\n")  # root's own, with one name
    assert read_file(f"{theirs}/env") == b"A=1\n"


@as_root
def test_the_mode_of_what_a_link_names_stays(theirs: Path, tmp_path: Path) -> None:
    target = tmp_path / "roots"
    target.mkdir(mode=0o755)
    as_nobody("ln", "-s", str(target), f"{theirs}/pg_tblspc")
    for owner in (0, NOBODY.pw_uid):
        with pytest.raises(UnsafePathError):
            change_mode(f"{theirs}/pg_tblspc", 0o700, owner)
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    as_nobody("mkdir", f"{theirs}/real")
    with pytest.raises(UnsafePathError, match="belongs to user"):
        change_mode(f"{theirs}/real", 0o700, 0)
    change_mode(f"{theirs}/real", 0o700, NOBODY.pw_uid)
    assert stat.S_IMODE((theirs / "real").stat().st_mode) == 0o700


def test_the_env_file_as_a_named_pipe_reaches_no_shell(theirs: Path) -> None:
    os.mkfifo(theirs / ".env")
    began = time.monotonic()
    for read in (read_env_file, check_against_shell):
        with pytest.raises(EnvFileError, match="named pipe"):
            read(f"{theirs}/.env")
    assert time.monotonic() - began < 5


@as_root
def test_the_shell_that_judges_is_the_owners_and_gets_what_was_read(
    theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_nobody("sh", "-c", f"echo A=1 > {theirs}/.env; chmod 600 {theirs}/.env")
    started = []

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments, **options):
            (theirs / ".env").write_text(f"A=1; id > {theirs}/ran\n")  # between the reading and the judging
            started.append(options.get("user"))
            super().__init__(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    assert check_against_shell(f"{theirs}/.env") == {"A": "1"}
    assert started == [NOBODY.pw_uid]
    assert not (theirs / "ran").exists()


@as_root
def test_a_server_gets_its_own_directory_and_nothing_that_it_put_there(theirs: Path) -> None:
    """The server's user may put anything below its directory while root makes the next one there."""
    private_directory(str(theirs / "s"), NOBODY)
    assert ((theirs / "s").stat().st_uid, stat.S_IMODE((theirs / "s").stat().st_mode)) == (NOBODY.pw_uid, 0o700)
    private_directory(str(theirs / "s"), NOBODY)  # it may be there
    roots = theirs.parent / "roots"
    roots.mkdir()
    as_nobody("ln", "-s", str(roots), str(theirs / "link"))
    moved = theirs / "moved"
    moved.mkdir()
    (moved / "secret").write_text("")
    for path in (theirs / "link", moved):
        with pytest.raises((OSError, UnsafePathError)):
            private_directory(str(path), NOBODY)
    assert (roots.stat().st_uid, moved.stat().st_uid) == (0, 0)
    lock = theirs.parent / "of root alone"
    lock.mkdir()
    (lock / "lock").write_text("")
    hand_over(str(lock), NOBODY.pw_uid, NOBODY.pw_gid)  # nobody but root could have put it there
    assert lock.stat().st_uid == NOBODY.pw_uid
    os.chown(lock, DAEMON.pw_uid, DAEMON.pw_gid)
    with pytest.raises(UnsafePathError, match="belongs to user"):
        hand_over(str(lock), NOBODY.pw_uid, NOBODY.pw_gid)


@as_root
def test_nothing_is_made_where_another_users_link_leads(theirs: Path) -> None:
    roots = theirs.parent / "roots"
    roots.mkdir()
    as_nobody("ln", "-s", str(roots), str(theirs / "data"))
    with pytest.raises(UnsafePathError, match="symbolic link of user"):
        open_file(str(theirs / "data" / "lock"), os.O_RDWR | os.O_CREAT)
    assert not os.listdir(roots)


def test_what_is_only_looked_at_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    with open_seen(str(tmp_path / "link")) as stream:
        assert stream.read() == b"x"
    fifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), tmp_path):
        with pytest.raises(UnsafePathError, match="is a "), open_seen(str(path)):
            pass
