"""The guide of faults says what the tests have seen."""

from __future__ import annotations

import ast

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
