"""The house rules that a machine can watch."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.collection.imports import (
    ORDER,
    against_the_order,
    circles,
    engine_files,
    folder_graph,
    graph_of,
    imported_from_outside,
    missing,
)
from tools import picture

ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / "plugins" / "module_utils" / "_engine"
FROM = "from"  # apart, or these tests would be read as such imports themselves
OTHERS = ("benchmarks", "docs", "examples", "molecule", "playbooks", "plugins", "roles", "tests", "tools")
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))


def findings(engine: Path) -> list[str]:
    """All that is wrong with the engine's imports."""
    graph, wrong = graph_of(engine)
    files = [f"a circle of files: {circle}" for circle in circles(graph)]
    folders = [f"a circle of folders: {circle}" for circle in circles(folder_graph(engine))]
    return [*wrong, *against_the_order(graph), *files, *folders]


def unnamed_folders(engine: Path, *pages: str) -> list[str]:
    """Folders of the engine that one of the pages does not name."""
    names = {path.name for path in engine.rglob("*/") if path.is_dir() and path.name != "__pycache__"}
    return sorted(name for name in names if not all(re.search(rf"\b{name}\b", page) for page in pages))


def test_imports_point_downward_without_a_circle() -> None:
    assert findings(ENGINE) == []


def test_every_file_of_the_engine_is_looked_at() -> None:
    files = engine_files(ENGINE)
    graph, _other = graph_of(ENGINE)
    assert set(graph) == set(files) and len(files) > 150
    assert sum(map(len, graph.values())) > 500
    tops = {name.split(".")[0] for name in files if name}
    assert tops == {name for names in ORDER for name in names}


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(engine: Path) -> None:
        with open(engine / name, "a", encoding="utf-8") as stream:
            stream.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            append("text/durations.py", "from ..host import files\n"),
            "text.durations imports host.files, which is not below it",
        ),
        (
            append("host/clock.py", "def f():\n    from ..jobs.run import run_job\n"),
            "host.clock imports jobs.run, which is not",
        ),
        (append("retention/findings.py", "from ..backups.keep import plan\n"), "not open to retention"),
        (append("backups/naming2.py", "from ..reindex import bloat\n"), "backups.naming2 imports reindex.bloat"),
        (append("errors.py", "import ansible.errors\n"), "imports ansible.errors"),
        (append("errors.py", "from ansible.module_utils import basic\n"), "imports ansible.module_utils"),
        (append("errors.py", "from ..other import thing\n"), "imports outside the engine"),
        (append("migrations/sql/tokens.py", "from ..gone.nowhere import thing\n"), "which is no file of the engine"),
        (append("migrations/sql/tokens.py", "from . import lexer\n"), "a circle of files: migrations.sql"),
        (append("migrations/sql/tokens.py", "from ..run.watch2 import x\n"), "which is no file"),
        (append("backups/content/row_hash.py", "from ..restore import restore\n"), "a circle of folders"),
        (append("strange/thing.py", "from ..errors import TitanError\n"), "no place in the order"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_is_broken_once(tmp_path: Path, change: Callable[[Path], None], said: str) -> None:
    copy = tmp_path / "_engine"
    shutil.copytree(ENGINE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "strange").mkdir()
    change(copy)
    found = findings(copy)
    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    ("entry", "others"),
    [
        (
            "backups.information",
            ("backups.dump.", "backups.load.", "backups.proof.", "backups.restore.", "backups.recover."),
        ),
        (
            "migrations.information",
            ("migrations.operation", "migrations.run", "migrations.lint.", "migrations.takeover."),
        ),
    ],
)
def test_a_module_that_only_looks_is_sent_without_what_works(entry: str, others: tuple[str, ...]) -> None:
    """Ansible follows all imports anew in each play: about a second of processor time for a hundred files."""
    graph, _wrong = graph_of(ENGINE)
    needed, left = {entry}, [entry]
    while left:
        new = set(graph[left.pop()]) - needed
        needed |= new
        left += new
    assert [name for name in needed if name.startswith(others)] == []
    assert "outcome" in needed and len(needed) < 90


def test_what_others_import_of_the_engine_is_there() -> None:
    """Programs of playbooks and roles run on hosts, where no type checker looks at them."""
    files = engine_files(ENGINE)
    seen, wrong = 0, []
    for path in (path for top in OTHERS for path in sorted((ROOT / top).rglob("*"))):
        if (
            path.is_file()
            and path.suffix in (".py", ".yml", ".yaml", ".j2", ".sh", ".md", "")
            and ENGINE not in path.parents
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            seen += sum(1 for _each in imported_from_outside(text))
            wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in missing(text, files)]
    assert wrong == [] and seen > 700
    assert missing(
        f"{FROM} titan_db.postgres.variables import settings_from_options\n{FROM} _engine.gone import x", files
    ) == [
        "postgres.variables.settings_from_options",
        "gone.x",
    ]


WITHOUT_PSYCOPG2 = """
import importlib, sys
sys.modules["psycopg2"] = None
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(len(sys.argv[2:]))
"""


def test_everything_is_imported_without_psycopg2() -> None:
    """A host that lacks it is told so in a sentence, when a connection is wanted; not by an import that ends in a traceback."""
    names = [f"_engine.{name}".rstrip(".") for name in engine_files(ENGINE) if not name.endswith("__main__")]
    program = [sys.executable, "-c", WITHOUT_PSYCOPG2, str(ENGINE.parent), *names]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)
    assert ended.stdout == f"{len(names)}\n", ended.stderr[-1000:]


def test_the_map_names_every_folder(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert unnamed_folders(ENGINE, page) == []
    (tmp_path / "strange" / "room").mkdir(parents=True)
    assert unnamed_folders(tmp_path, page) == ["room", "strange"]


def test_the_picture_is_drawn_from_the_imports() -> None:
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.drawn(), "run: make picture"


def test_a_connections_inside_is_used_in_postgres_only() -> None:
    found = [
        f"{path.relative_to(ENGINE)}:{node.lineno}"
        for path in ENGINE.rglob("*.py")
        if path.relative_to(ENGINE).parts[0] != "postgres"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "raw"
    ]
    assert found == []


def test_records_are_typed() -> None:
    untyped = sum(path.read_text(encoding="utf-8").count("dict[str, Any]") for path in ENGINE.rglob("*.py"))
    assert untyped <= 60


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(ROOT / "plugins")))
def test_no_shell_and_one_error_door(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword):
            assert not (node.arg == "shell" and getattr(node.value, "value", None) is True)
            assert node.arg != "use_unsafe_shell"
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fail_json":
            assert path.name in ("_module.py", "_host_module.py")
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "bare except"


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.name)
def test_a_module_is_documentation_and_a_short_main(path: Path) -> None:
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    assert [function.name for function in functions] == ["main"]
    assert (functions[0].end_lineno or 0) - functions[0].lineno < 30
