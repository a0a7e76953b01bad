# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clean-up needs before it may delete a row: asked without counting any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import TitanError
from ..postgres.database import Database
from ..postgres.trust import require_trusted_role
from .plan.archive import require_archive_directory
from .plan.trust import AS_WHOM, require_trusted_policies
from .policies.parse import selected
from .policies.policy import Policy
from .policies.store import read_policies
from .policies.tables import find_table
from .policies.validate import lacking_rights
from .session import require_writable


def cleanup_needs(database: Database, options: Mapping[str, Any]) -> list[str]:
    """What stands in the way of a clean-up as the connected role and this process' user, one sentence each.

    Args:
        options: Those of the clean-up, complete.

    Raises:
        TitanError: no clean-up would begin, or the policies cannot be read.
    """
    require_writable(database)
    require_trusted_role(database, bool(options.get("accept_superuser")), AS_WHOM)
    policies = selected(read_policies(database), options["tables"])
    # Whether they are the inventory's, which they become only when a converge stores them, the clean-up itself asks.
    require_trusted_policies(policies, options)
    return [sentence for policy in policies for sentence in _of_policy(database, policy)]


def _of_policy(database: Database, policy: Policy) -> list[str]:
    try:
        table = find_table(database, policy.schema, policy.table)
        found = lacking_rights(database, policy, table)
        if policy.archive:
            require_archive_directory(policy)
    except TitanError as error:
        return [f"The policy {policy.name!r}: {error.message}"]
    return found
