"""The house rules that a machine can watch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / "plugins" / "module_utils" / "titan_db"
FOLDERS = {path.name for path in ENGINE.iterdir() if path.is_dir() and path.name != "__pycache__"}
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
# What may cross capability folders: the catalog of backups, which migrations the last run knew, and (pure) when a job is due.
ALLOWED = {
    ("retention", "backups.catalog"),
    ("watch", "backups.catalog"),
    ("watch", "migrations.record"),
    ("watch", "schedule.calendar"),
    ("watch", "schedule.expression"),
}


def imports(path: Path) -> list[tuple[int, str]]:
    """(level, dotted name) of each import in the file, wherever it stands."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += [(node.level, ".".join(filter(None, (node.module, alias.name)))) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("*.py")), ids=lambda path: str(path.relative_to(ENGINE)))
def test_the_engine_knows_nothing_of_ansible_and_imports_downward(path: Path) -> None:
    folder = path.parent.name if path.parent != ENGINE else ""
    for level, name in imports(path):
        assert level or not name.startswith("ansible"), f"{path.name} imports {name}"
        top = name.split(".")[0]
        if folder and level == 2 and top in FOLDERS and top != folder:
            assert (folder, ".".join(name.split(".")[:2])) in ALLOWED, f"{folder}/{path.name} imports {name}"
        if not folder and level == 1:
            assert top not in FOLDERS, f"the bottom file {path.name} imports the capability {name}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT / "plugins")))
def test_no_shell_and_one_error_door(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword):
            assert not (node.arg == "shell" and getattr(node.value, "value", None) is True)
            assert node.arg != "use_unsafe_shell"
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fail_json":
            assert path.name == "_module.py"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "bare except"


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.name)
def test_a_module_is_documentation_and_a_short_main(path: Path) -> None:
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    assert [function.name for function in functions] == ["main"]
    assert (functions[0].end_lineno or 0) - functions[0].lineno < 30
