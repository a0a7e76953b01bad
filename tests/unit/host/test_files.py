# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes are those that are documented, whatever the umask; a directory of ours that was closed is opened, others are not."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.managed_files import (
    managed_files_from_options,
)
from ansible_collections.titan.database.plugins.module_utils._engine.environment.host_command import (
    HOST_COMMAND,
    install,
    packed,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError, TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.host.files import (
    make_directories,
    require_private_directory,
    require_private_key,
    write_file,
)
from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call, Outcome
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import complete


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == 0o777 and os.geteuid():
        pytest.skip("nobody but root can use what is made under this umask")
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def zipped() -> bytes:
    """A command that can be compiled: a shebang and an archive."""
    made = io.BytesIO(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), "")  # of the same date each time
    return made.getvalue()


def installed(folder: Path, check_mode: bool = False, **more: Any) -> Outcome:
    given = {
        **more,
        "path": str(folder / "bin" / "titan-db"),
        "spare": str(folder / "etc" / "titan-db" / "titan-db"),
        "content": packed(zipped()),
    }
    return install(Call(complete(given, HOST_COMMAND), None, check_mode))


def test_each_directory_has_the_mode_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    make_directories(str(tmp_path / "a" / "b" / "c"))
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o755] * 3
    make_directories(str(tmp_path / "d"), 0o700)
    assert mode(tmp_path / "d") == 0o700


def test_the_command_can_be_run_by_others_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    assert installed(tmp_path).changed
    for name in ("bin", "bin/titan-db", "etc", "etc/titan-db", "etc/titan-db/titan-db"):
        assert mode(tmp_path / name) == 0o755, name
    assert not installed(tmp_path).changed


@pytest.mark.parametrize("closed", [0o750, 0o700, 0o754, 0o711])
def test_a_closed_directory_of_ours_is_opened(tmp_path: Path, closed: int) -> None:
    installed(tmp_path)
    (tmp_path / "etc" / "titan-db").chmod(closed)
    planned = installed(tmp_path, check_mode=True)
    assert planned.changed and mode(tmp_path / "etc" / "titan-db") == closed
    assert f"titan-db mode {closed:04o}\n" in planned.before and "titan-db mode 0755\n" in planned.after
    done = installed(tmp_path)
    assert done.changed and done.before == planned.before and done.after == planned.after
    assert mode(tmp_path / "etc" / "titan-db") == 0o755 and not installed(tmp_path).changed


@pytest.mark.parametrize("kept", [0o2775, 0o755, 0o775])
def test_what_can_be_entered_or_is_not_ours_is_left_alone(tmp_path: Path, kept: int) -> None:
    installed(tmp_path)
    (tmp_path / "etc" / "titan-db").chmod(kept)
    (tmp_path / "bin").chmod(0o750)
    assert not installed(tmp_path).changed
    assert mode(tmp_path / "etc" / "titan-db") == kept and mode(tmp_path / "bin") == 0o750


def test_the_configuration_of_the_jobs_can_be_reached_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    path = tmp_path / "etc" / "titan-db" / "production.json"
    options = [{"path": str(path), "content": "{}", "mode": "0644"}]

    def planned() -> list[bool]:
        return [each.changes() for each in managed_files_from_options(options, True)]

    for each in managed_files_from_options(options, True):
        each.apply()
    assert mode(path) == 0o644 and mode(path.parent) == 0o755 and mode(path.parent.parent) == 0o755
    assert planned() == [False]
    path.parent.chmod(0o750)
    if os.geteuid() == 0:  # whom the mode does not keep out
        assert planned() == [True]
        managed_files_from_options(options, True)[0].apply()
        assert planned() == [False] and mode(path.parent) == 0o755


def test_env_files_that_everybody_can_read_are_put_right(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("open", "group", "own")}
    for path, bits in zip(files.values(), (0o644, 0o640, 0o600)):
        path.write_text("DB_NAME=x\n")
        path.chmod(bits)
    names = [str(path) for path in files.values()]
    installed(tmp_path)
    for check_mode in (True, False):
        outcome = installed(tmp_path, check_mode, env_files=names)
        assert outcome.changed and f"{files['open']} mode 0644" in outcome.before
        assert mode(files["open"]) == (0o644 if check_mode else 0o600)
    assert [mode(path) for path in files.values()] == [0o600, 0o640, 0o600]
    assert not installed(tmp_path, env_files=names).changed


def test_a_secret_gets_into_no_file_that_everybody_can_read(tmp_path: Path) -> None:
    item = {"path": str(tmp_path / "x.json"), "content": '{"notify": {"token": "s3cret"}}'}
    with pytest.raises(OptionError, match="notify.token") as refused:
        managed_files_from_options([item], present=True)
    assert "s3cret" not in refused.value.message
    assert managed_files_from_options([{**item, "mode": "0600"}], present=True)[0].changes()


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("AGE-SECRET-KEY-1")
    (tmp_path / "key").chmod(0o604)
    with pytest.raises(TitanError, match="chmod 0600"):
        require_private_key(str(tmp_path / "key"), "identity")
    (tmp_path / "key").chmod(0o640)
    require_private_key(str(tmp_path / "key"), "identity")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(TitanError, match="'identity': .*pipe' is not a regular file"):  # where age would wait
        require_private_key(str(tmp_path / "pipe"), "identity")


def test_a_directory_that_cannot_be_written_to_is_refused_before_the_work() -> None:
    folder = tempfile.mkdtemp(dir="/var/tmp")
    user = os.geteuid() or 65534
    try:
        os.chown(folder, user, -1)
        os.chmod(folder, 0o500)
        os.seteuid(user)
        with pytest.raises(
            TitanError, match=rf"'dest': the directory '{folder}' cannot be written to by user id {user}; chmod 0700 it"
        ):
            require_private_directory(folder, "dest")
        os.chmod(folder, 0o700)
        require_private_directory(folder, "dest")
    finally:
        os.seteuid(os.getuid())
        os.rmdir(folder)


def test_what_a_killed_writer_has_left_goes_when_the_file_is_written_again(tmp_path: Path) -> None:
    """But not what somebody may be writing, nor what only looks alike."""
    for name, age in (("dead", 100), ("busy", 0)):
        for part in (f".{name}.json.0123abcd.part", f".{name}.json.0123abcdef.part", f".{name}xjson.0123abcd.part"):
            (tmp_path / part).write_text("half")
            os.utime(tmp_path / part, (time.time() - age,) * 2)
        (tmp_path / f".{name}.json.01234567.part").mkdir()
        os.utime(tmp_path / f".{name}.json.01234567.part", (0, 0))
        before = set(os.listdir(tmp_path))
        assert write_file(str(tmp_path / f"{name}.json"), b"whole")
        gone = {f".{name}.json.0123abcd.part"} if age else set()
        assert set(os.listdir(tmp_path)) == before - gone | {f"{name}.json"}
