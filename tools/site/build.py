"""Build the documentation site: ``make site``. Usage: build.py FOLDER, which is replaced when everything is well.

Warnings of Sphinx (a link without target, a page that no table of contents names) and links that lead nowhere end the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.site import links, sources

ROOT = sources.ROOT
HERE = Path(__file__).resolve().parent
MADE_OF = "sources.sha256"
# The theme shows a page's headings by itself, and refuses a second list of them.
_CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)+", re.MULTILINE)
PROGRAMS = Path(sys.executable).parent


def reference(folder: Path) -> None:
    """The pages of modules and roles, made by antsibull-docs, into FOLDER/collections."""
    env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}/collections"}
    command = [
        str(PROGRAMS / "antsibull-docs"),
        "collection",
        "--use-current",
        "--dest-dir",
        str(folder),
        "titan.database",
    ]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    for page in folder.rglob("*.rst"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_CONTENTS.sub("", text), encoding="utf-8")


def rendered(source: Path, target: Path) -> None:
    """Let Sphinx make the pages; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E", "-b", "html", "-c", str(source)]
    command += ["-d", str(source.parent / "doctrees"), str(source), str(target)]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit("Sphinx found what is named above.")
    for name in (".buildinfo", "objects.inv"):
        (target / name).unlink(missing_ok=True)


def reachable(folder: Path) -> None:
    """Let a keyboard scroll what is wider than the page, and take out what no screen reader knows: Sphinx and antsibull write neither so."""
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = text.replace("<pre>", '<pre tabindex="0">').replace('<a aria-role="button" ', "<a ")
        text = text.replace('<div class="table-wrapper ', '<div tabindex="0" class="table-wrapper ')
        page.write_text(text, encoding="utf-8")


def build(target: Path) -> int:
    """Build into the folder, and return the number of pages.

    Raises:
        SystemExit: links lead nowhere; each is named, and the folder stays as it was.
    """
    with tempfile.TemporaryDirectory(prefix="titan-site-") as name:
        source, made = Path(name, "source"), Path(name, "site")
        source.mkdir()
        reference(source)
        sources.gathered().write(source)
        shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("*.md"), dirs_exist_ok=True)
        (source / "extra").mkdir()
        if (source / sources.FILES).exists():
            (source / sources.FILES).rename(source / "extra" / sources.FILES)
        shutil.copytree(HERE / "static", source / "static")
        shutil.copyfile(HERE / "conf.py", source / "conf.py")
        rendered(source, made)
        reachable(made)
        if found := list(links.findings(made)):
            raise SystemExit("\n".join(found))
        (made / MADE_OF).write_text(sources.digest(), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, target)
    return sum(1 for _page in target.rglob("*.html"))


if __name__ == "__main__":
    print(f"{build(Path(sys.argv[1]).absolute())} pages: {sys.argv[1]}/index.html")
