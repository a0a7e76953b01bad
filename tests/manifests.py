# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests as tests need them: read from what a file would hold."""

from __future__ import annotations

from typing import Any

from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest import Manifest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.catalog.manifest_reader import (
    manifest_from_json,
)


def manifest_of(*tables: tuple[str, str, int], **other: Any) -> Manifest:
    """A manifest that lists the tables (schema, name, rows)."""
    return manifest_from_json({
        "format_version": 1, "file": "t_20260101_000000.dump", "name": "t", "database": "t", "system_identifier": "7",
        "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:00Z", "format": "custom", "compression": "gzip",
        "size": 1, "sha256": "", "verified": {"level": "none"},
        "tables": [{"schema": schema, "name": name, "rows": rows, "hash": "0"} for schema, name, rows in tables], **other,
    })  # fmt: skip
