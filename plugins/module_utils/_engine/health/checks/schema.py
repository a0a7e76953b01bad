# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the schema promises and does not keep: indexes, constraints, triggers, partitions."""

from __future__ import annotations

from .definition import WITHOUT_QUERIES, SqlCheck
from .tables import USERS

INVALID_INDEXES = SqlCheck(
    "invalid_indexes",
    0,
    5,
    "",
    "Number of indexes that a failed build left behind.",
    query=f"""
    SELECT format('%I.%I', n.nspname, c.relname) AS what,
           CASE WHEN c.relkind = 'I' AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.conindid = c.oid)
                THEN ARRAY[format('DROP INDEX %I.%I', n.nspname, c.relname), replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ')] END AS sql
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT i.indisvalid AND (n.nspname = 'pg_toast' OR {USERS})
       AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
       AND NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_index pi ON pi.indexrelid = h.inhparent WHERE h.inhrelid = c.oid AND NOT pi.indisvalid)
     ORDER BY 1
    """,  # noqa: S608 (a constant)
    counts=True,
    fix="titan-db reindex rebuilds or drops them (those of a partitioned table: build them again {sql})",
)

UNVALIDATED_CONSTRAINTS = SqlCheck(
    "unvalidated_constraints",
    0,
    20,
    "",
    "Constraints that were never checked against the rows that are there (NOT VALID).",
    query=f"""
    SELECT format('%I on %I.%I', f.conname, n.nspname, c.relname) AS what,
           format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', n.nspname, c.relname, f.conname) AS sql
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT f.convalidated AND f.conparentid = 0 AND f.coninhcount = 0 AND {USERS}
       AND coalesce((to_jsonb(f) ->> 'conenforced')::boolean, true)
     ORDER BY 1
    """,  # noqa: S608 (a constant)
    counts=True,
    fix="it fails and names a row where one breaks the rule: {sql}",
)

DISABLED_TRIGGERS = SqlCheck(
    "disabled_triggers",
    0,
    5,
    "",
    "Tables with disabled triggers, foreign keys or rules, and disabled event triggers.",
    query=f"""
    SELECT what, sql FROM (
        SELECT format('%s of %I.%I', string_agg(CASE WHEN t.tgisinternal THEN 'foreign keys' ELSE t.tgname END, ', ' ORDER BY t.tgname),
                      n.nspname, c.relname) AS what,
               array_agg(DISTINCT format('ALTER TABLE %I.%I ENABLE TRIGGER %s', n.nspname, c.relname,
                                         CASE WHEN t.tgisinternal THEN 'ALL' ELSE quote_ident(t.tgname) END)) AS sql
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE t.tgenabled = 'D' AND {USERS} GROUP BY n.nspname, c.relname
        UNION ALL
        SELECT format('rule %I of %I.%I', r.rulename, n.nspname, c.relname),
               ARRAY[format('ALTER TABLE %I.%I ENABLE RULE %I', n.nspname, c.relname, r.rulename)]
          FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE r.ev_enabled = 'D' AND {USERS}
        UNION ALL
        SELECT format('event trigger %I', evtname), ARRAY[format('ALTER EVENT TRIGGER %I ENABLE', evtname)]
          FROM pg_event_trigger WHERE evtenabled = 'D'
    ) off ORDER BY 1
    """,  # noqa: S608 (a constant)
    counts=True,
    fix="rows that came meanwhile were not checked; enable them: {sql}",
)

FOREIGN_KEYS_WITHOUT_INDEX = SqlCheck(
    "foreign_keys_without_index",
    5,
    1000,
    "",
    "Foreign keys of tables of at least 8 MB whose columns no index starts with: deleting a referenced row reads the whole "
    "table.",
    query=f"""
    SELECT format('%I on %I.%I', f.conname, n.nspname, c.relname) AS what,
           format('CREATE INDEX %sON %I.%I (%s)', CASE c.relkind WHEN 'p' THEN '' ELSE 'CONCURRENTLY ' END, n.nspname, c.relname,
                  (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k(num, place)
                     JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num)) AS sql
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE f.contype = 'f' AND f.conparentid = 0 AND {USERS}
       AND (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(c.oid) UNION ALL SELECT pg_relation_size(c.oid) WHERE c.relkind = 'r'
            ORDER BY 1 DESC NULLS LAST LIMIT 1) >= 8 << 20
       AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.conrelid AND i.indisvalid AND (i.indpred IS NULL
             OR pg_get_expr(i.indpred, i.indrelid) ~ 'IS NOT NULL\\)?$')
             AND (SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:cardinality(f.conkey) - 1]) k)
               = (SELECT array_agg(k ORDER BY k) FROM unnest(f.conkey) k))
     ORDER BY 1
    """,  # noqa: S608 (a constant)
    counts=True,
    fix="{sql}",
)

# A partition more than the one of today, but not more than a month ahead.
_RANGES = f"""
    SELECT p.oid, n.nspname, p.relname, a.attname, bound.lower, bound.upper, age(bound.upper, bound.lower) AS width
      FROM pg_partitioned_table pt JOIN pg_class p ON p.oid = pt.partrelid JOIN pg_namespace n ON n.oid = p.relnamespace
      JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = pt.partattrs[0]
      CROSS JOIN LATERAL (
        SELECT m[1]::timestamptz AS lower, m[2]::timestamptz AS upper
          FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid,
               regexp_match(pg_get_expr(c.relpartbound, c.oid), $r$^FOR VALUES FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$r$) m
         WHERE h.inhparent = p.oid AND m IS NOT NULL ORDER BY 2 DESC LIMIT 1) bound
     WHERE pt.partstrat = 'r' AND pt.partnatts = 1 AND {USERS} AND isfinite(bound.upper) AND isfinite(bound.lower)
       AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)"""  # noqa: S608 (a constant)

