# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the connected role may make what a restore makes, asked before anything is made."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import TitanError
from ...postgres.database import Database
from ...postgres.trust import is_superuser
from ...text.listed import listed

# Servers with one of these let roles that are no superusers make extensions that are marked as the superuser's.
_LET_OTHERS_MAKE_THEM = (
    "rds.extensions", "azure.extensions", "cloudsql.enable_pgaudit", "extwlist.extensions", "supautils.privileged_extensions",
)  # fmt: skip
# The kinds, as pg_dump calls them, that are the superuser's whatever they hold.
_SUPERUSERS_KINDS = (
    "ACCESS METHOD ", "EVENT TRIGGER ", "FOREIGN DATA WRAPPER ", "OPERATOR CLASS ", "OPERATOR FAMILY ", "TEXT SEARCH PARSER ",
    "TEXT SEARCH TEMPLATE ",
)  # fmt: skip
_LETS_OTHERS = "SELECT EXISTS (SELECT FROM pg_settings WHERE name = ANY (%s))"
_SUPERUSERS_ONLY = """
SELECT a.name::text AS name FROM pg_available_extensions a
JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
WHERE v.superuser AND NOT v.trusted AND a.name = ANY (%s) ORDER BY 1
"""


def require_may_create(database: Database, purpose: str) -> None:
    """Refuse a role that cannot make the database that something needs.

    Args:
        database: Connected to the server.
        purpose: What needs it: the sentence's subject.

    Raises:
        TitanError: names the right.
    """
    row = database.row(
        "SELECT current_user::text AS role, bool_or(rolcreatedb OR rolsuper) AS may FROM pg_roles WHERE rolname = current_user"
    )
    if row and not row["may"]:
        raise TitanError(f"{purpose} needs CREATEDB for the role {row['role']!r} (ALTER ROLE ... CREATEDB).")


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
    if is_superuser(server) or server.value(_LETS_OTHERS, (list(_LET_OTHERS_MAKE_THEM),)):
        return
    names = [f"extension {row['name']}" for row in server.rows(_SUPERUSERS_ONLY, (list(extensions),))]
    for key in sorted(objects):
        kind = next((kind for kind in _SUPERUSERS_KINDS if key.startswith(kind)), "")
        names += [kind.lower() + key[len(kind) :]] if kind else []
    if names:
        role = server.value("SELECT current_user::text")
        raise TitanError(
            f"The backup has objects that only a superuser can create, and the role {role!r} is not a superuser: {listed(names)}. {advice}",
            missing=names,
        )
