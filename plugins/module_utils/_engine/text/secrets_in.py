# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where values that look like secrets stand in structured text. Pure; the values themselves are never returned."""

from __future__ import annotations

import json
import re

_WORDS = r"pass(?:word|wd|phrase)?|pwd|secret|(?:access|auth|api|bot)?[-_]?token|(?:api|secret|access|account|private)[-_]?key"
_KEY = re.compile(rf"(?:^|[-_.])(?:{_WORDS})$", re.IGNORECASE)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?:^|[\s?&;,-])[\w-]*?(?:{_WORDS})=[^\s&;]", re.IGNORECASE)
_HEADER = re.compile(r"\b(?:authorization|x-api-key|private-token)\s*:\s*\S", re.IGNORECASE)


def secret_in(text: str) -> str:
    """Where a JSON text holds what looks like a secret, as "jobs.backup.copy_to"; empty if nowhere, or for another text."""
    try:
        return _of(json.loads(text), "")
    except ValueError:
        return ""


def _of(value: object, where: str) -> str:
    if isinstance(value, dict):
        pairs = [(f"{where}.{key}" if where else str(key), item) for key, item in value.items()]
        named = (place for place, item in pairs if item and isinstance(item, (str, int)) and _KEY.search(place))
        inner = (_of(item, place) for place, item in pairs)
        return next((each for each in (*named, *inner) if each), "")
    if isinstance(value, list):
        flags = (
            where
            for flag, item in zip(value, value[1:])
            if isinstance(flag, str) and isinstance(item, str) and flag.startswith("-") and _KEY.search(flag)
        )
        return next((each for each in (*flags, *(_of(item, where) for item in value)) if each), "")
    if isinstance(value, str) and any(each.search(value) for each in (_IN_URL, _ASSIGNED, _HEADER)):
        return where or "the text"
    return ""
