"""What Sphinx reads: the guides as they are in the checkout, but for their links, and a table of contents.

A link to another guide stays one. A link to a file that is no page (a test, a playbook) leads to a copy of it as plain text
under files/, so that a claim's evidence can be read where the site is.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)([^)\s]*)")
_INDEX_LINK = re.compile(r"\]\(([\w-]+)\.md\)")
_HIDDEN = ":hidden:\n:maxdepth: 1\n"
FILES = "files"
_READ = (
    "README.md",
    "CHANGELOG.md",
    "galaxy.yml",
    "requirements/site.txt",
    "docs/**/*",
    "roles/*/README.md",
    "roles/*/meta/*.yml",
)
_READ += ("plugins/modules/*.py", "plugins/lookup/*.py", "plugins/doc_fragments/*.py", "tools/site/**/*")


@dataclass
class Sources:
    """The pages by their path in the site, and the files that they link to.

    Attributes:
        pages: Text by path, as "docs/health.md".
        files: Paths in the checkout of what is copied as plain text.
    """

    pages: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def write(self, folder: Path) -> None:
        """Write the pages, and the copies beside them."""
        for name, text in self.pages.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        for name in self.files:
            target = folder / FILES / f"{name}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)


def gathered() -> Sources:
    """The guides of the checkout."""
    paths = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
    guides = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md"))]
    roles = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "roles").glob("*/README.md"))]
    paths |= {name: name for name in (*guides, *roles)}
    made = Sources()
    for source, page in paths.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        made.pages[page] = "".join(_relinked(text, source, page, paths, made.files))
    made.pages["index.md"] += _contents(
        "docs/README", "Modules and roles <collections/titan/database/index>", "Changes <changelog>"
    )
    made.pages["docs/README.md"] += _contents(*_in_the_order_of_the_index())
    made.pages["docs/README.md"] += _contents(*(f"/{name.removesuffix('.md')}" for name in roles))
    return made


def digest() -> str:
    """What the site is made from, as a number that changes with any of it."""
    found = sha256()
    for path in sorted({path for pattern in _READ for path in ROOT.glob(pattern)}):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def _in_the_order_of_the_index() -> Iterator[str]:
    yield from dict.fromkeys(_INDEX_LINK.findall((ROOT / "docs" / "README.md").read_text(encoding="utf-8")))


def _contents(*pages: str) -> str:
    return "\n```{toctree}\n" + _HIDDEN + "\n" + "\n".join(pages) + "\n```\n"


def _relinked(text: str, source: str, page: str, pages: dict[str, str], files: set[str]) -> Iterable[str]:
    """The text with each link to a file of the checkout turned into one that the site has; code blocks stay as they are."""
    here, up = PurePosixPath(source).parent, "../" * page.count("/")

    def turned(found: re.Match[str]) -> str:
        target = _plain(here / found[1])
        if target in pages:
            return f"/{pages[target]}{found[2]}"
        if (ROOT / target).suffix in (".svg", ".png", ".json"):
            return found[0]
        files.add(target)
        return f"source:{up}{FILES}/{target}.txt"

    fenced = False
    for line in text.splitlines(keepends=True):
        fenced ^= line.lstrip().startswith("```")
        yield line if fenced else _LINK.sub(turned, line)


def _plain(path: PurePosixPath) -> str:
    """The path without "..", as one of the checkout."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
