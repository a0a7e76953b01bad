# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom SQL that runs on a copy could reach from there."""

from __future__ import annotations

from ...errors import TitanError
from ...postgres.database import connect
from ..load.reaching import reaching_extensions
from .copy import Copy


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
        found = reaching_extensions(database)
    if found and not without_sandbox:
        raise TitanError(
            f"This host cannot create a sandbox for the copy's server, and through the database's extensions ({found}) {what} could "
            "reach others from it. Run it on a host that can, or set without_sandbox: true. Nothing was run."
        )
