# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site on the controller: a page and a file of data for each host, and the index of them all.

    SITE/index.html
    SITE/HOST.html
    SITE/data/HOST.json

A host that cannot be asked keeps what it told last.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from ..environment.status import WORST_FIRST
from ..errors import TitanError
from ..host.files import make_directories, published, remove_file
from ..host.named_file import named_by
from ..host.safe_open import UnsafePathError, read_file
from ..outcome import Call, Outcome
from ..page.markup import is_document
from ..text.json_kinds import parsed
from .index import Row, index, state_of
from .record import Kept, kept_from_json, record_from_json

_REMEDY = "Name a directory of yours."
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def file_name(host: str) -> str:
    """The host's name as that of a file without ending; a name with other characters gets a mark of its own."""
    if _PLAIN.fullmatch(host) and host != "index":
        return host
    plain = re.sub(r"[^a-z0-9._-]+", "_", host.lower())[:60].lstrip(".-")
    return f"{plain}_{sha256(host.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def keep_report(site: str, host: str, told: object, page: str) -> None:
    """Write what the host has told (record.EnvironmentRecord); an empty page leaves the one that is there.

    Raises:
        OptionError: the site cannot be written.
        TitanError: the host has told something of another shape.
    """
    record = record_from_json(told)
    if record is None or (page and not is_document(page)):
        raise TitanError(
            "What the host returned is not a report of this version: "
            "run the play with the version of titan.database that is on this controller, and check the host."
        )
    before = _read(site, host)
    page_at = record["asked_at"] if page else before["page_at"] if before else 0.0
    with named_by("site", site, remedy=_REMEDY):
        make_directories(os.path.join(site, "data"), 0o750)
    if page:
        _write(site, f"{file_name(host)}.html", page)
    _keep(site, Kept(name=host, record=record, page_at=page_at, failed_since=0.0, why=""))


def report_index(call: Call) -> Outcome:
    """Write the index of the hosts that the site has, after one asking of them all.

    Raises:
        OptionError: the site cannot be written.
    """
    site, asked = str(call.options["site"]), call.options["asked"]
    inventory = call.options.get("inventory")
    now = time.time()
    kept = {each["name"]: each for each in _all(site)}
    gone = sorted(name for name in kept if inventory is not None and name not in inventory and name not in asked)
    for name, why in asked.items():
        before = kept.get(name) or Kept(name=name, record=None, page_at=0.0, failed_since=0.0, why="")
        kept[name] = _after(before, str(why or ""), now)
    rows = [Row(each, _page_of(site, each)) for name, each in kept.items() if name not in gone]
    if not call.check_mode:
        _write_all(site, rows, asked, index(rows, now))
        for name in gone:
            _remove(site, name)
    states = [state_of(row.kept) for row in rows]
    said = ", ".join(f"{states.count(word)} {word}" for word in WORST_FIRST if word in states) or "no host"
    data = {
        "path": os.path.join(site, "index.html"),
        "states": {row.kept["name"]: state for row, state in zip(rows, states)},
        "removed": gone,
    }
    left = f"; no longer in the inventory, and removed: {', '.join(gone)}" if gone else ""
    return Outcome(True, data, f"{said}; the page is {data['path']}{left}")


def _after(before: Kept, why: str, now: float) -> Kept:
    """What is known of a host after one more try."""
    failed = before["failed_since"] or now if why else 0.0
    return Kept(name=before["name"], record=before["record"], page_at=before["page_at"], failed_since=failed, why=why)


def _write_all(site: str, rows: Sequence[Row], asked: Mapping[str, object], page: str) -> None:
    with named_by("site", site, remedy=_REMEDY):
        make_directories(os.path.join(site, "data"), 0o750)
    for row in rows:
        if row.kept["name"] in asked:
            _keep(site, row.kept)
    _write(site, "index.html", page)


def _page_of(site: str, kept: Kept) -> str:
    name = f"{file_name(kept['name'])}.html"
    return name if kept["page_at"] and os.path.exists(os.path.join(site, name)) else ""


def _keep(site: str, kept: Kept) -> None:
    _write(
        site, os.path.join("data", f"{file_name(kept['name'])}.json"), json.dumps(kept, indent=1, sort_keys=True) + "\n"
    )


def _read(site: str, host: str) -> Kept | None:
    return _read_file(os.path.join(site, "data", f"{file_name(host)}.json"))


def _read_file(path: str) -> Kept | None:
    """What a file of data holds; None where it is missing, damaged, or of another version's shape."""
    try:
        return kept_from_json(parsed(read_file(path)))
    except (OSError, ValueError, UnsafePathError):
        return None


def _all(site: str) -> list[Kept]:
    try:
        names = sorted(os.listdir(os.path.join(site, "data")))
    except OSError:
        return []
    found = (_read_file(os.path.join(site, "data", name)) for name in names if name.endswith(".json"))
    return [each for each in found if each]


def _remove(site: str, host: str) -> None:
    name = file_name(host)
    for path in (f"{name}.html", os.path.join("data", f"{name}.json")):
        with named_by("site", site, "changed", _REMEDY), suppress(FileNotFoundError):
            remove_file(os.path.join(site, path))


def _write(site: str, name: str, text: str) -> None:
    with named_by("site", site, remedy=_REMEDY), published(os.path.join(site, name), 0o640, label="site") as stream:
        stream.write(text.encode("utf-8", "replace"))
