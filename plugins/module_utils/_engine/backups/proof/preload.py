# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that the source's server loads at its start: some extensions cannot be made without. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Those that start no background worker. Any other one may, and its workers must not act in a drill.
_WITHOUT_WORKERS = {
    "auth_delay", "auto_explain", "passwordcheck", "pg_hint_plan", "pg_stat_statements", "pgaudit", "plpgsql", "sepgsql",
}  # fmt: skip

# TimescaleDB refuses what a dump does to its chunks, unless a setting says that a dump is being loaded; its
# timescaledb_pre_restore() sets it in the database, whose own settings are compared here.
AFTER_RESTORING = "ALTER ROLE ALL SET timescaledb.restoring = off"


def library_name(entry: str) -> str:
    """The library that an entry of shared_preload_libraries means, without its directory and ending."""
    return entry.strip().rsplit("/", 1)[-1].removesuffix(".so")


def preload_settings(libraries: Sequence[str], database: str) -> list[str]:
    """The settings of a drill's server that loads the libraries.

    Args:
        libraries: Installed ones.
        database: The drill's database, the one in which pg_cron may then be made.
    """
    settings = [
        f"shared_preload_libraries={','.join(libraries)}",
        f"cron.database_name={database}",
        "cron.launch_active_jobs=off",
    ]
    settings += ["timescaledb.max_background_workers=0", "timescaledb.telemetry_level=off", "timescaledb.restoring=on"]
    if {library_name(name) for name in libraries} - _WITHOUT_WORKERS:
        settings.append("max_worker_processes=0")
    return settings
