# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the steps that a crash may fall between.

Production code calls step("backup.rename") just before the step; nothing happens. A fault test installs an
observer and fails, kills or fills the disk at the n-th step, for every n.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

_observers: list[Callable[[str], None]] = []


def step(name: str) -> None:
    """Announce that the step called name comes next."""
    for observer in _observers:
        observer(name)


@contextmanager
def observed(observer: Callable[[str], None]) -> Iterator[None]:
    """Call observer with each step's name while the block runs (tests only)."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)
