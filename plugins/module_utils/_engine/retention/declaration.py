# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point retention_policy. What deletes rows is not loaded for it."""

from __future__ import annotations

from collections.abc import Sequence

from ..crontab.in_database import scheduled_inside
from ..errors import DatabaseError, TitanError
from ..outcome import Call, Outcome
from ..postgres.database import Database, connect
from ..postgres.locks import advisory_lock
from .policies.parse import parse_policy
from .policies.policy import Policy, shown
from .policies.store import exists, read_policies, write_policies
from .policies.validate import resolve_all
from .session import fix_settings, prepare


def retention_policy(call: Call) -> Outcome:
    """Make the stored policies exactly the given ones."""
    given = call.options["policies"]
    parsed = [parse_policy(item, f"policies[{index}]") for index, item in enumerate(given)]
    with connect(call.connection, "retention_policy") as database:
        if database.in_recovery():
            return _on_standby(database)
        prepare(database)
        wanted = sorted(resolve_all(database, parsed), key=lambda policy: policy.name)
        stored = read_policies(database)
        missing = not exists(database)
        changed = stored != wanted or missing
        if changed and not call.check_mode:
            after = _stored(database, wanted)
            if after != wanted:
                raise TitanError(
                    "The policies read back differ from those written.", wanted=shown(wanted), found=shown(after)
                )
        inside = scheduled_inside(database)
    verb = "would be" if call.check_mode and changed else "are"
    return Outcome(
        changed=changed,
        data={"policies": [policy.as_data() for policy in wanted]},
        summary=f"{len(wanted)} retention policies {verb} stored in titan_ops.retention_policy.",
        before=shown(stored),
        after=shown(wanted),
        warnings=tuple(inside),
    )


def _stored(database: Database, wanted: Sequence[Policy]) -> list[Policy]:
    """Store the policies and read them back; over a new connection where the answer to the COMMIT was lost."""
    try:
        with advisory_lock(database, "retention policies", wait=30):
            write_policies(database, wanted)
    except DatabaseError:
        if not database.closed:
            raise
        database.reconnect("retention_policy")
        fix_settings(database)
        after = read_policies(database)
        if after != wanted:
            raise
        return after
    return read_policies(database)


def _on_standby(database: Database) -> Outcome:
    """A converge of a whole cluster has nothing to do here: policies arrive by replication, like migrations."""
    fix_settings(database)
    stored = read_policies(database)
    return Outcome(
        changed=False,
        data={"policies": [policy.as_data() for policy in stored]},
        summary="Nothing was done: this server is a standby, which receives the policies from its primary.",
        before=shown(stored),
        after=shown(stored),
    )
