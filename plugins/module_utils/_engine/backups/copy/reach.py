# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom SQL that runs on a copy could reach from there."""

from __future__ import annotations

from ...errors import TitanError
from ...postgres.database import connect
from .copy import Copy

# Extensions that only a superuser may make, and through which nobody reaches another host.
_HARMLESS = (
    "amcheck", "pageinspect", "pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pg_visibility", "pg_walinspect",
    "pgrowlocks", "pgstattuple",
)  # fmt: skip
_REACHING = """
SELECT coalesce(pg_catalog.string_agg(e.extname, ', ' ORDER BY e.extname), '') FROM pg_catalog.pg_extension e
 WHERE e.extname <> ALL (%s) AND NOT EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v
         WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)
"""


def require_harmless(copy: Copy, without_sandbox: bool, what: str) -> None:
    """Where the server is in no sandbox: SQL of an ordinary role reaches nobody, but for what extensions lend it.

    Args:
        copy: It.
        without_sandbox: Go on nevertheless.
        what: What is to run there, as "a migration".

    Raises:
        TitanError: an extension could reach others.
    """
    with connect(copy.superuser, "copy") as database:
        found = database.value(_REACHING, (list(_HARMLESS),))
    if found and not without_sandbox:
        raise TitanError(
            f"This host can make no sandbox for the copy's server, and through the database's extensions ({found}) {what} could "
            "reach others from it. Do it on a host that can, or say without_sandbox: true. Nothing was run."
        )
