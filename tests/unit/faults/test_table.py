"""The guide of faults says what the tests have seen."""

from __future__ import annotations

import ast

import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.session_settings import (
    SERVER_SETTINGS,
    startup_options,
)
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.time_limit import DEFAULT_SECONDS

from .table import ROOT, ROWS, limits, rendered, rendered_limits


def test_the_guide_has_the_table_that_the_tests_make() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert rendered() in text, f"put this table into docs/faults.md:\n{rendered()}"


def test_the_guide_names_the_limit_of_each_word_and_module() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert rendered_limits() in text, f"put this table into docs/faults.md:\n{rendered_limits()}"
    assert len(limits()) > 4 and {"rehearse", "recover", "rescue", "measure"} <= set(limits()["timeout", 21600])


def test_each_row_has_its_test() -> None:
    for row in ROWS:
        tree = ast.parse((ROOT / row.file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert row.test in names, row


def test_the_sessions_of_role_access_have_what_ends_them() -> None:
    """They are those of modules of others: what the engine's sessions begin with stands in the role."""
    given = yaml.safe_load((ROOT / "roles/access/vars/main.yml").read_text(encoding="utf-8"))
    begun_with = given["access_steady"]["options"]
    assert all(one in begun_with for one in startup_options(SERVER_SETTINGS).split() if "=" in one), begun_with
    assert f"statement_timeout={DEFAULT_SECONDS:.0f}s" in begun_with and given["access_steady"]["connect_timeout"] == 10
    assert "access_steady.options" in given["access_unlogged_options"] and "access_steady" in given["access_unlogged"]
