# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's client and server programs of the right major version."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob

from ..errors import OptionError, TitanError
from ..host.limits import is_limit, reason
from ..host.programs import TimedOutError, run

CLIENT = ("pg_dump", "pg_restore", "psql")
SERVER = ("initdb", "pg_ctl", "postgres")
_PACKAGED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")


@dataclass(frozen=True)
class Programs:
    """One installation of PostgreSQL's programs."""

    folder: str
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".", 1)[0])

    def path(self, program: str) -> str:
        return os.path.join(self.folder, program)

    def has_library(self, name: str) -> bool:
        """Whether the server could load the library, as shared_preload_libraries names it."""
        file = name if name.endswith(".so") else f"{name}.so"
        if os.path.isabs(file):
            return os.path.isfile(file)
        lib = os.path.join(os.path.dirname(self.folder), "lib")
        folders = (lib, os.path.join(lib, "postgresql"), os.path.join(lib, "pgsql"))
        return any(os.path.isfile(os.path.join(folder, file.replace("$libdir/", ""))) for folder in folders)


def find_programs(folder: str | None, major: int, needed: Sequence[str] = CLIENT, newer: bool = False) -> Programs:
    """Find PostgreSQL's programs.

    Args:
        folder: The only directory to look in; None to look at the distribution's directories and then on PATH.
        major: The wanted major version.
        needed: The programs that must be there.
        newer: Take the next newer major if the wanted one is not there.

    Raises:
        OptionError: the named directory does not hold them.
        TitanError: they are nowhere; says which package has them.
    """
    places = [folder] if folder else _places()
    found = [programs for place in places if (programs := _programs_in(place, needed))]
    for programs in found:
        if programs.major == major:
            return programs
    better = sorted((programs for programs in found if programs.major > major), key=lambda programs: programs.major)
    if better and newer:
        return better[0]
    have = ", ".join(f"{programs.version} in {programs.folder}" for programs in found) or "none"
    wanted = f"{', '.join(needed)} of PostgreSQL {major}{' or newer' if newer else ''}"
    if folder:
        raise OptionError("programs", folder, f"It must be the directory with {wanted}; found: {have}.")
    package = f"postgresql-{major}" if "initdb" in needed else f"postgresql-client-{major}"
    raise TitanError(
        f"{wanted} cannot be found (found: {have}). Install the package {package}, or name their directory in the "
        "option 'programs'."
    )


def _places() -> list[str]:
    folders = [folder for pattern in _PACKAGED for folder in sorted(glob(pattern))]
    on_path = shutil.which("pg_dump")
    return [*folders, *([os.path.dirname(on_path)] if on_path else [])]


def _programs_in(folder: str, needed: Sequence[str]) -> Programs | None:
    if not all(os.access(os.path.join(folder, program), os.X_OK) for program in needed):
        return None
    version = program_version(os.path.join(folder, "pg_dump"))
    return Programs(os.path.abspath(folder), version) if version else None


def program_version(path: str) -> str:
    """The version that a program of PostgreSQL prints, such as "15.18"; empty if it does not start.

    Raises:
        TitanError: this process may start no program.
    """
    try:
        said = run([path, "--version"], capture_output=True, timeout=30, cwd="/").stdout.decode(errors="replace")
    except TimedOutError:
        return ""
    except OSError as error:
        if is_limit(error):  # says nothing about the program
            raise TitanError(f"{path} cannot be started: {reason(error)}.") from error
        return ""
    found = re.search(r"\) (\d+(?:\.\d+)?)", said)
    return found[1] if found else ""
