"""titan-db is one file, the same bytes everywhere, and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.environment.host_command import packed
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp
from ansible_collections.titan.database.plugins.module_utils._engine.host.compiled import Compiled
from ansible_collections.titan.database.plugins.module_utils._engine.host.start import compiled_path
from ansible_collections.titan.database.plugins.module_utils._engine.version import VERSION

PACKAGE = Path(zipapp.PACKAGE)
ROOT = Path(__file__).resolve().parents[3]


def install(
    call_module: Callable[..., dict[str, Any]], path: Path, check_mode: bool = False, **options: Any
) -> dict[str, Any]:
    content = packed(zipapp.build(sys.executable))
    return call_module("host_command", check_mode, path=str(path), content=content, **options)


def test_same_files_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "titan_db"
    shutil.copytree(PACKAGE, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert zipapp.build("/usr/bin/python3", str(copy)) == zipapp.build("/usr/bin/python3")


def test_another_file_other_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "titan_db"
    shutil.copytree(PACKAGE, copy)
    with open(copy / "errors.py", "a", encoding="utf-8") as stream:
        stream.write("# one more line\n")
    assert zipapp.build("/usr/bin/python3", str(copy)) != zipapp.build("/usr/bin/python3")


def test_install_check_run_again(tmp_path: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    path = tmp_path / "it's a place" / "titan-db"
    assert install(call_module, path, check_mode=True)["changed"] is True
    assert not path.parent.exists()
    assert install(call_module, path)["changed"] is True
    assert install(call_module, path)["changed"] is False
    assert path.stat().st_mode & 0o7777 == 0o755
    path.chmod(0o700)
    assert install(call_module, path)["changed"] is True
    with zipfile.ZipFile(path) as archive:
        assert "titan_db/cli.py" in archive.namelist()
        assert not [name for name in archive.namelist() if "__pycache__" in name]


def test_a_spare_copy_comes_with_it_and_back(tmp_path: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    path, spare = tmp_path / "bin" / "titan-db", tmp_path / "etc" / "titan-db"
    assert install(call_module, path)["spare"] is None
    planned = install(call_module, path, check_mode=True, spare=str(spare))
    assert planned["changed"] and not spare.parent.exists()
    done = install(call_module, path, spare=str(spare))
    assert (done["changed"], done["diff"], done["spare"]) == (True, planned["diff"], str(spare))
    assert done["summary"].startswith(f"{spare} installed")
    assert install(call_module, path, spare=str(spare))["changed"] is False
    assert spare.read_bytes() == path.read_bytes() and spare.stat().st_mode & 0o7777 == 0o755
    path.unlink()
    spare.write_bytes(b"another")
    assert install(call_module, path, spare=str(spare))["changed"] is True
    assert spare.read_bytes() == path.read_bytes()


def test_a_spare_copy_that_is_none_is_refused(tmp_path: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    for spare, said in ((f"{tmp_path}/x/../titan-db", "another directory"), (str(tmp_path), "not a regular file")):
        result = install(call_module, tmp_path / "titan-db", spare=spare)
        assert result["failed"] and said in result["msg"], result
        assert not (tmp_path / "titan-db").exists()


def test_it_runs_wherever_it_lies(tmp_path: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    path = tmp_path / "a b" / "titan-db"
    install(call_module, path)
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False, env={"PYTHONPATH": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert "cleanup" in done.stdout
    assert subprocess.run([path, "no-such-word"], capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [("A= b\n", "line 1"), ("A='x\n", "never closed"), ("A=1\nb c\n", "line 2"), (None, "cannot be read")],
)
def test_a_bad_env_file_stops_the_installation(
    tmp_path: Path, call_module: Callable[..., dict[str, Any]], text: str | None, said: str
) -> None:
    env_file = tmp_path / ".env"
    if text is not None:
        env_file.write_text(text)
    result = install(call_module, tmp_path / "titan-db", env_files=[str(env_file)])
    assert result["failed"] and said in result["msg"] and str(env_file) in result["msg"]
    assert not (tmp_path / "titan-db").exists()


def test_a_link_in_the_way_is_refused(tmp_path: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    target = tmp_path / "important"
    target.write_text("keep me")
    (tmp_path / "titan-db").symlink_to(target)
    assert install(call_module, tmp_path / "titan-db")["failed"]
    assert target.read_text() == "keep me"


def test_the_engine_says_the_collections_version() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == VERSION


def compiled_copy(command: Path) -> Path:
    return Path(compiled_path(str(command)))


def started(command: Path) -> str:
    """Where the command's modules come from."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from titan_start import use_compiled; use_compiled(sys.argv[1]); print(sys.path[0])"
    done = subprocess.run([sys.executable, "-I", "-c", code, command], capture_output=True, text=True, check=True)
    assert subprocess.run([command, "--help"], capture_output=True, check=False).returncode == 0
    return done.stdout.strip()


