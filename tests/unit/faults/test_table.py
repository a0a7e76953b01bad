"""The guide of faults says what the tests have seen."""

from __future__ import annotations

import ast
from pathlib import Path

from .table import ROWS, rendered

ROOT = Path(__file__).resolve().parents[3]


def test_the_guide_has_the_table_that_the_tests_make() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert rendered() in text, f"put this table into docs/faults.md:\n{rendered()}"


def test_each_row_has_its_test() -> None:
    for row in ROWS:
        tree = ast.parse((ROOT / row.file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert row.test in names, row
