"""The reader of env files against dash: on random files, what the reader understands is what the shell assigns."""

from __future__ import annotations

import os
import random
import subprocess

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.text.shell_assignments import (
    AssignmentError,
    BeyondError,
    read_assignments,
    unset_references,
)

from ..postgres.env_forms import FORMS

# TITAN_DB_FUZZ=10000 for a longer run by hand.
FILES = int(os.environ.get("TITAN_DB_FUZZ", "200"))
NAMES = ("A", "B_1", "_C", "DATABASE_URL", "DB_HOST")
PIECES = (
    *"aZ9.,:/@%+-_=!?*[]{}^",
    *(
        "ü",
        "Ł\u0081",
        "日本",
        " ",
        "\t",
        "  ",
        "'",
        '"',
        "''",
        '""',
        "\\",
        "\\\n",
        "$",
        "$$",
        "~",
        "~root",
        "#",
        " #",
        ";",
        "\n",
    ),
    *(
        "&",
        "|",
        "(",
        "<",
        "`",
        "\r",
        "$A",
        "${A}",
        "${B_1:-x}",
        "${Z-y/z}",
        "${A:+set}",
        "${DB_HOST}",
        "$Z",
        "$1",
        "$'",
        '$"',
    ),
    *(
        "A=",
        "B_1=",
        "\nexport _C=",
        "\nDATABASE_URL=",
        "\nDB_HOST=",
        " A=",
        "export ",
        "'a b'",
        '"$A c"',
        '"\\$\\"\\q"',
        "\v",
    ),
)
SAFE = tuple(
    piece
    for piece in PIECES
    if piece not in ("&", "|", "(", "<", "`", "\r", "~", "~root", " ", "\t", "  ", "'", '"', "\v", "$$", "$1")
)


def random_file(source: random.Random) -> str:
    """Lines of assignments, most of them well-formed, some of anything."""
    lines = []
    for _line in range(source.randint(1, 5)):
        pieces = source.choice((SAFE, SAFE, PIECES))
        value = "".join(source.choice(pieces) for _piece in range(source.randint(0, 6)))
        quote = source.choice(("", "", "'", '"'))
        start = source.choice(("", "", "", "export ", " "))
        lines.append(f"{start}{source.choice(NAMES)}={quote}{value}{quote}")
    return "\n".join(lines) + source.choice(("", "\n"))


def mutated_file(source: random.Random) -> str:
    """A file as applications have it, with something inserted, cut, moved or mixed with another file."""
    texts = [form.text for form in FORMS]
    text = source.choice(texts)
    for _change in range(source.randint(0, 4)):
        start = source.randint(0, len(text))
        end = start + source.randint(0, 12)
        other = source.choice(
            (source.choice(PIECES), text[end : end + 20], source.choice(texts)[: source.randint(1, 40)])
        )
        text = text[:start] + other + text[source.choice((start, end)) :]
    return text


def dash_view(text: str) -> dict[str, str] | None:
    """The variables that dash exports after it has sourced the text with an empty environment; None if it fails."""
    done = subprocess.run(
        ["dash", "-euc", "set +u; set -a; . /dev/stdin; exec /usr/bin/env -0"],
        input=text.encode("utf-8", "surrogateescape"), capture_output=True, env={}, check=False,
    )  # fmt: skip
    if done.returncode or done.stderr:
        return None
    pairs = (item.split(b"=", 1) for item in done.stdout.split(b"\0") if b"=" in item)
    found = {key.decode(): value.decode("utf-8", "surrogateescape") for key, value in pairs}
    return {key: value for key, value in found.items() if key not in ("PWD", "OLDPWD")}


def test_what_is_understood_is_what_dash_assigns() -> None:
    understood = 0
    for seed in range(FILES):
        source = random.Random(seed)
        text = mutated_file(source) if seed % 2 else random_file(source)
        try:
            ours = read_assignments(text)
        except AssignmentError:
            continue
        understood += 1
        assert ours == dash_view(text), (seed, text)
    assert understood > FILES // 3, "most files have to be understood, or nothing was compared"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("A=1\nB=a b\n", 2, "unquoted space"),
        ("A= 3", 1, "unquoted space"),
        ('DATABASE_URL = "x"', 1, "space before the equals sign"),
        ("export A = 1", 1, "space before the equals sign"),
        ('A=1\nB="x', 2, "double quote"),
        ("A='x\n\n", 1, "single quote"),
        ("A=1\r\n", 1, "carriage return"),
        ("A=1\n\r\n", 2, "carriage return"),
        ("A=\\", 1, "backslash"),
        ("A=\0", 1, "NUL"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(AssignmentError) as caught:
        read_assignments(text)
    assert not isinstance(caught.value, BeyondError)
    assert (caught.value.line, reason in caught.value.reason) == (line, True)


@pytest.mark.parametrize(
    "text",
    [
        "A=`id`",
        "A=$(id)",
        'A="$(id)"',
        "A=a&b=c",
        "A=~/x",
        "A=$$",
        "ulimit -n 100",
        "if true",
        "A=${B%x}",
        "A=$PATH",
        "x",
    ],
)
def test_what_needs_a_shell_is_left_to_it(text: str) -> None:
    with pytest.raises(BeyondError):
        read_assignments(text)


def test_a_reference_without_a_value_is_named() -> None:
    text = "A=1\nURL=\"x$A$word${other}${z:-1}\"\nP='$no'\n"
    variables = read_assignments(text)
    assert variables["URL"] == "x11"
    assert unset_references(text, variables, "URL") == ["other", "word"]
    assert unset_references(text, variables, "P") == unset_references(text, variables, "A") == []
