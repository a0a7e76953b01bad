"""Take the pictures of docs/: pages of a made-up environment, in Chromium (Debian package chromium).

Each picture has in it the checksum of the page that it shows, so that whether it is current can be told without a browser.
"""

from __future__ import annotations

import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.titan.database.plugins.module_utils._engine.version import VERSION  # noqa: E402

from tests.browser import CHROMIUM, browse  # noqa: E402
from tools.pictures import example  # noqa: E402

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEY = b"page\0"


class Picture(NamedTuple):
    """A picture: its page, and the size of the window in pixels."""

    page: Callable[[], str]
    width: int
    height: int


PICTURES = {
    "report.png": Picture(example.report, 900, 1000),
    "fleet.png": Picture(example.fleet, 1400, 620),
}


def checksum(name: str) -> str:
    """The checksum of a picture's page, whatever the version that has made it."""
    return sha256(PICTURES[name].page().replace(VERSION, "").encode()).hexdigest()


def taken_of(path: Path) -> str:
    """The checksum of the page that a picture shows; "" if it has none."""
    found = (
        data[len(_KEY) :] for kind, data in _chunks(path.read_bytes()) if kind == b"tEXt" and data.startswith(_KEY)
    )
    return next(found, b"").decode()


def take(name: str, target: Path) -> None:
    """Take the picture of this name."""
    picture = PICTURES[name]
    with tempfile.TemporaryDirectory(prefix="titan-picture-") as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "page.png")
        page.write_text(picture.page(), encoding="utf-8")
        browse(
            Path(folder),
            page,
            f"--window-size={picture.width},{picture.height}",
            "--hide-scrollbars",
            f"--screenshot={shot}",
        )
        chunks = [
            (kind, data) for kind, data in _chunks(shot.read_bytes()) if kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND")
        ]
    chunks.insert(1, (b"tEXt", _KEY + checksum(name).encode()))
    target.write_bytes(_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG: kind and content."""
    at = len(_SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit("Chromium is not installed (Debian package chromium).")
    for each in PICTURES:
        take(each, ROOT / "docs" / each)
        print(f"Wrote docs/{each}.")
