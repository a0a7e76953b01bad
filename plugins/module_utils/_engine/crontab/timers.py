# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd's timers start on this host: the commands of the services behind the timers that are enabled."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .readable import names_in, start_of

SYSTEM_UNITS: tuple[str, ...] = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
USER_UNITS = ".config/systemd/user"
_EXEC = re.compile(r"Exec(?:Start|StartPre|StartPost)\s*=\s*[-@:+!|]*(.*)")


def timer_commands(home: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of each service that an enabled timer starts; of the text only the commands are left, in their lines.

    Args:
        home: Of the user whose own timers are looked at, too; "" for none.
    """
    places: list[tuple[str, ...]] = [SYSTEM_UNITS]
    if home:
        places.append((os.path.join(home, USER_UNITS), "/etc/systemd/user", "/usr/lib/systemd/user"))
    for folders in places:
        wanted = os.path.join(folders[0], "timers.target.wants")
        for name in names_in(wanted):
            if name.endswith(".timer"):
                yield from _service(name, _text(os.path.join(wanted, name)), folders)


def _service(timer: str, text: str, folders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    named = re.search(r"^Unit\s*=\s*(\S+)", text, re.MULTILINE)
    service = named[1] if named else f"{timer[: -len('.timer')]}.service"
    template = re.sub(r"@.*(?=\.service$)", "@", service)
    for name in dict.fromkeys((service, template)):
        for folder in folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path, _commands_alone(_text(path))
                return


def _commands_alone(text: str) -> str:
    """The text with its commands alone, each in its line; a backslash at the end continues one."""
    lines, goes_on = [], False
    for line in text.splitlines():
        found = _EXEC.match(line.strip())
        kept = line if goes_on else found[1] if found else ""
        goes_on = bool(kept) and kept.endswith("\\")
        lines.append(kept.rstrip("\\"))
    return "\n".join(lines)


def _text(path: str) -> str:
    return start_of(path).decode("utf-8", "replace")
