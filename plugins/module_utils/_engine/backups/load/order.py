# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the order matters in which the rows of tables are loaded: where a function that looks at other tables is called for each row.

PostgreSQL promises nothing for such a check, and nobody is kept from writing it. Loaded by several jobs, its rows would be taken or
refused by chance: what is proven and what is restored go in the archive's order then, one table after the other.
"""

from __future__ import annotations

import re

from ...postgres.database import Database

# What is called for the rows of a COPY: by constraints of tables and domains, generated columns, keys of partitions, and the
# operators in those. Without any of them no function is listed.
_FUNCTIONS = """
WITH needed AS (
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_constraint'::regclass
        OR d.classid = 'pg_catalog.pg_class'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = d.objid)
        OR d.classid = 'pg_catalog.pg_attrdef'::regclass AND EXISTS (
           SELECT FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
            WHERE f.oid = d.objid AND a.attgenerated <> '')),
called AS MATERIALIZED (
    SELECT refobjid AS oid FROM needed WHERE refclassid = 'pg_catalog.pg_proc'::regclass
     UNION SELECT o.oprcode FROM needed JOIN pg_catalog.pg_operator o ON refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = refobjid)
SELECT p.oid::bigint AS oid, p.proname::text AS name, p.prosrc AS text, p.oid IN (SELECT oid FROM called) AS called, EXISTS (
           SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
              AND d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass)) AS reads
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal') AND EXISTS (SELECT FROM called)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
                      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e')
"""
# Words without which no text reads a table; FROM of substring() and its kind is one of them.
_READS = re.compile(r"\b(?:FROM|JOIN|TABLE|EXECUTE|PERFORM|QUERY|CURSOR|spi\w*|plpy|query_to_xml)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w$]+")


def order_matters(database: Database) -> bool:
    """Whether rows are checked or filled by a function that may read a table, itself or by another function of the database.

    Args:
        database: With its definitions, before its rows are loaded.
    """
    functions = database.rows(_FUNCTIONS)
    named = {row["name"] for row in functions}
    waiting = [row for row in functions if row["called"]]
    seen = {row["oid"] for row in waiting}
    while waiting:
        row = waiting.pop()
        if row["reads"] or _READS.search(row["text"]):
            return True
        names = named.intersection(_WORD.findall(row["text"]))
        further = [each for each in functions if each["name"] in names and each["oid"] not in seen]
        seen.update(each["oid"] for each in further)
        waiting += further
    return False
