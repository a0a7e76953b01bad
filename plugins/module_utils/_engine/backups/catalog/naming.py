# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of backup files: ``<name>_YYYYMMDD_HHMMSS.<extension>``, the time in UTC, so that names never repeat in the
hour when the clocks go back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from ...errors import OptionError
from ..programs.codecs import CODECS, NONE, Codec

MANIFEST = ".json"
GLOBALS = ".globals.sql"
ENCRYPTED = ".age"
SEALED = ".sealed.age"

FORMATS = ("plain", "custom", "directory")
EXTENSIONS = {(form, codec.name): codec.extension(form) for form in FORMATS for codec in CODECS.values()}
_KINDS = {extension: kind for kind, extension in EXTENSIONS.items()}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}", re.ASCII)
_FILE = re.compile(
    rf"(?P<name>{_NAME.pattern})_(?P<stamp>\d{{8}}_\d{{6}})"
    rf"\.(?P<extension>{'|'.join(re.escape(extension) for extension in sorted(_KINDS, key=len, reverse=True))})"
    r"(?P<age>\.age)?",
    re.ASCII,
)


@dataclass(frozen=True)
class DumpKind:
    """How a dump is read.

    Attributes:
        format: plain, custom, directory, tar, or cluster (what pg_dumpall writes).
        packed: The compression, or several as joined() names them, that has to be undone before psql or pg_restore reads it.
        encrypted: Whether age has encrypted it.
        major: The major version that it needs, as it says itself; 0 if it does not say.
        encoding: Of its text, as it says itself; empty if it does not say.
    """

    format: str
    packed: str = NONE
    encrypted: bool = False
    major: int = 0
    encoding: str = ""

    @property
    def is_script(self) -> bool:
        """Whether psql reads it, not pg_restore."""
        return self.format in ("plain", "cluster")


@dataclass(frozen=True)
class FileName:
    """What a backup's file name says."""

    name: str
    started: datetime
    format: str
    compression: str
    encrypted: bool = False

    @property
    def codec(self) -> Codec:
        return CODECS[self.compression]

    @property
    def packed(self) -> str:
        """The compression that has to be undone before pg_restore or psql reads it: an archive's own one has not."""
        return self.compression if self.codec.in_pipe(self.format) else NONE

    @property
    def kind(self) -> DumpKind:
        """How a backup of this name is read."""
        return DumpKind(self.format, self.packed, self.encrypted)

    def __str__(self) -> str:
        suffix = ENCRYPTED if self.encrypted else ""
        return f"{self.name}_{self.started:%Y%m%d_%H%M%S}.{EXTENSIONS[self.format, self.compression]}{suffix}"


def parse_file_name(text: str) -> FileName | None:
    """The parts of a backup's file name, or None for any other file."""
    found = _FILE.fullmatch(text)
    if not found:
        return None
    try:
        day, _underscore, time = found["stamp"].partition("_")
        numbers = (day[:4], day[4:6], day[6:], time[:2], time[2:4], time[4:])
        started = datetime(*map(int, numbers), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
    kind = _KINDS[found["extension"]]
    return FileName(found["name"], started, kind[0], kind[1], bool(found["age"]))


def require_name(name: str, option: str = "name") -> str:
    """Return the name if files may be called so.

    Raises:
        OptionError: other characters than letters, digits and . _ + - (the first one a letter or digit), or over 63.
    """
    if not _NAME.fullmatch(name):
        raise OptionError(
            option, name, "Use 1 to 63 letters, digits, '.', '_', '+' or '-', beginning with a letter or digit."
        )
    return name
