# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server can make the extensions of a backup, and the role what it makes, asked before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import TitanError
from ...postgres.database import Database

# Extensions that a server makes in one database only, and the setting that names it.
IN_ONE_DATABASE = {"pg_cron": "cron.database_name"}
# Servers with one of these let roles that are no superusers make extensions that are marked as the superuser's.
_LET_OTHERS_MAKE_THEM = (
    "rds.extensions", "azure.extensions", "cloudsql.enable_pgaudit", "extwlist.extensions", "supautils.privileged_extensions",
)  # fmt: skip
# The kinds, as pg_dump calls them, that are the superuser's whatever they hold.
_SUPERUSERS_KINDS = (
    "ACCESS METHOD ", "EVENT TRIGGER ", "FOREIGN DATA WRAPPER ", "OPERATOR CLASS ", "OPERATOR FAMILY ", "TEXT SEARCH PARSER ",
    "TEXT SEARCH TEMPLATE ",
)  # fmt: skip
_NO_SUPERUSER = """
SELECT current_user::text AS role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper)
  AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = ANY (%s))
"""
_SUPERUSERS_ONLY = """
SELECT a.name::text AS name FROM pg_available_extensions a
JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
WHERE v.superuser AND NOT v.trusted AND a.name = ANY (%s) ORDER BY 1
"""


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
                f"The server makes the extension {name!r} in the database {only!r} only (its setting {setting}), and this would be "
                f"another one. {advice}"
            )


def require_superuser(server: Database, extensions: Collection[str], objects: Collection[str], advice: str) -> None:
    """Refuse a role that may not make all of a backup.

    Args:
        server: Connected to any database of it.
        extensions: Names of those that a dump makes.
        objects: What else it makes, each as "KIND name", in pg_dump's words.
        advice: What to do about it.

    Raises:
        TitanError: names what only a superuser makes.
    """
    no_superuser = server.row(_NO_SUPERUSER, (list(_LET_OTHERS_MAKE_THEM),))
    if not no_superuser:
        return
    names = [f"extension {row['name']}" for row in server.rows(_SUPERUSERS_ONLY, (list(extensions),))]
    for key in sorted(objects):
        kind = next((kind for kind in _SUPERUSERS_KINDS if key.startswith(kind)), "")
        names += [kind.lower() + key[len(kind) :]] if kind else []
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise TitanError(
            f"The backup has what only a superuser makes, and the role {no_superuser['role']!r} is none: {shown}. {advice}",
            missing=names,
        )
