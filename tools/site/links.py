"""Each link of the built pages: its file is there, and so is its anchor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes by which a page makes the browser load something.
_LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("object", "data")}


class Page(HTMLParser):
    """What a page refers to, what it loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        loads = [value for name, value in values.items() if (tag, name) in _LOADS]
        if tag == "link" and values.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            loads.append(values.get("href", ""))
        self.loaded += loads
        self.links += loads + ([values["href"]] if "href" in values and tag in ("a", "link") else [])


def findings(site: Path) -> Iterator[str]:
    """A sentence for each link that leads nowhere, and for each thing that is loaded from elsewhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        here = path.relative_to(site)
        for link in page.loaded:
            if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
                yield f"{here} loads {link}"
        for link in dict.fromkeys(page.links):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                yield f"{here}: {link} is not there"
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].anchors:
                yield f"{here}: {link} has no such anchor"


if __name__ == "__main__":
    found = list(findings(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(found))
