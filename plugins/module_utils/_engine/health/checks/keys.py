# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and sequences that come to their end."""

from __future__ import annotations

from .definition import SqlCheck
from .tables import USERS

# Two billion numbers are enough for no table that lives long; the type of the column decides, not that of the sequence.
# Without a sequence that the catalog knows, the column's own statistics tell how far it is.
INTEGER_KEYS = SqlCheck(
    "integer_keys",
    75,
    90,
    "%",
    "Used part of the numbers that a key's type allows (smallint, integer), of the key that is nearest to its end, in "
    "percent.",
    query=f"""
    WITH narrow AS (
        SELECT a.attrelid, a.attnum, a.attname, t.typname, CASE t.typname WHEN 'int2' THEN 32767 ELSE 2147483647 END AS most
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_type b ON b.oid = a.atttypid JOIN pg_type t ON t.oid = coalesce(nullif(b.typbasetype, 0), b.oid)
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {USERS} AND a.attnum > 0 AND NOT a.attisdropped
           AND t.typname IN ('int2', 'int4') AND t.typnamespace = 'pg_catalog'::regnamespace),
    fed AS (  -- by its default, as its owner, or through a foreign key
        SELECT d.adrelid AS relid, d.adnum AS attnum, e.refobjid AS seq
          FROM pg_attrdef d JOIN pg_depend e ON e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid AND e.refclassid = 'pg_class'::regclass
         UNION
        SELECT e.refobjid, e.refobjsubid, e.objid FROM pg_depend e
         WHERE e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass AND e.deptype IN ('a', 'i') AND e.refobjsubid > 0),
    also AS (
        SELECT relid, attnum, seq FROM fed UNION
        SELECT f.conrelid, f.conkey[1], fed.seq FROM pg_constraint f JOIN fed ON fed.relid = f.confrelid AND fed.attnum = f.confkey[1]
         WHERE f.contype = 'f' AND cardinality(f.conkey) = 1),
    used AS (
        SELECT n.*, s.last_value::numeric AS last FROM narrow n JOIN also ON also.relid = n.attrelid AND also.attnum = n.attnum
          JOIN pg_class q ON q.oid = also.seq AND q.relkind = 'S' JOIN pg_namespace qn ON qn.oid = q.relnamespace
          JOIN pg_sequences s ON s.schemaname = qn.nspname AND s.sequencename = q.relname AND NOT s.cycle AND s.increment_by > 0
        UNION ALL
        SELECT n.*, (SELECT max(bound::numeric) FROM unnest(st.histogram_bounds::text::text[]) bound) FROM narrow n
          JOIN pg_index i ON i.indrelid = n.attrelid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = n.attnum
          JOIN pg_class c ON c.oid = n.attrelid JOIN pg_namespace m ON m.oid = c.relnamespace
          JOIN pg_stats st ON st.schemaname = m.nspname AND st.tablename = c.relname AND st.attname = n.attname
         WHERE NOT EXISTS (SELECT FROM fed WHERE fed.relid = n.attrelid AND fed.attnum = n.attnum))
    SELECT 100.0 * last / most AS value, format('%I.%I.%I is of type %s', n.nspname, c.relname, attname, format_type(a.atttypid, NULL)) AS what,
           format('ALTER TABLE %I.%I ALTER COLUMN %I TYPE bigint', n.nspname, c.relname, attname) AS sql
      FROM used u JOIN pg_class c ON c.oid = u.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a USING (attrelid, attnum, attname) WHERE last IS NOT NULL ORDER BY 1 DESC LIMIT 1
    """,  # noqa: S608 (a constant)
    none="no key of type smallint or integer has been used",
    fix="this rewrites the table under an exclusive lock, so plan it: {sql}",
    sees=f"""NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USERS}
             AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'SELECT, USAGE') END)""",
    grant="pg_read_all_data",
)

SEQUENCES = SqlCheck(
    "sequences",
    85,
    95,
    "%",
    "Used part, in percent, of the sequence that is nearest to its end.",
    query="""
    SELECT 100.0 * (CASE WHEN increment_by > 0 THEN last_value::numeric - min_value ELSE max_value::numeric - last_value END)
               / nullif(max_value::numeric - min_value, 0) AS value,
           format('%I.%I', schemaname, sequencename) AS what,
           format('ALTER SEQUENCE %I.%I AS bigint %s', schemaname, sequencename,
                  CASE WHEN increment_by > 0 THEN 'MAXVALUE 9223372036854775807' ELSE 'MINVALUE -9223372036854775808' END) AS sql
      FROM pg_sequences WHERE last_value IS NOT NULL AND NOT cycle ORDER BY 1 DESC NULLS LAST LIMIT 1
    """,
    none="no sequence is in use",
    fix="change the type of its column to bigint first; then: {sql}",
    sees=INTEGER_KEYS.sees,
    grant="pg_read_all_data",
)

CHECKS = (INTEGER_KEYS, SEQUENCES)
