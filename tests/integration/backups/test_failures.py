# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong while a backup is taken: each fails clearly, nothing of it counts, and the next run heals."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.read import (
    newest_verified,
    read_catalog,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.dump.parallel import dump_and_fingerprint
from ansible_collections.titan.database.plugins.module_utils._engine.backups.programs.pipeline import Chain, Deadline
from ansible_collections.titan.database.plugins.module_utils._engine.backups.proof.read_restored import read_restored
from ansible_collections.titan.database.plugins.module_utils._engine.errors import LockedError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.conftest import embedded_programs, start_server
from tests.steps import killed_at, steps_of

from .helpers import (
    SMALL,
    assert_nothing_new_counts,
    backup,
    info,
    needs_zstd,
    picture,
    programs_with,
    replaced,
    temporaries,
)


@contextlib.contextmanager
def one_failure(dest: Path, first: str, word: str) -> Iterator[None]:
    """The block fails with one clear sentence; nothing that counts is new, and the older backups are as they were."""
    before = picture(dest)
    with pytest.raises(TitanError) as caught:
        yield
    assert word in caught.value.message
    assert caught.value.exit_status in (1, 75) and "Traceback" not in caught.value.message
    assert_nothing_new_counts(dest, before, first)


def heals(settings: ConnectionSettings, dest: Path) -> None:
    """The next run succeeds and leaves no temporary file."""
    done = backup(settings, dest)
    assert done.data["backup"]["verified"]["level"] == "checksum"
    assert temporaries(dest) == []
    assert info(dest, verify="checksum").data["backups"][0]["path"] == done.data["backup"]["path"]


@pytest.fixture
def reader(small: ConnectionSettings) -> Iterator[ConnectionSettings]:
    """A role that may read everything that existed when it was made, but not what came later."""
    with connect(small) as admin:
        admin.execute("DROP ROLE IF EXISTS late_reader; CREATE ROLE late_reader LOGIN")
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO late_reader")
        admin.execute("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO late_reader")
    yield ConnectionSettings(host=small.host, port=small.port, user="late_reader", database=small.database)
    with connect(small) as admin:
        admin.execute("DROP OWNED BY late_reader; DROP ROLE late_reader")


def test_a_table_that_the_role_cannot_read(
    first: str, small: ConnectionSettings, dest: Path, reader: ConnectionSettings
) -> None:
    with connect(small) as admin:
        admin.execute("CREATE TABLE public.later (x int)")
    with one_failure(dest, first, "public.later"):
        backup(reader, dest)
    with pytest.raises(TitanError, match="pg_read_all_data"):
        backup(reader, dest, check=True)


def test_row_security_is_refused(first: str, small: ConnectionSettings, dest: Path, reader: ConnectionSettings) -> None:
    with connect(small) as admin:
        admin.execute("ALTER TABLE public.users ENABLE ROW LEVEL SECURITY")
    with one_failure(dest, first, "BYPASSRLS"):
        backup(reader, dest)
    with connect(small) as admin:
        admin.execute("ALTER ROLE late_reader BYPASSRLS")
    assert backup(reader, dest).changed


@pytest.mark.parametrize("form", ["plain", "custom", "directory"])
@pytest.mark.parametrize("script", ["kill -9 $$", '"$REAL" "$@" | head -c 3000; kill -9 $$', "echo gone >&2; exit 1"])
def test_pg_dump_killed(
    first: str, small: ConnectionSettings, dest: Path, workdir: Path, form: str, script: str
) -> None:
    broken = programs_with(workdir / "bin", "pg_dump", f'case "$1" in --version) exec "$REAL" "$@";; esac\n{script}')
    with one_failure(dest, first, "pg_dump"):
        backup(small, dest, programs=broken, format=form, compression="gzip")
    heals(small, dest)


