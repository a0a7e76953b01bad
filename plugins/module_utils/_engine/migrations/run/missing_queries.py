# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalog is asked before anything runs: each a query of one row, but for HEIRS."""

from __future__ import annotations

FACTS = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D') AS watched,
       EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' AND evtevent = 'ddl_command_start') AS before,
       EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE NOT tgisinternal) OR EXISTS (
         SELECT FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN' AND oid >= 16384) AS triggered,
       ARRAY(SELECT DISTINCT pg_catalog.lower(proname) FROM pg_catalog.pg_proc WHERE oid >= 16384) AS routines
"""
RELATION = """
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS own, pg_catalog.pg_has_role(n.nspowner, 'USAGE') AS own_schema
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(%s)
"""
SCHEMA = """
SELECT name, pg_catalog.to_regnamespace(name) IS NOT NULL AS there,
       coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace(name)::oid, 'CREATE'), false) AS allowed
  FROM (SELECT coalesce(%s, pg_catalog.quote_ident(pg_catalog.current_schema())) AS name) AS s
"""
THERE = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = s.oid AND relname = s.name AND s.kind = 'relation')
    OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = s.oid AND typname = s.name AND typisdefined
                  AND typcategory <> 'A' AND s.kind = 'type')
  FROM (SELECT pg_catalog.to_regnamespace(coalesce(%s, pg_catalog.quote_ident(pg_catalog.current_schema())))::oid AS oid,
               %s AS name, %s AS kind) AS s
"""
HEIRS = """
WITH RECURSIVE heir AS (
  SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = pg_catalog.to_regclass(%s)
  UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN heir ON i.inhparent = heir.inhrelid)
SELECT pg_catalog.lower(c.relname) AS name FROM heir JOIN pg_catalog.pg_class c ON c.oid = heir.inhrelid
"""
SCHEMA_THERE = "SELECT pg_catalog.to_regnamespace(%s) IS NOT NULL"
COLUMN = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = %s AND NOT attisdropped)
"""
EXTENSION = """
SELECT a.installed_version IS NOT NULL AS installed, v.superuser AND NOT v.trusted AS needs_superuser,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS super
  FROM pg_catalog.pg_available_extensions a
  JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version WHERE a.name = %s
"""