PARTITIONS_AHEAD = SqlCheck(
    "partitions_ahead",
    0,
    1,
    "",
    "1 if the table's next partition by time is missing, 2 if rows of now already have none.",
    query=f"""
    SELECT CASE WHEN upper <= now() THEN 2 WHEN upper < now() + least(width, interval '31 days') THEN 1 ELSE 0 END AS value,
           format('the last partition of %I.%I ends at %s', nspname, relname, upper) AS what,
           format('CREATE TABLE %I.%I PARTITION OF %I.%I FOR VALUES FROM (%L) TO (%L)', nspname,
                  left(relname, 40) || to_char(upper, '_YYYYMMDD_HH24MISS'), nspname, relname, upper, reach) AS sql
      FROM ({_RANGES}) t CROSS JOIN LATERAL (
        SELECT upper + width * generate_series AS reach FROM generate_series(1, 10000)
         WHERE upper + width * generate_series >= now() + least(width, interval '31 days') ORDER BY 1 LIMIT 1) ahead
     ORDER BY 1 DESC, upper LIMIT 1
    """,  # noqa: S608 (a constant)
    none="no table is partitioned by time",
    fix="let a job create them (pg_partman, or a migration); for now: {sql}",
)

DEFAULT_PARTITION_ROWS = SqlCheck(
    "default_partition_rows",
    0,
    10,
    "",
    "Default partitions that hold rows: a partition for them is missing, and cannot be created while they exist.",
    made_by=f"""(
    SELECT string_agg(format(CASE WHEN {WITHOUT_QUERIES} THEN
              $f$SELECT %1$L || ' (rows, or the space of deleted ones)' AS what, %2$L::text[] AS sql
                  WHERE (SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(%1$L)) > 0$f$
              ELSE $f$SELECT %1$L AS what, %2$L::text[] AS sql WHERE EXISTS (SELECT FROM %1$s)$f$ END, child, fix), ' UNION ALL ')
      FROM (SELECT format('%I.%I', n.nspname, c.relname) AS child, ARRAY[format(
                   'BEGIN; ALTER TABLE %1$s DETACH PARTITION %2$s; CREATE TABLE %3$I.%4$I PARTITION OF %1$s FOR VALUES FROM (%5$L) TO (%6$L); '
                   'INSERT INTO %1$s SELECT * FROM %2$s; TRUNCATE %2$s; ALTER TABLE %1$s ATTACH PARTITION %2$s DEFAULT; COMMIT',
                   format('%I.%I', r.nspname, r.relname), format('%I.%I', n.nspname, c.relname), r.nspname,
                   left(r.relname, 40) || to_char(r.upper, '_YYYYMMDD_HH24MISS'), r.upper,
                   (SELECT max(r.upper + r.width * g) FROM generate_series(1, 10000) g WHERE r.upper + r.width * (g - 1) <= now()))] AS fix
              FROM pg_partitioned_table pt JOIN pg_class c ON c.oid = pt.partdefid JOIN pg_namespace n ON n.oid = c.relnamespace
              LEFT JOIN ({_RANGES}) r ON r.oid = pt.partrelid WHERE c.relkind IN ('r', 'p')) d)""",  # noqa: S608 (constants)
    counts=True,
    none="",
    fix="create the missing partition and move the rows, which locks the table meanwhile: {sql}",
)

_SKIPPED = (
    "EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'titan_ops' AND c.relname = 'skipped_index' AND {condition})"
)
_READABLE = "has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"

SKIPPED_INDEXES = SqlCheck(
    "skipped_indexes",
    0,
    0,
    "",
    "Indexes that a migration left out as duplicates, and whose duplicates are gone: the next run builds them.",
    made_by=f"""CASE WHEN {_SKIPPED.format(condition=_READABLE)} THEN $q$
    SELECT format('%I on %I.%I (of migration %s), whose duplicate %I is gone', s.name, s.schema, s.table_name, s.version, s.duplicate_of) AS what,
           regexp_replace(s.definition, '^(CREATE (UNIQUE )?INDEX)', '\1 CONCURRENTLY') AS sql
      FROM titan_ops.skipped_index s JOIN pg_namespace n ON n.nspname = s.schema
      JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = s.table_name
     WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = s.table_oid AND a.attnum = ANY (s.columns) AND a.attisdropped)
       AND NOT EXISTS (
       SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = t.oid AND i.indisvalid
          AND (c.oid = s.duplicate_oid AND t.oid = s.table_oid
               OR s.definition = format('CREATE %sINDEX "%s"', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, replace(s.name, '"', '""'))
                  || substr(pg_get_indexdef(c.oid),
                       1 + length(format('CREATE %sINDEX %I', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, c.relname)))))
     ORDER BY 1$q$ END""",  # noqa: S608 (constants)
    counts=True,
    fix="run the migrations again, which builds them: ansible-playbook titan.database.migrate; or {sql}",
    sees="NOT " + _SKIPPED.format(condition=f"NOT ({_READABLE})"),
    grant="SELECT on titan_ops.skipped_index",
)

CHECKS = (
    SKIPPED_INDEXES, INVALID_INDEXES, UNVALIDATED_CONSTRAINTS, DISABLED_TRIGGERS, FOREIGN_KEYS_WITHOUT_INDEX, PARTITIONS_AHEAD,
    DEFAULT_PARTITION_ROWS,
)  # fmt: skip
