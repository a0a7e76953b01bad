# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a backup starts, so that it does not fail at four in the morning with half a dump."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import OptionError, TitanError
from ...postgres.programs import CLIENT, SERVER, Programs, find_programs
from ..catalog.entry import Entry
from ..catalog.read import newest_verified
from ..load.room import drill_room, require_room
from ..programs.codecs import choose_compression
from .source import Source

_SPARE = 1.3
# A first backup is at least that share of what the database has beyond an empty one (indexes are not in it, and it is compressed).
_LEAST_SHARE, _EMPTY = 1 / 50, 8 << 20


@dataclass(frozen=True)
class Tools:
    """The programs for one backup."""

    programs: Programs
    compression: str


def choose_tools(source: Source, folder: str | None, form: str, compression: str, verify: str, drill_in: str) -> Tools:
    """The programs to use, all of one installation.

    A drill on the source's own server needs no server programs, but a pg_restore of its very major version.

    Raises:
        TitanError: something is missing; says what to install.
    """
    client = list(CLIENT)
    if verify == "restored" and drill_in == "scratch_database":
        return Tools(find_programs(folder, source.server_major, client), choose_compression(compression, form))
    if verify != "restored":
        return Tools(
            find_programs(folder, source.server_major, client, newer=True), choose_compression(compression, form)
        )
    try:
        programs = find_programs(folder, source.server_major, [*client, *SERVER], newer=True)
    except TitanError as error:
        raise TitanError(
            f"{error.message} A drill needs the server's programs on this host; 'drill_in: scratch_database' and 'verify: checksum' do not.",
            **error.details,
        ) from error
    return Tools(programs, choose_compression(compression, form))


def require_sensible(options: Mapping[str, Any]) -> None:
    """Refuse combinations of options that cannot do what they say.

    Raises:
        TitanError: a program is missing.
        OptionError: names the option.
    """
    if options["encrypt_to"]:
        if options["format"] == "directory":
            raise OptionError(
                "encrypt_to", options["encrypt_to"], "A directory is not encrypted; use format custom or plain."
            )
        if options["verify"] == "restored" and not options["identity"]:
            raise OptionError(
                "verify", "restored", "An encrypted backup cannot be restored without its key: name the file with the age "
                "identity in 'identity', or use 'verify: checksum' and drill where the key is."
            )  # fmt: skip
        if not shutil.which("age"):
            raise TitanError("Option 'encrypt_to': the program age is not installed. Install the package age.")
    if options["copy_back"] and options["format"] == "directory":
        raise OptionError(
            "copy_back", options["copy_back"], "One file only can be read back; use format custom or plain."
        )
    if options["copy_back"] and not options["copy_to"]:
        raise OptionError("copy_back", options["copy_back"], "It reads back what 'copy_to' has copied; give that, too.")
    for option in ("copy_to", "copy_back"):
        if options[option] and not any("{path}" in word or "{file}" in word for word in options[option]):
            raise OptionError(option, options[option], "One of its words must hold {path} or {file}.")


def require_space(dest: str, drill_dir: str | None, last: Entry | None, source: Source, is_whole: bool = False) -> None:
    """Refuse to start without room for the file (1.3 times the last one) and for the drill's cluster.

    Args:
        dest: Where the backup goes.
        drill_dir: Where the drill's cluster goes; None for no drill.
        last: The newest backup of the same kind; None when there is none to compare with.
        source: The database.
        is_whole: Whether the backup holds all data, so that a first one has a least size.

    Raises:
        TitanError: names the directory, what is free and what is needed.
    """
    first = max(source.bytes - _EMPTY, 0) * _LEAST_SHARE if is_whole else 0.0
    needs = [(dest, last.size * _SPARE if last else first)]
    if drill_dir:
        needs.append((drill_dir, drill_room(source.bytes)))
    require_room(needs, "Make room, or name another directory (options 'dest', 'drill_dir').")


def last_of_kind(entries: Sequence[Entry], extension: str) -> Entry | None:
    """The newest verified backup with the same extension."""
    return newest_verified((entry for entry in entries if entry.path.endswith("." + extension)), "checksum")
