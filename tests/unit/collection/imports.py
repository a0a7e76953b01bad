"""The imports of the engine, resolved to files, and what the house forbids among them. Pure: paths and texts in, findings out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

# Lowest first: an import points to its own folder or to one named before it. A line's names may not know each other,
# but for what BESIDE allows.
ORDER = (
    ("typed",),
    ("errors", "steps", "version"),
    ("text",),
    ("page",),
    ("host",),
    ("postgres",),
    ("outcome",),
    ("migrations", "backups", "reindex", "crontab"),
    ("retention",),
    ("environment",),
    ("rehearsal",),
    ("index_effect",),
    ("after_backup",),
    ("alerts",),
    ("jobs",),
    ("health",),
    ("fleet", "evidence"),
    ("converge",),
    ("command_line",),
    ("cli",),
)
# Of one capability another one reads these rooms only.
BESIDE = {
    "retention": {"backups.catalog"},
    "fleet": {"backups.catalog"},
    "evidence": {"backups.catalog"},
    "health": {
        "backups.catalog",
        "backups.programs",
        "migrations.history",
        "migrations.takeover",
        "crontab",
        "retention.policies",
        "reindex.duplicates",
        "reindex.indexes",
        "reindex.options",
        "retention.plan.due_now",
    },
}
CAPABILITIES = {"migrations", "backups", "reindex", "retention"}


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a file's text; copies of the engine differ in one file each."""
    return ast.parse(text)


def engine_files(engine: Path) -> dict[str, Path]:
    """Dotted name inside the engine -> file; a package's name stands for its ``__init__.py``."""
    found = {}
    for path in sorted(engine.rglob("*.py")):
        parts = path.relative_to(engine).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, files: Mapping[str, Path], prefix: str = "") -> Iterator[tuple[int, str]]:
    """(line, what) of each import of one file, wherever in it: a dotted name inside the engine, or one outside after "/"."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, f"/{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, f"/{node.module}"
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - (node.level - 1)]
            if node.level - 1 > len(package):
                yield node.lineno, f"/{prefix}outside the engine"
                continue
            target = [part for part in (*base, *(node.module or "").split(".")) if part]
            for alias in node.names:
                module = ".".join((*target, alias.name))
                yield node.lineno, module if module in files else ".".join(target)


def graph_of(engine: Path) -> tuple[dict[str, set[str]], list[str]]:
    """Each file's imports within the engine, and what is wrong with single imports."""
    files = engine_files(engine)
    graph: dict[str, set[str]] = {}
    wrong = []
    for name, path in files.items():
        graph[name] = set()
        for line, target in imports_of(name, path, files):
            where = f"{path.relative_to(engine)}:{line}"
            if target.startswith("/"):
                if target[1:].split(".")[0] in ("ansible", "ansible_collections", "outside the engine"):
                    wrong.append(f"{where} imports {target[1:]}")
            elif target not in files:
                wrong.append(f"{where} imports {target}, which is no file of the engine")
            else:
                graph[name].add(target)
    return graph, wrong


def folder(name: str, files: Mapping[str, Path]) -> str:
    """The folder that a file lies in; a file at the engine's top is a room of its own."""
    path = files[name]
    return name if path.name == "__init__.py" or "." not in name else name.rsplit(".", 1)[0]


def against_the_order(graph: Mapping[str, set[str]]) -> list[str]:
    """Imports that point upward, or into a room of another capability that is not open to it."""
    rank = {name: index for index, names in enumerate(ORDER) for name in names}
    found = []
    for name, targets in graph.items():
        top = name.split(".")[0]
        for target in sorted(targets):
            other = target.split(".")[0]
            if not name or top == other:
                continue
            if top not in rank or other not in rank:
                found.append(f"{name} imports {target}: one of them has no place in the order")
            elif rank[other] >= rank[top]:
                found.append(f"{name} imports {target}, which is not below it")
            elif (
                other in CAPABILITIES
                and top in BESIDE
                and not any(target == room or target.startswith(f"{room}.") for room in BESIDE[top])
            ):
                found.append(f"{name} imports {target}, a room that is not open to {top}")
    return found


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """The circles of a graph, each as "a -> b -> a" (Tarjan's strongly connected components, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(" -> ".join((*component, node)))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def folder_graph(engine: Path) -> dict[str, set[str]]:
    """Which folder imports which."""
    files = engine_files(engine)
    graph, _other = graph_of(engine)
    result: dict[str, set[str]] = {}
    for name, targets in graph.items():
        here = folder(name, files)
        result.setdefault(here, set()).update(there for t in targets if (there := folder(t, files)) != here)
    return result


OUTSIDE = re.compile(
    r"from (?:titan_db|(?:ansible_collections\.titan\.database\.plugins\.module_utils\.)?_engine)((?:\.\w+)*) import (?:\(([^)]*)\)|(\w[\w, ]*))"
)


@cache
def names_of(path: Path) -> set[str]:
    """What a file defines or imports at its top, wherever under an if or try."""
    found: set[str] = set()
    for node in ast.walk(parsed(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def imported_from_outside(text: str) -> Iterator[tuple[str, str]]:
    """(module inside the engine, name) of each import of the engine in a file of any kind, as a program's text in a task."""
    for module, several, one in OUTSIDE.findall(text):
        for name in re.sub(r"#.*", "", several or one).split(","):
            if name.strip():
                yield module.lstrip("."), name.split(" as ")[0].strip()


def missing(text: str, files: Mapping[str, Path]) -> list[str]:
    """Imports of the engine that a text makes and the engine does not have."""
    found = []
    for module, name in imported_from_outside(text):
        below = f"{module}.{name}".lstrip(".")
        if below not in files and (module not in files or name not in names_of(files[module])):
            found.append(below)
    return found
