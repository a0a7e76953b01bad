# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks: what a new one is added to."""

from __future__ import annotations

from . import counters, host, keys, records, replication, schema, server, sessions, tables
from .definition import SqlCheck, Threshold

# Those that one query answers. A new one is an entry in the CHECKS of its file; make options writes its documentation.
SQL_CHECKS: tuple[SqlCheck, ...] = (
    *server.CHECKS, *sessions.CHECKS, *tables.CHECKS, *schema.CHECKS, *keys.CHECKS, *replication.CHECKS,
)  # fmt: skip

THRESHOLDS: dict[str, Threshold] = {
    check.name: check
    for check in (*SQL_CHECKS, sessions.SLOW_QUERIES, *counters.THRESHOLDS, *host.THRESHOLDS, *records.THRESHOLDS)
}
