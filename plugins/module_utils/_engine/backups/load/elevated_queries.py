# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the superuser beside a load asks the catalog."""

from __future__ import annotations

# What it has made itself, to be given away.
MADE = """
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, l.loader) AS give
  FROM pg_proc p, (SELECT %s::text AS role, %s::text AS loader) l
 WHERE p.oid >= 16384 AND pg_get_userbyid(p.proowner) = l.role
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT format('ALTER %%s %%s OWNER TO %%I', CASE t.typrelid WHEN 0 THEN 'TYPE' ELSE 'FOREIGN TABLE' END, t.oid::regtype, l.loader)
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid, (SELECT %s::text AS role, %s::text AS loader) l
 WHERE t.oid >= 16384 AND pg_get_userbyid(t.typowner) = l.role AND t.typelem = 0 AND (t.typrelid = 0 OR c.relkind = 'f')
   AND t.typisdefined  -- only the owner of a type that was announced may define it
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype IN ('e', 'i') AND t.typrelid = 0)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.typrelid AND d.deptype = 'e')
"""
# Functions that run as their owner; what an index, statistics or a materialized view computes, runs as the table's, and so does
# what rows start that a foreign key changes. A view or a rule reaches what its table's owner may: the server's own tables, which
# are in no pg_depend, so they are read from the rule itself.
ACTS_AS_SUPERUSER = """
WITH made AS (
  SELECT p.oid, p.proname, p.proowner, p.prosecdef FROM pg_proc p WHERE p.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')),
used AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN made ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = made.oid)
SELECT coalesce(
  (SELECT 'function ' || proname FROM made JOIN pg_roles r ON r.oid = proowner WHERE prosecdef AND rolsuper LIMIT 1),
  (SELECT 'table ' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_roles r ON r.oid = c.relowner
    WHERE rolsuper AND EXISTS (SELECT FROM used WHERE classid = 'pg_class'::regclass AND objid = i.indexrelid) LIMIT 1),
  (SELECT 'table ' || c.relname FROM pg_statistic_ext s JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_roles r ON r.oid = c.relowner
    WHERE rolsuper AND EXISTS (SELECT FROM used WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid) LIMIT 1),
  (SELECT 'materialized view ' || c.relname FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_roles r ON r.oid = c.relowner
    WHERE rolsuper AND c.relkind = 'm' AND EXISTS (SELECT FROM used WHERE classid = 'pg_rewrite'::regclass AND objid = w.oid) LIMIT 1),
  (SELECT 'table ' || c.relname FROM used
     JOIN (SELECT 'pg_trigger'::regclass AS classid, oid, tgrelid AS relid FROM pg_trigger WHERE NOT tgisinternal
           UNION ALL SELECT 'pg_constraint'::regclass, oid, conrelid FROM pg_constraint WHERE contype = 'c'
           UNION ALL SELECT 'pg_attrdef'::regclass, oid, adrelid FROM pg_attrdef) part ON part.classid = used.classid AND part.oid = objid
     JOIN pg_class c ON c.oid = relid JOIN pg_roles r ON r.oid = c.relowner
    WHERE rolsuper AND EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND contype = 'f'
      AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))) LIMIT 1),
  (SELECT 'view or table ' || c.relname FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_roles r ON r.oid = c.relowner,
          LATERAL (SELECT found[1]::oid AS oid FROM regexp_matches(w.ev_action::text, ':relid (\\d+)', 'g') found) named
    WHERE c.oid >= 16384 AND rolsuper AND named.oid BETWEEN 1 AND 16383
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      AND (w.ev_type <> '1' OR NOT has_table_privilege('public', named.oid, 'SELECT')
        OR EXISTS (SELECT FROM aclexplode(c.relacl) WHERE grantee <> c.relowner AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE')))
    LIMIT 1))
"""
# A function that an extension's script has kept from everybody, and somebody may run now: dblink_connect_u logs in as the server's user.
OPENED = """
SELECT 'function ' || p.proname FROM pg_init_privs i JOIN pg_proc p ON i.classoid = 'pg_proc'::regclass AND p.oid = i.objoid
 WHERE i.privtype = 'e' AND p.proacl IS DISTINCT FROM i.initprivs AND EXISTS (
       SELECT grantee, privilege_type FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))
       EXCEPT SELECT grantee, privilege_type FROM aclexplode(i.initprivs))
 LIMIT 1
"""
ROLES = "SELECT rolname::text AS name FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_' AND rolname <> %s"
TOO_MUCH = """
SELECT format('ALTER ROLE %%I NOSUPERUSER NOREPLICATION', rolname) AS take FROM pg_roles WHERE rolsuper AND rolname <> %s
UNION ALL
SELECT format('REVOKE %%I FROM %%I GRANTED BY %%I CASCADE', g.rolname, r.rolname, pg_get_userbyid(m.grantor)) FROM pg_auth_members m
  JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
 WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
"""
# Schemas that an extension has made, and its foreign data wrappers.
OF_EXTENSIONS = """
SELECT 'SCHEMA' AS kind, n.nspname::text AS name FROM pg_namespace n
  JOIN pg_depend d ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
UNION SELECT 'FOREIGN DATA WRAPPER', w.fdwname::text FROM pg_foreign_data_wrapper w
  JOIN pg_depend d ON d.classid = 'pg_foreign_data_wrapper'::regclass AND d.objid = w.oid AND d.deptype = 'e'
"""
WRAPPERS = "SELECT 'FOREIGN DATA WRAPPER' AS kind, fdwname::text AS name FROM pg_foreign_data_wrapper"
_OF_EXTENSION = """EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = x.oid
                         AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')"""
# What lets another role own the tables of extensions.
TABLES_OF_EXTENSIONS = f"""
SELECT format('ALTER TABLE %%s OWNER TO %%I', x.oid::regclass, %(other)s) AS statement FROM pg_class x
 WHERE x.relkind IN ('r', 'p') AND pg_get_userbyid(x.relowner) = %(role)s AND {_OF_EXTENSION.format("pg_class")}
"""  # noqa: S608  constants
# What lets a role execute the functions of extensions, where not everybody may, and what takes that back.
EXECUTED_OF_EXTENSIONS = f"""
SELECT format('GRANT EXECUTE ON ROUTINE %%s TO %%I', x.oid::regprocedure, %(role)s) AS statement FROM pg_proc x
 WHERE NOT has_function_privilege(%(role)s, x.oid, 'EXECUTE') AND {_OF_EXTENSION.format("pg_proc")}
"""  # noqa: S608  constants
TAKEN_OF_EXTENSIONS = f"""
SELECT format('REVOKE EXECUTE ON ROUTINE %%s FROM %%I', x.oid::regprocedure, %(role)s) AS statement FROM pg_proc x
 WHERE {_OF_EXTENSION.format("pg_proc")}
   AND EXISTS (SELECT FROM aclexplode(x.proacl) a WHERE a.grantee <> 0 AND pg_get_userbyid(a.grantee) = %(role)s)
"""  # noqa: S608  constants
OWNED_SCHEMA = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s AND pg_get_userbyid(nspowner) = %s)"
# Those of extensions that the superuser has taken from the loader.
TAKEN_SCHEMAS = """
SELECT 'SCHEMA' AS kind, n.nspname::text AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE n.oid >= 16384 AND pg_get_userbyid(n.nspowner) = current_user
"""
