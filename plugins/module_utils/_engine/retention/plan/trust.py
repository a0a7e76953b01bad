# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a clean-up does not take from the database: its own rights, and where rows go.

Whoever owns a table decides which code runs when its rows are read and deleted (triggers, conditions, functions of its
columns and indexes), and may write the stored policies. None of that code may run as a superuser, and no row may leave
the database for where only the database says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import DatabaseError, TitanError
from ...postgres.database import Database
from ..policies.parse import parse_policy
from ..policies.policy import Policy, named
from ..policies.tables import find_table
from ..policies.validate import in_servers_form

# As whom a clean-up connects instead of as a superuser.
AS_WHOM = "a role of the kind maintenance, or as the tables' owner"

# Functions of ordinary roles other than the connected one that deleting or marking rows, or the VACUUM afterwards, may run.
_CODE_OF_OTHERS = """
WITH tables AS (SELECT unnest(%(oids)s::oid[]) AS oid),
code(what, classid, objid) AS (
    SELECT format('trigger %%s', tgname), 'pg_trigger'::regclass, g.oid FROM pg_trigger g JOIN tables t ON t.oid = g.tgrelid
     WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
    UNION ALL SELECT format('rule %%s', rulename), 'pg_rewrite', r.oid FROM pg_rewrite r JOIN tables t ON t.oid = r.ev_class
     WHERE r.ev_enabled IN ('O', 'A')
    UNION ALL SELECT format('generated column %%s', attname), 'pg_attrdef', d.oid
      FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attgenerated <> ''
      JOIN tables t ON t.oid = d.adrelid
    UNION ALL SELECT format('index %%s', i.indexrelid::regclass), 'pg_class', i.indexrelid
      FROM pg_index i JOIN tables t ON t.oid = i.indrelid
    UNION ALL SELECT format('constraint %%s', conname), 'pg_constraint', c.oid FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid
    UNION ALL SELECT format('domain %%s', c.contypid::regtype), 'pg_constraint', c.oid FROM pg_constraint c
     WHERE c.contypid IN (SELECT a.atttypid FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid WHERE NOT a.attisdropped))
SELECT DISTINCT format('%%s (%%s of %%I)', code.what, p.oid::regproc, r.rolname) AS shown
  FROM code JOIN pg_depend d ON d.classid = code.classid AND d.objid = code.objid AND d.refclassid = 'pg_proc'::regclass
  JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_roles r ON r.oid = p.proowner
 WHERE NOT r.rolsuper AND r.rolname <> current_user ORDER BY 1
"""


def code_of_others(database: Database, relations: Sequence[int]) -> list[str]:
    """What on these relations runs a function of another role that is no superuser: its name, the function, and the role."""
    return [str(row["shown"]) for row in database.rows(_CODE_OF_OTHERS, {"oids": list(relations)})]


def require_trusted_policies(policies: Sequence[Policy], options: Mapping[str, Any]) -> None:
    """Refuse stored policies that write files, or run SQL, that the inventory does not name.

    Raises:
        TitanError: names the policy.
    """
    archives, conditions = options.get("allowed_archives"), options.get("allowed_conditions")
    for policy in policies:
        if archives is not None and policy.archive and policy.archive not in archives:
            raise _untrusted(
                policy, f"archives to {policy.archive!r}, which the inventory does not name", "allowed_archives"
            )
        condition = policy.where.sql_condition if policy.where else ""
        if conditions is not None and condition and condition not in conditions:
            raise _untrusted(policy, "has an SQL condition that the inventory does not name", "allowed_conditions")


def require_expected_policies(
    database: Database, policies: Sequence[Policy], given: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse stored policies that are not the inventory's.

    Args:
        given: The inventory's, complete; none: nothing is compared.

    Raises:
        TitanError: names the policy.
        OptionError: a policy of the inventory cannot be read.
    """
    if not given:
        return
    expected = _expected_policies(database, given)
    for policy in policies:
        wanted = expected.get(policy.name)
        if wanted is None and not _is_gone(database, policy):
            raise _untrusted(policy, "is not in the inventory", "expected_policies")
        if wanted is not None and policy != wanted and not (_is_gone(database, policy) and _alike(policy, wanted)):
            here, there = policy.as_data(), wanted.as_data()
            different = " and ".join(
                name for name in here if here[name] != there[name] and name != "allow_sql_condition"
            )
            raise _untrusted(policy, f"differs from the inventory in {different}", "expected_policies")


def _expected_policies(database: Database, given: Sequence[Mapping[str, Any]]) -> dict[str, Policy]:
    """The inventory's policies by name, as the module retention_policy would store them; as written where it could not."""
    found = []
    for index, item in enumerate(given):
        option = f"expected_policies[{index}]"
        policy = parse_policy(item, option)
        try:
            found.append(in_servers_form(database, policy))
        except DatabaseError:
            raise
        except TitanError:
            found.append(replace(policy, time_zone=policy.time_zone or "UTC"))
    return {policy.name: policy for policy in named(found)}


def _is_gone(database: Database, policy: Policy) -> bool:
    """Whether its table is not there: it deletes nothing, and says so; the server's form of its values cannot be asked for."""
    try:
        find_table(database, policy.schema, policy.table)
    except DatabaseError:
        raise
    except TitanError:
        return True
    return False


def _alike(policy: Policy, wanted: Policy) -> bool:
    """Whether they differ in nothing but the schema that was not given, and in how values are written."""
    policy, wanted = (
        replace(
            each, where=each.where and replace(each.where, values=()), mark=each.mark and replace(each.mark, value=None)
        )
        for each in (policy, wanted)
    )
    return policy == replace(wanted, schema=wanted.schema or policy.schema)


def _untrusted(policy: Policy, what: str, option: str) -> TitanError:
    return TitanError(
        f"The stored policy {policy.name!r} {what} (option {option}). Nothing was done. Somebody may have changed "
        "titan_ops.retention_policy: converge the role retention to store the inventory's policies.",
        policy=policy.name,
    )
