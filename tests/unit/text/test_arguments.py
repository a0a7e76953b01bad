"""One spec for both doors: what the command line takes means what the module's option means."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.cli import COMMANDS, parser
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from ansible_collections.titan.database.plugins.module_utils._engine.text.arguments import add_flags, complete
from ansible_collections.titan.database.plugins.module_utils._engine.text.options import Spec, option

SPEC: Spec = {
    "dest": option("path", "Where.", required=True),
    "format": option("str", "How.", choices=["plain", "custom"], default="custom"),
    "jobs": option("int", "How many.", default=2),
    "pin": option("bool", "For ever.", default=False),
    "tables": option("list", "Which.", elements="str"),
    "keep": option("dict", "Rules.", options={"days": option("int", "Days."), "last": option("int", "Number.")}),
    "share": option("float", "Share."),
    "columns": option("list", "Which.", elements="dict", options={"table": option("str", "Its table.")}),
    "password": option("str", "Secret.", no_log=True),
}


def test_defaults_are_filled_in_and_texts_converted() -> None:
    given = {"dest": "/b", "jobs": "4", "pin": "yes", "tables": "a, b", "keep": "days=30,last=3", "share": "0.5"}
    assert complete(given, SPEC) == {
        "dest": "/b", "format": "custom", "jobs": 4, "pin": True, "tables": ["a", "b"],
        "keep": {"days": 30, "last": 3}, "share": 0.5, "columns": None, "password": None,
    }  # fmt: skip
    assert complete({"dest": "/b", "keep": '{"days": 7}', "tables": '["x,y"]'}, SPEC)["tables"] == ["x,y"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "dest"),
        ({"dest": "/b", "format": "tar"}, "format"),
        ({"dest": "/b", "jobs": "many"}, "jobs"),
        ({"dest": "/b", "pin": "perhaps"}, "pin"),
        ({"dest": "/b", "keep": {"years": 1}}, "keep.years"),
        ({"dest": "/b", "keep": "30"}, "keep"),
        ({"dest": "/b", "columns": "orders"}, "columns[0]"),
        ({"dest": "/b", "columns": [7]}, "columns[0]"),
        ({"dest": ["/b"]}, "dest"),
        ({"dest": "/b", "colour": "red"}, "colour"),
    ],
)
def test_bad_values_name_the_option(given: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError) as caught:
        complete(given, SPEC)
    assert caught.value.details["option"] == named
    assert caught.value.exit_status == 2


def test_secrets_have_no_flag() -> None:
    made = argparse.ArgumentParser()
    add_flags(made, SPEC)
    flags = [flag for action in made._actions for flag in action.option_strings]
    assert "--dest" in flags
    assert not [flag for flag in flags if "password" in flag]


@pytest.mark.parametrize("word", COMMANDS)
def test_every_word_explains_itself(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args([word, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in text for name in COMMANDS[word].spec())
    assert "--check" in text