def test_its_modules_come_from_the_compiled_copy_as_long_as_it_is_of_the_same_content(
    tmp_path: Path, call_module: Callable[..., dict[str, Any]]
) -> None:
    command, spare = tmp_path / "a b" / "titan-db", tmp_path / "etc" / "titan-db"
    install(call_module, command, spare=str(spare), interpreter=sys.executable)
    copy = compiled_copy(command)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o644, 0o755)
    assert (started(command), started(spare)) == (str(copy), str(compiled_copy(spare)))
    with open(command, "ab") as stream:
        stream.write(b"x" * 10)
    assert started(command) == str(command)
    command.write_bytes(spare.read_bytes())
    assert started(command) == str(copy)


def emptied(copy: Path) -> None:
    copy.write_bytes(b"")


def cut(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-100])


def one_byte(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)


def open_to_all(copy: Path) -> None:
    copy.parent.chmod(0o777)


def writable(copy: Path) -> None:
    copy.chmod(0o666)


def linked(copy: Path) -> None:
    copy.rename(copy.parent / "elsewhere")
    copy.symlink_to("elsewhere")


def unreadable(copy: Path) -> None:
    copy.chmod(0o600)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A command with its compiled copy."""
    command = tmp_path_factory.mktemp("compiled") / "titan-db"
    command.write_bytes(zipapp.build(sys.executable))
    command.chmod(0o755)
    Compiled(sys.executable, command.read_bytes()).write(str(command))
    return command


@pytest.mark.parametrize("harm", [Path.unlink, emptied, cut, one_byte, open_to_all, writable, linked, unreadable])
def test_a_compiled_copy_that_is_not_as_it_was_made_is_found(
    tmp_path: Path, compiled: Path, harm: Callable[[Path], object]
) -> None:
    folder = tmp_path / "bin"
    shutil.copytree(compiled.parent, folder)
    command = folder / compiled.name
    copy = compiled_copy(command)
    assert Compiled(sys.executable, command.read_bytes()).is_current(str(command))
    harm(copy)
    assert not Compiled(sys.executable, command.read_bytes()).is_current(str(command))
    if harm in (open_to_all, writable, linked, Path.unlink, emptied):  # somebody else's, or none: not used
        assert started(command) == str(command)


def test_a_compiled_copy_is_made_again(compiled: Path, call_module: Callable[..., dict[str, Any]]) -> None:
    compiled_copy(compiled).parent.chmod(0o777)
    planned = install(call_module, compiled, check_mode=True, interpreter=sys.executable)
    done = install(call_module, compiled, interpreter=sys.executable)
    assert done["changed"] and planned["changed"] and planned["diff"] == done["diff"]
    assert f"{compiled} is not compiled" in str(done["diff"]) and f"{compiled} compiled" in done["summary"]
    assert install(call_module, compiled, interpreter=sys.executable)["changed"] is False


def test_the_copy_is_for_the_python_that_runs_the_command(
    tmp_path: Path, call_module: Callable[..., dict[str, Any]]
) -> None:
    """Where there is none (yet), or it is another one, the command is installed all the same."""
    command = tmp_path / "titan-db"
    assert install(call_module, command, interpreter="/nowhere/python")["changed"] is True
    assert install(call_module, command, interpreter="/nowhere/python")["changed"] is False
    other = tmp_path / "python"
    other.write_text(f"""#!/bin/sh
case "$*" in *cache_tag*) echo '["other-1", "00"]' ;; *) exec "{sys.executable}" "$@" ;; esac
""")
    other.chmod(0o755)
    assert install(call_module, command, interpreter=str(other))["changed"] is True
    assert (command.parent / ".titan-db.compiled" / "other-1.zip").exists()
    assert started(command) == str(command)
