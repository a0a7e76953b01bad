"""The reader against a real shell: what it accepts means the same to dash, everything else is refused."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.host.env_file import EnvFileError, parse_env
from hypothesis import given
from hypothesis import strategies as st

NAMES = ["A", "B_1", "_C"]


def shell_view(text: str, names: list[str]) -> dict[str, str] | None:
    """The variables as /bin/sh sees them after sourcing the text; None when the shell fails."""
    script = "set -a\n. /dev/stdin\nset +a\nenv -0"
    done = subprocess.run(
        ["sh", "-euc", script], input=text.encode(), capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=False
    )
    if done.returncode:
        return None
    pairs = (item.split(b"=", 1) for item in done.stdout.split(b"\0") if b"=" in item)
    return {key.decode(): value.decode() for key, value in pairs if key.decode() in names}


PIECES = st.sampled_from(
    [
        "a",
        "Z9",
        "ü",
        " ",
        "'",
        '"',
        "\\",
        "$",
        "`",
        ";",
        "#",
        "=",
        "\n",
        "\t",
        "%",
        "~",
        "*",
        "&",
        "A=",
        "export B_1=",
        "_C=",
        "(",
        "!",
        ":/@",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_accepted_text_means_the_same_to_the_shell(text: str) -> None:
    try:
        ours = parse_env(text)
    except EnvFileError:
        return
    assert {key: value for key, value in ours.items() if key in NAMES} == shell_view(text, NAMES)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_value_in_single_quotes_comes_back(value: str) -> None:
    assert parse_env("A='" + value.replace("'", "'\\''") + "'\n") == {"A": value}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nB=a b\n", 2),
        ("A=$HOME", 1),
        ("\n\nif true", 3),
        ('A="x', 1),
        ("A='x", 1),
        ("A=1\r\n", 1),
        ("A=`id`", 1),
        ('A="$x"', 1),
    ],
)
def test_refused_lines_are_named(text: str, line: int) -> None:
    with pytest.raises(EnvFileError) as caught:
        parse_env(text, "/srv/.env")
    assert f"/srv/.env, line {line}:" in str(caught.value)
