# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock."""

from __future__ import annotations

import os
from datetime import timezone, tzinfo
from zoneinfo import ZoneInfo


def host_zone() -> tuple[tzinfo, str]:
    """The zone of the host's clock, which cron uses, and its name."""
    try:
        with open("/etc/localtime", "rb") as stream:
            zone = ZoneInfo.from_file(stream)
    except (OSError, ValueError):
        return timezone.utc, "UTC"
    target = os.path.realpath("/etc/localtime")
    return zone, target.partition("/zoneinfo/")[2] or "local"
