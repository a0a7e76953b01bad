# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an exchange of data directories: written before each phase, so that a later run can heal or take it back."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...errors import TitanError
from ...host.files import remove_file, write_file
from ...host.safe_open import UnsafePathError, regular_stream
from ...outcome import Data
from ...text.json_kinds import parsed
from .files import hand_over
from .record_text import json_bytes

STATE = "place.json"
FORMAT_VERSION = 1
TAKE, BACK = "take", "back"
PREPARE, EXCHANGE, PROVEN, DONE = "prepare", "exchange", "proven", "done"


@dataclass(frozen=True)
class Exchange:
    """One exchange of the live data directory for another one.

    Attributes:
        direction: "take" (a recovered one takes the place) or "back" (the kept one does again).
        phase: "prepare" (nothing live was touched), "exchange", "proven" (the other one runs in the place; a backup of its
            timeline is wanted), "done".
        control: Of the server; see Control.
        incoming: The directory that takes the place.
        outgoing: What the live one is called from then on.
        rejected: What the incoming one is called if it was taken back.
        inode: Number of the live directory's own inode, by which it is known under either name.
        folder: Ours, around the incoming one; empty for none.
        moment: What is recovered.
        system_identifier: Of both.
        timeline: That the incoming one is on; 0 as long as that is not known.
        last: Number of the last transaction that has to be there; 0 for none.
        newest: The newest timeline in the archive then.
        kept: Directories that earlier exchanges have put aside.
        former: The exchange before this one, for when this one does not come about; empty for none.
        backup: Path of the backup of the new timeline.
    """

    direction: str
    phase: str
    control: Data
    incoming: str
    outgoing: str
    rejected: str
    inode: int
    folder: str = ""
    moment: str = ""
    system_identifier: str = ""
    timeline: int = 0
    last: int = 0
    newest: int = 0
    kept: tuple[str, ...] = ()
    former: Data = field(default_factory=dict)
    backup: str = ""
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def data(self) -> str:
        return str(self.control["data"])

    @property
    def unfinished(self) -> bool:
        return self.phase in (PREPARE, EXCHANGE)

    @property
    def aside(self) -> tuple[str, ...]:
        """All directories that were put aside, oldest first, if it has come about; without the one that came back."""
        done = (self.outgoing,) if self.phase in (PROVEN, DONE) else ()
        back = self.incoming if done else ""
        return tuple(path for path in dict.fromkeys((*self.kept, *done)) if path != back)

    def now(self, phase: str, **known: Any) -> Exchange:
        return replace(self, phase=phase, **known)


def read_exchange(dest: str) -> Exchange | None:
    """The last exchange that was begun from this directory; None for none.

    Raises:
        TitanError: its record is damaged.
    """
    path = os.path.join(dest, STATE)
    try:
        with regular_stream(path) as stream:
            found = parsed(stream.read())
        return _from_json(found)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, UnsafePathError) as error:
        raise TitanError(
            f"{path}, the record of the last recovery into the live cluster's place, cannot be read ({error}). "
            "Check which data directories are beside the live one, then remove this file."
        ) from error


def write_exchange(dest: str, exchange: Exchange) -> None:
    """Write it: whole or not at all."""
    path = os.path.join(dest, STATE)
    write_file(path, json_bytes(asdict(exchange)), 0o600, "place.state")
    hand_over(path)


def forget_exchange(dest: str, exchange: Exchange, beside: str = "") -> None:
    """After one that has not come about: the one before is the last one again.

    Args:
        beside: The directory that was taken out of the place again and is kept; empty for none.
    """
    former = _from_json(exchange.former) if exchange.former else None
    if former:
        write_exchange(dest, replace(former, kept=(*former.kept, beside)) if beside else former)
    elif beside:
        write_exchange(dest, exchange.now(DONE, incoming="", folder="", outgoing=beside))
    else:
        remove_file(os.path.join(dest, STATE))


def _from_json(found: Data) -> Exchange:
    return Exchange(**{**found, "kept": tuple(found["kept"])})


def kept_directories(dest: str) -> list[str]:
    """Data directories beside a live one that nothing removes by itself, oldest first."""
    exchange = read_exchange(dest)
    return [path for path in exchange.aside if os.path.isdir(path)] if exchange else []


def timeline_of(exchange: Exchange | None, newest: int) -> int:
    """The timeline that the live server is on: the newest one in the archive, unless an older directory was put back since."""
    back = exchange and exchange.direction == BACK and exchange.phase in (PROVEN, DONE)
    return exchange.timeline if exchange and back and exchange.newest == newest else newest


def unfinished_in(dest: str) -> str:
    """A sentence about an exchange that a run has begun and not ended; empty for none."""
    begun = read_exchange(dest)
    if begun is None or not begun.unfinished:
        return ""
    return f"A recovery into the place of {begun.data} was interrupted, or is still running."
