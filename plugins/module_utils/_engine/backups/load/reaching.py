# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extensions through which SQL of an ordinary role could reach other servers, files or programs."""

from __future__ import annotations

from ...postgres.database import Database

# Extensions that only a superuser may make, and through which nobody reaches anything outside of the server.
HARMLESS = (
    "amcheck", "hypopg", "pageinspect", "pg_buffercache", "pg_freespacemap", "pg_hint_plan", "pg_partman", "pg_prewarm", "pg_repack",
    "pg_stat_statements", "pg_visibility", "pg_walinspect", "pgaudit", "pgrowlocks", "pgstattuple", "pgtap",
)  # fmt: skip
_REACHING = """
SELECT coalesce(pg_catalog.string_agg(e.extname, ', ' ORDER BY e.extname), '') FROM pg_catalog.pg_extension e
 WHERE e.extname <> ALL (%s) AND NOT EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v
         WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)
"""
_TRUSTED = "SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions WHERE name = %s AND trusted)"


def reaching_extensions(database: Database) -> str:
    """The names of the database's extensions that could, separated by commas."""
    return str(database.value(_REACHING, (list(HARMLESS),)))


def could_reach(database: Database, name: str) -> bool:
    """Whether an extension that is to be made could."""
    return name not in HARMLESS and not database.value(_TRUSTED, (name,))
