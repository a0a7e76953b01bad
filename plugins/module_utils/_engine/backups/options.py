# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of everything that is about backups, for the modules, the command and the roles."""

from __future__ import annotations

from .declared.backup import BACKUP
from .declared.copy import COPY, FOR_A_COPY
from .declared.recover import RECOVER
from .declared.rescue import RESCUE
from .declared.restore import BACKUP_INFO, DRILL, PIN, RESTORE
from .declared.stanza import BACKUP_STANZA

__all__ = [
    "BACKUP",
    "BACKUP_INFO",
    "BACKUP_STANZA",
    "COPY",
    "DRILL",
    "FOR_A_COPY",
    "PIN",
    "RECOVER",
    "RESCUE",
    "RESTORE",
]