@pytest.mark.parametrize("compression", ["gzip", pytest.param("zstd", marks=needs_zstd)])
def test_compressor_killed(
    first: str, small: ConnectionSettings, dest: Path, workdir: Path, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "zstd" if compression == "zstd" else "pigz"
    real_path = os.environ["PATH"]
    monkeypatch.setenv("PATH", replaced(workdir / "bin", name, "head -c 1000; kill -9 $$") + ":" + real_path)
    with one_failure(dest, first, f"{name} was killed by signal 9"):
        backup(small, dest, format="plain", compression=compression)
    monkeypatch.setenv("PATH", real_path)
    heals(small, dest)


@pytest.mark.parametrize("bad", ["cat", "$REAL $@ | head -c 2000", "$REAL $@; echo x"])
@pytest.mark.parametrize(
    ("form", "compression"),
    [
        pytest.param("custom", "zstd", marks=needs_zstd),
        pytest.param("plain", "zstd", marks=needs_zstd),
        ("plain", "gzip"),
    ],
)
def test_a_compressor_that_lies(
    first: str,
    small: ConnectionSettings,
    dest: Path,
    workdir: Path,
    form: str,
    compression: str,
    bad: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ends with status 0, but what it has written cannot be decoded."""
    name = "zstd" if compression == "zstd" else "pigz"
    real_path, real = os.environ["PATH"], shutil.which(name) or shutil.which("gzip")
    script = f'REAL={real}\ncase "$*" in *-d*|*-t*) exec $REAL "$@";; esac\n{bad}'
    monkeypatch.setenv("PATH", replaced(workdir / "bin", name, script) + ":" + real_path)
    with one_failure(dest, first, ""):
        backup(small, dest, format=form, compression=compression)
    monkeypatch.setenv("PATH", real_path)
    heals(small, dest)


@pytest.fixture
def tiny_disk(workdir: Path) -> Iterator[Path]:
    """A directory for backups on a file system of its own, so small that it fills up."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = workdir / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Fill the disk but for so many bytes."""
    status = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(b"\0" * max(0, status.f_bavail * status.f_frsize - left))
    return ballast


@pytest.mark.parametrize("form", ["plain", "custom", "directory"])
def test_disk_full_while_dumping(
    small: ConnectionSettings, tiny_disk: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(backup(small, tiny_disk, globals=False).data["backup"]["path"])
    monkeypatch.setattr(
        "shutil.disk_usage", lambda path: type("usage", (), {"free": 1 << 40})()
    )  # past the check before
    ballast = fill(tiny_disk, 16384)
    words = (
        f"No space left on device: the disk of {tiny_disk} has become full while the dump was written. 0 MiB were free"
    )
    with one_failure(tiny_disk, first, words):
        backup(small, tiny_disk, format=form)
    ballast.unlink()
    heals(small, tiny_disk)


@pytest.mark.parametrize("compression", ["gzip", pytest.param("zstd", marks=needs_zstd)])
def test_disk_full_while_compressing(
    small: ConnectionSettings, tiny_disk: Path, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has room for what one compressor buffers, not for the whole."""
    first = str(backup(small, tiny_disk, globals=False).data["backup"]["path"])
    with connect(small) as database:
        database.execute(INCOMPRESSIBLE)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1 << 40})())
    with one_failure(tiny_disk, first, f"No space left on device: the disk of {tiny_disk} has become full"):
        backup(small, tiny_disk, format="plain", compression=compression, globals=False)
    assert temporaries(tiny_disk) == []
    with connect(small) as database:
        database.execute("DROP TABLE public.noise")
    heals(small, tiny_disk)


INCOMPRESSIBLE = """
CREATE TABLE public.noise AS
SELECT sha256(n::text::bytea) || sha512(n::text::bytea) AS x FROM generate_series(1, 30000) n
"""


def test_there_has_to_be_room_for_the_compressed_dump_only(small: ConnectionSettings, tiny_disk: Path) -> None:
    """The plain text is larger than the disk; nothing of it is ever on it."""
    with connect(small) as database:
        database.execute("CREATE TABLE public.wide AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 5000)")
    done = backup(small, tiny_disk, format="plain", compression="gzip")
    assert done.data["backup"]["verified"]["level"] == "checksum" and done.data["backup"]["size"] < 500_000


@pytest.mark.parametrize("moment", ["backup.file.renamed", "backup.manifest.sync", "backup.verify"])
def test_disk_full_after_the_dump(small: ConnectionSettings, tiny_disk: Path, moment: str) -> None:
    first = str(backup(small, tiny_disk, globals=False).data["backup"]["path"])
    ballasts: list[Path] = []

    def observer(name: str) -> None:
        if name == moment and not ballasts:
            ballasts.append(fill(tiny_disk, 0))

    before = picture(tiny_disk)
    with observed(observer), pytest.raises(TitanError, match=f"'{tiny_disk}/.*': No space left"):
        backup(small, tiny_disk, globals=False)
    assert_nothing_new_counts(tiny_disk, before, first)
    ballasts[0].unlink()
    heals(small, tiny_disk)


def test_a_directory_that_is_read_only(small: ConnectionSettings, tiny_disk: Path) -> None:
    first = str(backup(small, tiny_disk).data["backup"]["path"])
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with one_failure(tiny_disk, first, "mounted read-only"):
        backup(small, tiny_disk)
    subprocess.run(["mount", "-o", "remount,rw", str(tiny_disk)], check=True)
    heals(small, tiny_disk)


def test_the_server_stops_in_the_middle(workdir: Path, dest: Path) -> None:
    cluster = start_server(embedded_programs())
    try:
        with connect(cluster.settings()) as database:
            database.execute(SMALL)
        first = str(backup(cluster.settings(), dest).data["backup"]["path"])
        killer = (
            'case "$1" in --version) exec "$REAL" "$@";; esac\n'
            + f'"$REAL" "$@" | head -c 3000; kill -QUIT {cluster.pid()}; while kill -0 {cluster.pid()}; do sleep 0.1; done; exit 1'
        )
        broken = programs_with(workdir / "bin", "pg_dump", killer)
        with one_failure(dest, first, "pg_dump failed with status 1"):
            backup(cluster.settings(), dest, programs=broken, format="plain")
        with one_failure(dest, first, "Cannot connect"):
            backup(cluster.settings(), dest)
        cluster.start(["fsync=off"])
        heals(cluster.settings(), dest)
    finally:
        cluster.remove()


def test_a_table_that_somebody_has_locked(first: str, small: ConnectionSettings, dest: Path) -> None:
    with connect(small) as other, other.transaction():
        other.execute(
            "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE"
        )
        began = time.monotonic()
        with one_failure(dest, first, "public.orders is held by backend"):
            backup(small, dest, lock_timeout=1)
        assert time.monotonic() - began < 30
    heals(small, dest)


def test_a_time_limit_ends_everything(first: str, small: ConnectionSettings, dest: Path, workdir: Path) -> None:
    slow = programs_with(workdir / "bin", "pg_dump", 'case "$1" in --version) exec "$REAL" "$@";; esac\nexec sleep 60')
    began = time.monotonic()
    with one_failure(dest, first, "time limit of 2 seconds"):
        backup(small, dest, programs=slow, timeout=2)
    assert time.monotonic() - began < 30
    heals(small, dest)


@pytest.mark.parametrize("changed", [{"database": "no_such_database"}, {"user": "no_such_role"}, {"port": 1}])
def test_a_wrong_connection(first: str, small: ConnectionSettings, dest: Path, changed: dict[str, object]) -> None:
    wrong = small._replace(**changed)
    with one_failure(dest, first, "Cannot connect"):
        backup(wrong, dest)


def test_two_starts_at_the_same_time(first: str, small: ConnectionSettings, dest: Path) -> None:
    """One takes the backup; the other says who is at it and since when."""
    inside, go = threading.Event(), threading.Event()

    def wait_inside(name: str) -> None:
        if name == "backup.dump":
            inside.set()
            assert go.wait(30)

    with observed(wait_inside), ThreadPoolExecutor(1) as pool:
        running = pool.submit(backup, small, dest)
        assert inside.wait(30)
        with pytest.raises(LockedError) as caught:
            backup(small, dest)
        go.set()
        assert running.result().changed
    assert caught.value.exit_status == 75
    assert f"a backup of database {small.database!r} (process {os.getpid()}) since 20" in caught.value.message


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_killed_at_every_step(first: str, small: ConnectionSettings, dest: Path, form: str) -> None:
    steps = steps_of(lambda: backup(small, dest, format=form, compression="gzip"))
    assert {"backup.dump", "backup.file.rename", "backup.manifest.rename", "backup.verify"} <= set(steps)
    for number, name in enumerate(steps, 1):
        if form == "directory" and not name.startswith("backup.file"):
            continue  # the same for all formats
        before = picture(dest)
        found = newest_verified(read_catalog(str(dest)), "checksum")
        newest = found.path if found else ""
        assert killed_at(number, lambda: backup(small, dest, format=form, compression="gzip")) == -signal.SIGKILL
        if name != "backup.verified.renamed":  # from then on it is whole, proven and counts
            assert_nothing_new_counts(dest, before, newest)
        assert len(temporaries(dest)) <= 1  # the run after it has swept those of the run before
    heals(small, dest)


def test_killed_at_every_step_of_the_proof(first: str, small: ConnectionSettings, dest: Path, workdir: Path) -> None:
    """What was taken does not count as restored, and neither its cluster nor its files outlive the next run."""
    drills = workdir / "d"
    drills.mkdir()
    workdir.chmod(0o755)  # root's clusters run as somebody else
    given = {"verify": "restored", "drill_dir": str(drills)}
    for name in ("drill.cluster", "drill.restore", "drill.compare"):
        before = picture(dest)
        assert killed_at(name, lambda: backup(small, dest, **given)) == -signal.SIGKILL
        assert newest_verified(read_catalog(str(dest))) is None
        assert_nothing_new_counts(dest, before, first)
        assert len(list(drills.iterdir())) == 1  # of this run; those before it were swept
    done = backup(small, dest, **given)
    assert done.data["backup"]["verified"]["level"] == "restored"
    assert list(drills.iterdir()) == [] and temporaries(dest) == []
    assert [line for line in running() if str(drills) in line] == []


def test_killed_while_removing(small: ConnectionSettings, dest: Path) -> None:
    paths = [backup(small, dest).data["backup"]["path"] for _run in range(3)]
    second_removal = len(steps_of(lambda: backup(small, dest, check=False))) + 2
    assert killed_at(second_removal, lambda: backup(small, dest, keep={"last": 2})) == -signal.SIGKILL
    assert not os.path.exists(paths[0]) and os.path.exists(paths[1])
    backup(small, dest, keep={"last": 2})
    assert len(info(dest).data["backups"]) == 2


SLOW = {
    "the dump": ("pg_dump", ""),
    "initdb": ("initdb", ""),
    "the start of the scratch cluster": ("postgres", 'case "$1" in -D) ;; *) exec "$REAL" "$@";; esac'),
    "the restore": ("pg_restore", 'case "$1" in --list) exec "$REAL" "$@";; esac'),
    "the second dump": ("pg_dump", 'case "$1" in --snapshot*) exec "$REAL" "$@";; esac'),
}


@contextmanager
def noting_a_started_server(drills: Path, ran: Path) -> Iterator[None]:
    """Make the file as soon as a drill starts its server, whose sandbox lets it write nothing outside."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            if list(drills.glob("*/server.log")):
                ran.touch()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("slow", SLOW)
def test_a_time_limit_covers_every_program(
    first: str, small: ConnectionSettings, dest: Path, workdir: Path, slow: str
) -> None:
    name, before = SLOW[slow]
    drills, ran = workdir / "d", workdir / "ran"
    drills.mkdir()
    workdir.chmod(0o1777)  # root's clusters run as somebody else
    script = f'case "$1" in --version) exec "$REAL" "$@";; esac\n{before}\necho $$ > {ran}\nsleep 300 | cat'
    given = {"programs": programs_with(workdir / "bin", name, script), "drill_dir": str(drills)}
    for limit in (2, 4, 8, 16, 32, 64):  # until the slow program is what the time runs out in
        began = time.monotonic()
        with one_failure(dest, first, f"time limit of {limit} seconds"), noting_a_started_server(drills, ran):
            backup(small, dest, verify="restored", timeout=limit, proof="redump", **given)
        assert time.monotonic() - began < limit + 60  # not the 300 of the program
        if ran.exists():
            break
    assert ran.exists()
    assert list(drills.iterdir()) == [] and temporaries(dest) == []
    assert [line for line in running() if str(workdir) in line] == []
    heals(small, dest)


def test_a_time_limit_covers_the_reading_of_what_was_restored(small: ConnectionSettings) -> None:
    with connect(small) as other, other.transaction():
        other.execute(
            "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE"
        )
        with pytest.raises(TitanError, match="time limit of 2 seconds"):
            read_restored(small, 2, deadline=Deadline(2))


def running() -> list[str]:
    """The command lines of all processes that have one."""
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if line]


def test_a_dump_that_fails_cancels_nothing_that_comes_after_it(small: ConnectionSettings) -> None:
    """The dump is tried again on the same connection, where a change of a table's definition came in between."""

    class Dump:
        def kill(self) -> None:
            pass

    def fail() -> None:
        raise TitanError("pg_dump failed")

    with connect(small) as database:
        for _time in range(3):
            with pytest.raises(TitanError, match="pg_dump failed"):
                dump_and_fingerprint(database, cast(Chain, Dump()), fail, [], None, Deadline(60), print)
            assert database.value("SELECT 1 FROM pg_sleep(0.1)") == 1
