# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compressions of backups, one line of a table each: what else knows them is made from this.

The levels are those after which a dump becomes hardly smaller, but much slower: of Titan's, gzip -6 takes a sixth more time
than -5 for 0.4 % less, and zstd -3 three times that of -1 for nothing; zstd -1 is a sixth smaller than gzip.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import TitanError


@dataclass(frozen=True)
class Codec:
    """One compression.

    Attributes:
        name: As the option "compression" and the manifest say it.
        plain, custom, directory: The extension of a backup of that format.
        command: Compresses its standard input; the first one that is installed is used. Empty for no compression.
        decompress: Decompresses its standard input.
        test: Decompresses its standard input and writes nothing.
        archive_level: pg_dump's --compress for the format custom, when pg_dump compresses by itself and pg_restore reads the
            file as it is; "0" where a pipe compresses, because older pg_dump and some builds cannot.
        directory_level: The same for the format directory, where there is no pipe.
    """

    name: str
    plain: str
    custom: str
    directory: str
    command: tuple[tuple[str, ...], ...] = ()
    decompress: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    archive_level: str = "0"
    directory_level: str = "0"

    def extension(self, form: str) -> str:
        """The extension of a backup of the format."""
        return {"plain": self.plain, "custom": self.custom, "directory": self.directory}[form]

    def in_pipe(self, form: str) -> bool:
        """Whether a program beside pg_dump compresses a backup of the format."""
        return bool(self.command) and (form == "plain" or (form == "custom" and self.archive_level == "0"))

    def compressor(self, form: str) -> list[str]:
        """The command that compresses a backup of the format in the pipe; empty for none."""
        if not self.in_pipe(form):
            return []
        installed = [words for words in self.command if shutil.which(words[0])]
        return list((installed or self.command[-1:])[0])


GZIP, ZSTD, NONE = "gzip", "zstd", "none"
CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            GZIP, "sql.gz", "dump", "dir",
            command=(("pigz", "-5", "-c"), ("gzip", "-5", "-c")), decompress=("gzip", "-dc"), test=("gzip", "-t"),
            archive_level="6", directory_level="6",
        ),
        Codec(
            ZSTD, "sql.zst", "dump.zst", "zst.dir",
            command=(("zstd", "-1", "-T0", "-q", "-c"),), decompress=("zstd", "-dcq"), test=("zstd", "-tq"),
            directory_level="zstd:1",
        ),
        Codec(NONE, "sql", "raw.dump", "raw.dir"),
    )
}  # fmt: skip
# What others compress with and we only read.
_READ_ONLY = {"xz": ("xz", "-dc"), "bzip2": ("bzip2", "-dc")}
_BEHIND = "+"
_AUTOMATIC = {"custom": (ZSTD, GZIP)}  # psql and zcat alone can restore what gzip has compressed


def joined(compressions: Sequence[str]) -> str:
    """One name for several compressions, the outermost first; that of none for none."""
    return _BEHIND.join(compressions) or NONE


def decompressors(compression: str) -> list[list[str]]:
    """The commands that undo the compression, or those that joined() has named, one behind the other; none for no compression."""
    found = (_READ_ONLY[name] if name in _READ_ONLY else CODECS[name].decompress for name in compression.split(_BEHIND))
    return [list(command) for command in found if command]


def choose_compression(wanted: str, form: str) -> str:
    """The compression to use.

    Args:
        wanted: As the user said; "auto" for the best one that is installed (gzip for plain dumps).
        form: plain, custom or directory.

    Raises:
        TitanError: it was asked for and is not installed.
    """
    if wanted == "auto":
        return next(name for name in _AUTOMATIC.get(form, (GZIP,)) if name == GZIP or _is_installed(name))
    if CODECS[wanted].in_pipe(form) and not _is_installed(wanted):
        other = next(name for name in (GZIP, NONE) if name != wanted and (name == NONE or _is_installed(name)))
        raise TitanError(
            f"Option 'compression': the program {wanted} is not installed. Install the package {wanted}, or use {other}."
        )
    return wanted


def _is_installed(name: str) -> bool:
    return any(shutil.which(words[0]) for words in CODECS[name].command)
