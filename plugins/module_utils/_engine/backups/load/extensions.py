# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server can make the extensions of a backup, asked before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import TitanError
from ...postgres.database import Database

# Extensions that a server makes in one database only, and the setting that names it.
IN_ONE_DATABASE = {"pg_cron": "cron.database_name"}


def require_extensions(server: Database, names: Collection[str], into: str, advice: str) -> None:
    """Refuse extensions that the server does not have, or makes in another database only.

    Args:
        server: Connected to any database of it.
        names: Of the extensions that a dump makes.
        into: Where they are to be made; empty for a database whose name is not chosen.
        advice: What to do about one that can be made in another database only.

    Raises:
        TitanError: names the extensions.
    """
    there = {row["name"] for row in server.rows("SELECT name::text AS name FROM pg_available_extensions")}
    missing = sorted(set(names) - there)
    if missing:
        raise TitanError(
            f"The backup needs extensions that the server does not have: {', '.join(map(repr, missing))}. Install their packages on the "
            "server's host first.",
            missing=missing,
        )
    for name, setting in IN_ONE_DATABASE.items():
        only = server.value("SELECT current_setting(%s, true)", (setting,)) if name in names else None
        if only and only != into:
            raise TitanError(
                f"The server creates the extension {name!r} in the database {only!r} only (its setting {setting}), and this would be "
                f"another one. {advice}"
            )
