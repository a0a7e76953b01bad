# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether any index was left out at all: nearly every run asks this and needs nothing else of skipped.py."""

from __future__ import annotations

from ...postgres.database import Database


def has_table(database: Database) -> bool:
    return database.value("SELECT pg_catalog.to_regclass('titan_ops.skipped_index') IS NOT NULL") is True


def any_skipped(database: Database) -> bool:
    """Whether titan_ops.skipped_index is there and has a row."""
    return has_table(database) and database.value("SELECT EXISTS (SELECT FROM titan_ops.skipped_index)") is True
