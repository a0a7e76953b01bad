# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in which no event trigger fires: what a dump has brought would run with the rights of whoever connects."""

from __future__ import annotations

from ...postgres.connection import ConnectionSettings

# PostgreSQL 17 has event triggers that fire when somebody connects, and a setting that keeps them from it.
_CAN_BE_OFF = 17


def no_event_triggers(major: int) -> list[str]:
    """The settings of a throw-away server in which no event trigger fires, not even at the start of a session."""
    return ["event_triggers=off"] if major >= _CAN_BE_OFF else []


def without_event_triggers(settings: ConnectionSettings, major: int) -> ConnectionSettings:
    """The connection, in which no event trigger fires at its start."""
    if major < _CAN_BE_OFF:
        return settings  # none fires then
    options = dict(settings.options)
    options["options"] = f"{options.get('options', '')} -c event_triggers=off".strip()
    return settings._replace(options=tuple(options.items()))
