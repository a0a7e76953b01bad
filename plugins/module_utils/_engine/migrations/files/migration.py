# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration: its text and what it counts as, its version and how versions sort. Pure."""

from __future__ import annotations

import hashlib
import re

from ...typed import Any, NamedTuple

_WORDY = r"[^0-9._-]"
_LONG_ZERO = 8
# A date and a time with digits left out sorts among the whole ones as its text does, which is how Diesel sorts.
_SHORT_DATE = "20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}-[0-9]{4,6}"
_COUNTED_DATE = "(20[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{6})-([0-9]+)"  # as Diesel names them today
_DATE_DIGITS = 14


class Migration(NamedTuple):  # made a thousand times a run: a dataclass takes six times as long
    """One migration.

    Attributes:
        version: As written in the file's name ("0010"); empty for a repeatable one.
        name, file: Its name, and the file it was read from.
        text: What the file says, without a byte order mark.
        checksum: SHA-256 of the text with CRLF and trailing blanks evened out.
        down_file, down_text: The rollback; the file's name is empty if there is none.
        order: Sorts versions by number.
        transaction: "none" if a file beside it says that it runs by statement.
        naming: The naming that its placeholders follow.
    """

    version: str
    name: str
    file: str
    text: str
    checksum: str
    down_file: str = ""
    down_text: str = ""
    order: tuple[int, ...] = ()
    transaction: str = ""
    naming: str = "plain"

    @property
    def reversible(self) -> bool:
        return bool(self.down_file)

    @property
    def baseline(self) -> bool:
        """It holds what all versions up to its own make, for a database that has none of them."""
        return self.version.startswith("B")

    @property
    def repeatable(self) -> bool:
        return not self.version

    @property
    def key(self) -> str:
        """How the history knows it: the version, or R__name."""
        return self.version or f"R__{self.name}"

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """What history.sort_key says of the key."""
        return (0, *self.order) if self.version else (1, self.key)


def version_order(version: str) -> tuple[int, ...]:
    """The version as numbers: 0010 and 10 are the same, 9 comes before 10; dashes in a date do not count. A version with a
    name in it (see _named_folders) sorts as text, as those who write such folders sort them.
    """
    if version[:1] == "B" and version[1:2].isdigit():
        return (*version_order(version[1:]), -1)  # behind the version that it stands for, before all later ones
    if version.isdigit():
        number = int(version)  # a date of nothing but zeros, as some histories begin: each length of it is another one
        return (number,) if number or len(version) < _LONG_ZERO else (0, len(version))
    if re.search(_WORDY, version):
        return (_as_date(version), *map(ord, version))
    if re.fullmatch(_SHORT_DATE, version):
        return (_as_date(version.replace("-", "")),)
    if (counted := re.fullmatch(_COUNTED_DATE, version)) is not None:
        return int(counted[1].replace("-", "")), int(f"1{counted[2]}")
    return tuple(int(part) for part in re.findall("[0-9]+", version.replace("-", ""))) or (0,)


def _as_date(version: str) -> int:
    """The digits that the version begins with, as many as a whole date has: sorts as the text does, also beside whole dates."""
    digits = version[: len(version) - len(version.lstrip("0123456789"))]
    follows = version[len(digits) : len(digits) + 1]
    return int(digits.ljust(_DATE_DIGITS, "9" if follows > "9" else "0"))


def checksum(text: str) -> str:
    """SHA-256 of the text; byte order mark, line ends and blanks at line ends do not matter."""
    plain = text[1:] if text[:1] == "\ufeff" else text
    if "\r" in plain:
        plain = plain.replace("\r\n", "\n").replace("\r", "\n")
    if " \n" in plain or "\t\n" in plain or plain[-1:] in (" ", "\t"):
        plain = re.sub(r"[ \t]+(?=\n|\Z)", "", plain)
    return hashlib.sha256(plain.rstrip("\n").encode("utf-8", "surrogatepass")).hexdigest()
