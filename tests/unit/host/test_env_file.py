"""Env files: what needs a shell is asked of one, as the file's owner; a mistake is named with its line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host.env_file import (
    EnvFileError,
    check_against_shell,
    parse_env,
    read_env_file,
    read_env_text,
)
from ansible_collections.titan.database.plugins.module_utils._engine.text.env_repairs import as_meant
from hypothesis import given
from hypothesis import strategies as st


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_value_in_single_quotes_comes_back(value: str) -> None:
    assert parse_env("A='" + value.replace("'", "'\\''") + "'\n") == {"A": value}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nB=a b\n", 2),
        ("A=$(id)", 1),
        ("\n\nif true", 3),
        ('A="x', 1),
        ("A='x", 1),
        ("A=1\r\n", 1),
        ("A=`id`", 1),
        ("\ufeffA=1", 1),
        ("A=1\nTOKEN_VALIDITY= 3", 2),
        ('A=1\nB = "x"', 2),
    ],
)
def test_refused_lines_are_named(text: str, line: int) -> None:
    with pytest.raises(EnvFileError) as caught:
        parse_env(text, "/srv/.env")
    assert f"/srv/.env, line {line}:" in str(caught.value)


def written(tmp_path: Path, text: str, mode: int = 0o600) -> str:
    path = tmp_path / "my env"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_lines_that_need_a_shell_block_nothing(tmp_path: Path) -> None:
    text = "DATABASE_URL=postgresql://u:p@h/d\nHOST=$(echo here)\nCALLBACK=http://x/?a=1&b=2\nA=${Z:=1}\n[ -n x ] && umask 077\n"
    path = written(tmp_path, text)
    found = read_env_file(path)
    assert (found["DATABASE_URL"], found["HOST"], found["A"], found["b"]) == ("postgresql://u:p@h/d", "here", "1", "2")
    assert "CALLBACK" not in found
    assert check_against_shell(path) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "A=$(echo x)\nDATABASE_URL=postgresql://u:p@h/d?a=1&sslmode=require\n",
            "line 2: the shell does not keep the value",
        ),
        ("A=$(echo x)\nno-such-s3cret-program\nB=1\n", "line 2: the shell fails: not found"),
        ("A=$(echo x)\nif true\n", "Syntax error"),
        ("A=$(echo x)\nfalse\n", "its status is not 0"),
        ("A=1\n(\n", "Syntax error"),
    ],
)
def test_what_the_shell_refuses_is_refused_without_a_value(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(EnvFileError) as caught:
        read_env_file(written(tmp_path, text))
    assert part in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_root_never_runs_what_others_can_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = written(tmp_path, "A=$(id -u)\nB=$(id -G)\n")
    os.chown(tmp_path, 65534, 65534)
    os.chown(path, 65534, 65534)
    assert (read_env_file(path)["A"], read_env_file(path)["B"]) == ("65534", "65534")
    os.chown(tmp_path, 0, 0)
    os.chown(path, 0, 65534)
    assert read_env_file(path)["A"] == "0"
    os.chmod(path, 0o660)
    with pytest.raises(EnvFileError, match="users other than root may write"):
        read_env_file(path)


URL = "DATABASE_URL=postgresql://u:p@h/d"


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        (f"{URL}\r\nX=1\r\n", True),
        (f"{URL}\r\n\r\n", False),
        (f"\ufeff{URL}\nX=1\n", True),
        (f"\ufeff{URL}\n", False),
        ("DATABASE_URL = 'postgresql://u:p@h/d' # main\nX=1\n", True),
        ('export DATABASE_URL ="postgresql://u:p@h/d"', False),
    ],
)
def test_what_is_meant_is_read_and_the_shell_decides_whether_a_line_can_start(
    tmp_path: Path, text: str, starts: bool
) -> None:
    """The judge is the jobs' shell: whether ``set -a; . FILE && true`` comes to its end."""
    path = written(tmp_path, "")
    Path(path).write_bytes(text.encode())
    done = subprocess.run(["/bin/sh", "-c", f"(set -a; . '{path}' && true)"], capture_output=True, check=False)
    assert (done.returncode == 0) == starts
    assert read_env_file(path)["DATABASE_URL"] == "postgresql://u:p@h/d"
    assert len(read_env_text(path).notes) == 1 and "u:p" not in read_env_text(path).notes[0]
    if starts:
        assert check_against_shell(path)["DATABASE_URL"] == "postgresql://u:p@h/d"
    else:
        with pytest.raises(EnvFileError, match=r"sed -i|Remove them"):
            check_against_shell(path)


@pytest.mark.parametrize(
    "text", ["A = b c\n", "A =$(id)\n", "A =\n", "KEY='-----\nA = b\n", "A\t= x & rm y\n", "A= 3\n", "A=1\rB=2\n"]
)
def test_what_leaves_doubt_is_not_put_right(text: str) -> None:
    assert as_meant(text) == (text, ())


def test_a_quoted_text_keeps_its_lines() -> None:
    assert as_meant("KEY='-----\nA = b\n'\nB = 2\n")[0] == "KEY='-----\nA = b\n'\nB=2\n"
