# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a record is written: its times and its bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

_PART = 1 << 15  # characters


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """A manifest or record as it is written, as json.dumps(content, indent=1, sort_keys=True) has it."""
    return b"".join(json_parts(content))


def json_parts(content: Mapping[str, Any]) -> Iterator[bytes]:
    """The same in parts of some kB: a large one takes no room as a whole, and JSONEncoder.iterencode() sorts pairs, not keys."""
    text = io.StringIO()
    for piece in _pieces(content, "\n"):
        text.write(piece)
        if text.tell() > _PART:
            yield text.getvalue().encode()
            text = io.StringIO()
    text.write("\n")
    yield text.getvalue().encode()


def _pieces(value: Any, begin: str) -> Iterator[str]:
    """The text of a value, whose lines begin so."""
    if isinstance(value, Mapping) and value:
        between = f"{{{begin} "
        for key in sorted(value):
            yield f"{between}{_text(key)}: "
            yield from _pieces(value[key], f"{begin} ")
            between = f",{begin} "
        yield f"{begin}}}"
    elif isinstance(value, (list, tuple)) and value:
        between = f"[{begin} "
        for each in value:
            yield between
            yield from _pieces(each, f"{begin} ")
            between = f",{begin} "
        yield f"{begin}]"
    else:
        yield "{}" if isinstance(value, Mapping) else _text(value)


_text = json.JSONEncoder(ensure_ascii=False).encode


def format_time(moment: datetime) -> str:
    """UTC with seconds: 2026-11-22T02:00:00Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The aware UTC time that format_time wrote.

    Raises:
        ValueError: another form.
    """
    if len(text) != 20 or text[4] + text[7] + text[10] + text[19] != "--TZ":
        raise ValueError(f"{text!r} is not of the form 2026-11-22T02:00:00Z")
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)  # strptime takes ten times as long


def time_or_none(text: object) -> datetime | None:
    """The time, or None for a text of another form."""
    try:
        return parse_time(str(text))
    except ValueError:
        return None
