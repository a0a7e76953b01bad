"""A copy of the collection to change in a test."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def copy_of_the_tree(folder: Path) -> Path:
    """The files of the checkout that an option may touch, where they find each other."""
    tree = folder / "collections" / "ansible_collections" / "titan" / "database"
    for name in ("plugins", "roles", "tools"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", tree)
    (tree / "collections" / "ansible_collections" / "titan").mkdir(parents=True)
    (tree / "collections" / "ansible_collections" / "titan" / "database").symlink_to(tree)
    return tree


def insert(path: Path, before: str, text: str) -> None:
    """Put the text before the only place where the other text stands."""
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1, f"{before!r} stands {content.count(before)} times in {path}"
    path.write_text(content.replace(before, text + before), encoding="utf-8")
