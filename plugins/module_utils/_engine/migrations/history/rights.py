# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns each object of a database, and who may use it, as rows of kind, identity and definition for inventory.py."""

from __future__ import annotations

from collections.abc import Collection

from .rarer import without

# Objects with an owner besides those of the scope: the kind, the catalog, the name, and the schema's column where there is one.
_OTHER_OWNED = (
    ("collation", "collation", "coll", True),
    ("conversion", "conversion", "con", True),
    ("text search configuration", "ts_config", "cfg", True),
    ("text search dictionary", "ts_dict", "dict", True),
    ("statistics", "statistic_ext", "stx", True),
    ("publication", "publication", "pub", False),
    ("event trigger", "event_trigger", "evt", False),
    ("foreign-data wrapper", "foreign_data_wrapper", "fdw", False),
    ("server", "foreign_server", "srv", False),
    ("language", "language", "lan", False),
)  # fmt: skip


def _owned(kind: str, catalog: str, prefix: str, in_schema: bool) -> str:
    name = f"format('%I.%I', own.nspname, o.{prefix}name)" if in_schema else f"quote_ident(o.{prefix}name)"
    join = f" JOIN own ON own.oid = o.{prefix}namespace" if in_schema else ""
    return (
        f"  UNION ALL SELECT '{kind}', {name}, o.{prefix}owner FROM pg_{catalog} o{join}\n"  # noqa: S608 - our own names
        f"   WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_{catalog}'::regclass AND m.objid = o.oid)\n"
    )


_WITH_OPERATORS = {
    "operator": """
  UNION ALL SELECT 'operator', o.oid::regoperator::text, o.oprowner FROM pg_operator o JOIN own ON own.oid = o.oprnamespace
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_operator'::regclass AND m.objid = o.oid)
""",
    "operator class": """
  UNION ALL SELECT 'operator class', format('%I.%I using %I', own.nspname, c.opcname, m.amname), c.opcowner
    FROM pg_opclass c JOIN own ON own.oid = c.opcnamespace JOIN pg_am m ON m.oid = c.opcmethod
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_opclass'::regclass AND m.objid = c.oid)
""",
    "operator family": """
  UNION ALL SELECT 'operator family', format('%I.%I using %I', own.nspname, f.opfname, m.amname), f.opfowner
    FROM pg_opfamily f JOIN own ON own.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_opfamily'::regclass AND m.objid = f.oid)
""",
}
# Indexes and the sequences of columns have the owner of their table.
_OWNERS = """
  SELECT 'owner of ' || o.kind, o.identity, pg_get_userbyid(o.owner)::text FROM (
    SELECT {relation_kind}, r.identity, r.relowner FROM relation r
     WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
        OR r.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
             AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
    UNION ALL SELECT {routine_kind}, p.identity, p.proowner FROM routine p
    UNION ALL SELECT {type_kind}, t.identity, t.typowner FROM own_type t
    UNION ALL SELECT 'schema', quote_ident(nspname), nspowner FROM own WHERE oid >= 16384
{others}
  ) AS o (kind, identity, owner)
"""

# What each object's owner has is told only where it is not everything, since an owner has everything by default.
_PRIVILEGES = """
  SELECT 'privilege', format('%s on %s to %s', a.privilege_type, g.what,
           CASE a.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), a.is_grantable::text
    FROM granted AS g, LATERAL aclexplode(g.acl) AS a
   WHERE {whose}
  UNION ALL
  SELECT 'rights of the owner', 'of ' || g.what, 'only ' || coalesce((SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
                                                 FROM aclexplode(g.acl) AS a WHERE a.grantee = g.owner), 'none')
    FROM granted AS g
   WHERE g.usual IS NOT NULL AND EXISTS (SELECT FROM aclexplode(g.usual) AS a WHERE a.grantee = g.owner AND NOT EXISTS (
           SELECT FROM aclexplode(g.acl) AS b WHERE b.grantee = g.owner AND b.privilege_type = a.privilege_type))
  UNION ALL
  SELECT 'default privilege', format('%s on %s of %I in %s to %s', a.privilege_type, d.defaclobjtype, pg_get_userbyid(d.defaclrole),
           CASE d.defaclnamespace WHEN 0 THEN 'every schema' ELSE d.defaclnamespace::regnamespace::text END,
           CASE a.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), a.is_grantable::text
    FROM pg_default_acl d, LATERAL aclexplode(d.defaclacl) AS a WHERE a.grantee <> d.defaclrole
"""
GRANTED = """, granted AS MATERIALIZED (
  SELECT identity AS what, coalesce(relacl, acldefault(kind, relowner)) AS acl, acldefault(kind, relowner) AS usual, relowner AS owner
    FROM relation, LATERAL (SELECT (CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char" AS kind) AS k
   WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT format('%s.%I', r.identity, t.attname), t.attacl, NULL, r.relowner
    FROM relation r JOIN pg_attribute t ON t.attrelid = r.oid WHERE t.attacl IS NOT NULL AND NOT t.attisdropped
  UNION ALL SELECT identity, coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner), proowner FROM routine
  UNION ALL SELECT identity, coalesce(typacl, acldefault('T', typowner)), acldefault('T', typowner), typowner FROM own_type
  UNION ALL SELECT quote_ident(nspname), coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner), nspowner
    FROM own WHERE oid >= 16384
  UNION ALL SELECT 'the database', coalesce(datacl, acldefault('d', datdba)), NULL, datdba FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT 'server ' || quote_ident(srvname), srvacl, NULL, srvowner FROM pg_foreign_server
  UNION ALL SELECT 'foreign-data wrapper ' || quote_ident(fdwname), fdwacl, NULL, fdwowner FROM pg_foreign_data_wrapper
  UNION ALL SELECT 'language ' || quote_ident(lanname), coalesce(lanacl, acldefault('l', lanowner)), NULL, lanowner FROM pg_language
)"""


def rights(kinds: dict[str, str], absent: Collection[str], all_owners: bool, owners_too: bool) -> str:
    """The rows, as one query.

    Args:
        absent: The kinds of objects that the database has none of.
        kinds: The expressions that tell the kind of a relation, routine and type: relation_kind, routine_kind, type_kind.
        all_owners: Also the objects that belong to the session's user.
        owners_too: Also the privileges that owners have.
    """
    others = [_owned(*item) for item in _OTHER_OWNED if item[0] not in absent]
    others += [text for kind, text in _WITH_OPERATORS.items() if kind not in absent]
    owners = _OWNERS.format(**kinds, others="".join(others))
    if not all_owners:
        owners += "   WHERE pg_get_userbyid(o.owner) <> session_user\n"
    return (
        owners
        + "  UNION ALL"
        + without(_PRIVILEGES, absent).format(whose="true" if owners_too else "a.grantee <> g.owner")
    )
