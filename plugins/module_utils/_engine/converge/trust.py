# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the installed command may be asked. Little is imported: this, and what it imports, is sent to the host each time."""

from __future__ import annotations

import hashlib
import os

from ..host.act_as import user_in_charge
from ..host.safe_open import UnsafePathError, read_file


def unusable(command: str, digest: str) -> str:
    """Why the command is not asked; "" if it is the one with that checksum, and nobody else could replace it."""
    try:
        if user_in_charge(command) not in (0, os.geteuid()):
            return f"another user could replace {command}"
        found = hashlib.sha256(read_file(command)).hexdigest()
    except UnsafePathError as error:
        return f"{command} {error.why}"
    except OSError as error:
        return f"{command} cannot be read: {os.strerror(error.errno or 0)}"
    return "" if found == digest else f"{command} is another version"
