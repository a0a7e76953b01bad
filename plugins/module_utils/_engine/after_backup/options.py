# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of backup, with what comes after it."""

from __future__ import annotations

from ..backups.options import BACKUP

__all__ = ["BACKUP"]
