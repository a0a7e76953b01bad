# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The temporary files that the copy's server tells of in its log."""

from __future__ import annotations

import os
import re

from ..host.safe_open import open_file
from ..postgres.connection import ConnectionSettings

_REMOVED = re.compile(rb'temporary file: path "[^"\n]*", size (\d+)')


class TemporaryFiles:
    """Reads the log from where it was last read to its end; of statements in it, nothing is kept."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._path = os.path.join(os.path.dirname(settings.socket), "server.log")
        self._at = 0

    def read(self) -> int:
        """The bytes of all temporary files that were removed since the last call.

        Raises:
            OSError, UnsafePathError: the log cannot be read.
        """
        with os.fdopen(open_file(self._path, os.O_RDONLY), "rb") as stream:
            stream.seek(self._at)
            text = stream.read()
            whole = text.rfind(b"\n") + 1
            self._at += whole
        return sum(int(size) for size in _REMOVED.findall(text[:whole]))
