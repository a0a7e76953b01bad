# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to an object besides its definition in inventory.py, where it is not the usual, and rarer kinds of objects; as rows of
kind, identity and definition.
"""

from __future__ import annotations

from collections.abc import Collection

from .rarer import without

# The server numbers the forms of a table in the option pg_attver of its columns (15.20 and other releases of that day): that is
# nobody's setting, and another number after each change, each restore and in each replay.
# kind, identity and definition of what a table, index, sequence, rule or type has besides its definition; none for the usual
_SETTINGS = """
  SELECT 'settings of column', format('%s.%I', r.identity, a.attname),
         concat_ws(' ', CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END,
           CASE WHEN a.attcompression <> '' THEN 'COMPRESSION ' || a.attcompression::text END, 'STATISTICS ' || nullif(a.attstattarget, -1),
           CASE WHEN a.attoptions IS NOT NULL THEN nullif(ARRAY(SELECT o FROM unnest(a.attoptions) AS o WHERE o !~ '^pg_'), '{}')::text END,
           a.attfdwoptions::text)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'm', 'f', 'i', 'I')
  UNION ALL
  SELECT 'settings of table', r.identity,
         concat_ws(' ', 'REPLICA IDENTITY ' || nullif(r.relreplident, 'd')::text,
           (SELECT string_agg(concat_ws(' ', i.indexrelid::regclass::text, CASE WHEN i.indisreplident THEN 'is the identity' END,
                     CASE WHEN i.indisclustered THEN 'is clustered on' END), ', ' ORDER BY i.indexrelid::regclass::text)
              FROM pg_index i WHERE i.indrelid = r.oid AND (i.indisreplident OR i.indisclustered)),
           (SELECT 'USING ' || m.amname FROM pg_am m WHERE m.oid = r.relam AND m.amname <> 'heap'),
           'OF ' || nullif(r.reloftype, 0)::regtype::text, (SELECT reloptions::text FROM pg_class WHERE oid = r.reltoastrelid),
           (SELECT concat_ws(' ', s.srvname, f.ftoptions::text) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
             WHERE f.ftrelid = r.oid))
    FROM relation r WHERE r.relkind IN ('r', 'p', 'm', 'f')
  UNION ALL
  SELECT 'settings of index', r.identity, h.inhparent::regclass::text
    FROM relation r JOIN pg_inherits h ON h.inhrelid = r.oid WHERE r.relkind IN ('i', 'I')
  UNION ALL
  SELECT 'settings of sequence', r.identity,
         concat_ws(' ', 'CACHE ' || nullif(s.seqcache, 1), CASE WHEN r.relpersistence <> 'p' THEN 'UNLOGGED' END,
           (SELECT format('OWNED BY %s.%I', d.refobjid::regclass, a.attname) FROM pg_depend d
              JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'))
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
  UNION ALL
  SELECT 'settings of rule', format('%I on %s', u.rulename, r.identity), nullif(u.ev_enabled, 'O')::text
    FROM pg_rewrite u JOIN relation r ON r.oid = u.ev_class
  UNION ALL
  SELECT 'settings of statistics', format('%I.%I', own.nspname, s.stxname), nullif(s.stxstattarget, -1)::text
    FROM pg_statistic_ext s JOIN own ON own.oid = s.stxnamespace
  UNION ALL
  SELECT 'settings of aggregate', p.identity,
         concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,
           a.aggmfinalfn, a.aggfinalextra, a.aggsortop::regoperator, a.aggfinalmodify, a.aggtransspace, a.aggminitval, p.proparallel)
    FROM routine p JOIN pg_aggregate a ON a.aggfnoid = p.oid
  UNION ALL
  SELECT 'settings of range', t.identity,
         concat_ws(' ', format_type(g.rngsubtype, NULL), nullif(g.rngcollation, 0)::regcollation, c.opcname, g.rngcanonical, g.rngsubdiff)
    FROM own_type t JOIN pg_range g ON g.rngtypid = t.oid JOIN pg_opclass c ON c.oid = g.rngsubopc
  UNION ALL
  SELECT 'settings of domain', t.identity,
         concat_ws(' ', CASE WHEN t.typcollation <> b.typcollation THEN 'COLLATE ' || t.typcollation::regcollation::text END,
           (SELECT string_agg(quote_ident(k.conname), ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.contypid = t.oid))
    FROM own_type t JOIN pg_type b ON b.oid = t.typbasetype
  UNION ALL
  SELECT 'settings of constraint', format('%I on %s', k.conname, r.identity),
         'TRIGGERS ' || string_agg(concat_ws(' ', t.tgtype, t.tgenabled), ', ' ORDER BY t.tgtype, t.tgenabled)
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid JOIN pg_constraint k ON k.oid = t.tgconstraint
   WHERE t.tgisinternal AND t.tgenabled <> 'O' GROUP BY 2
  UNION ALL
  SELECT 'settings of extension', quote_ident(extname), 'SCHEMA ' || extnamespace::regnamespace FROM pg_extension
  UNION ALL
  SELECT 'dependence', format('of %s %s', o.type, o.identity), string_agg(quote_ident(e.extname), ', ' ORDER BY e.extname)
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid, LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' GROUP BY 2
  UNION ALL
  SELECT 'settings of operator', o.oid::regoperator::text,
         concat_ws(' ', nullif(o.oprcom, 0)::regoperator, nullif(o.oprnegate, 0)::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash)
    FROM pg_operator o JOIN own ON own.oid = o.oprnamespace
  UNION ALL
  SELECT 'settings of role', quote_ident(rolname),
         concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN NOT rolinherit THEN 'NOINHERIT' END,
           CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' END)
    FROM pg_roles WHERE rolname !~ '^pg_'
  UNION ALL
  SELECT 'settings of publication', quote_ident(p.pubname), concat_ws(' ', CASE WHEN p.pubviaroot THEN 'VIA ROOT' END,
           'GENERATED COLUMNS ' || nullif(to_jsonb(p) ->> 'pubgencols', 'n'))
    FROM pg_publication p
"""

_OBJECTS = """
  SELECT 'collation', format('%I.%I', own.nspname, c.collname),
         (to_jsonb(c) - ARRAY['oid', 'collname', 'collnamespace', 'collowner', 'collversion', 'collencoding'])::text
    FROM pg_collation c JOIN own ON own.oid = c.collnamespace
  UNION ALL
  SELECT 'conversion', format('%I.%I', own.nspname, c.conname),
         concat_ws(' ', c.conforencoding, c.contoencoding, c.conproc, c.condefault)
    FROM pg_conversion c JOIN own ON own.oid = c.connamespace
  UNION ALL
  SELECT 'text search configuration', format('%I.%I', own.nspname, c.cfgname),
         concat_ws(' ', (SELECT prsname FROM pg_ts_parser p WHERE p.oid = c.cfgparser),
           (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno)
              FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
    FROM pg_ts_config c JOIN own ON own.oid = c.cfgnamespace
  UNION ALL
  SELECT 'text search dictionary', format('%I.%I', own.nspname, d.dictname),
         concat_ws(' ', (SELECT tmplname FROM pg_ts_template t WHERE t.oid = d.dicttemplate), d.dictinitoption)
    FROM pg_ts_dict d JOIN own ON own.oid = d.dictnamespace
  UNION ALL
  SELECT 'operator class', format('%I.%I using %I', own.nspname, c.opcname, m.amname),
         concat_ws(' ', format_type(c.opcintype, NULL), c.opcdefault, format_type(nullif(c.opckeytype, 0), NULL))
    FROM pg_opclass c JOIN own ON own.oid = c.opcnamespace JOIN pg_am m ON m.oid = c.opcmethod
  UNION ALL
  SELECT 'operator family', format('%I.%I using %I', own.nspname, f.opfname, m.amname),
         concat_ws(' ', (SELECT string_agg(concat_ws(' ', o.amopstrategy, o.amopopr::regoperator, o.amoppurpose), ', '
                             ORDER BY o.amopstrategy, o.amopopr::regoperator::text) FROM pg_amop o WHERE o.amopfamily = f.oid),
           (SELECT string_agg(concat_ws(' ', o.amprocnum, o.amproc::regprocedure), ', ' ORDER BY o.amprocnum, o.amproc::regprocedure::text)
              FROM pg_amproc o WHERE o.amprocfamily = f.oid))
    FROM pg_opfamily f JOIN own ON own.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
  UNION ALL
  SELECT 'published table', format('%I.%I in %I', x.schemaname, x.tablename, x.pubname),
         concat_ws(' ', to_jsonb(x) ->> 'attnames', to_jsonb(x) ->> 'rowfilter')
    FROM pg_publication_tables x JOIN own ON own.nspname = x.schemaname
  UNION ALL
  SELECT 'text search template', format('%I.%I', own.nspname, t.tmplname), concat_ws(' ', t.tmplinit, t.tmpllexize)
    FROM pg_ts_template t JOIN own ON own.oid = t.tmplnamespace
  UNION ALL
  SELECT 'text search parser', format('%I.%I', own.nspname, p.prsname),
         concat_ws(' ', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype)
    FROM pg_ts_parser p JOIN own ON own.oid = p.prsnamespace
  UNION ALL
  SELECT CASE WHEN t.typisdefined THEN 'base type' ELSE 'shell type' END, format('%I.%I', own.nspname, t.typname),
         CASE WHEN t.typisdefined THEN concat_ws(' ', t.typlen, t.typbyval, t.typcategory, t.typispreferred, t.typdelim, t.typinput, t.typoutput,
           t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typalign, t.typstorage, t.typdefault, t.typcollation <> 0,
           to_jsonb(t) ->> 'typsubscript', nullif(t.typelem, 0)::regtype) END
    FROM pg_type t JOIN own ON own.oid = t.typnamespace
   WHERE (t.typtype = 'b' AND t.typinput <> 'array_in'::regproc OR NOT t.typisdefined)
     AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
  UNION ALL
  SELECT 'access method', quote_ident(a.amname), concat_ws(' ', a.amtype, a.amhandler)
    FROM pg_am a
   WHERE a.oid >= 16384 AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_am'::regclass AND m.objid = a.oid)
  UNION ALL
  SELECT 'transform', format('for %s language %I', format_type(t.trftype, NULL), l.lanname),
         concat_ws(' ', nullif(t.trffromsql, 0)::regprocedure, nullif(t.trftosql, 0)::regprocedure)
    FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_transform'::regclass AND m.objid = t.oid)
  UNION ALL
  SELECT 'subscription', quote_ident(s.subname),
         concat_ws(' ', s.subslotname, s.subsynccommit, s.subpublications::text, s.subbinary, nullif(s.substream::text, 'false'))
    FROM pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL
  SELECT 'comment', 'on the database', description FROM pg_shdescription
   WHERE classoid = 'pg_database'::regclass AND objoid = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL
  SELECT 'foreign-data wrapper', quote_ident(f.fdwname),
         concat_ws(' ', nullif(f.fdwhandler, 0)::regproc, nullif(f.fdwvalidator, 0)::regproc, f.fdwoptions::text)
    FROM pg_foreign_data_wrapper f
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = f.oid)
  UNION ALL
  SELECT 'server', quote_ident(s.srvname), concat_ws(' ', f.fdwname, s.srvtype, s.srvversion, md5(s.srvoptions::text))
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
  UNION ALL
  SELECT 'user mapping', format('%s for %I', CASE WHEN umuser = 0 THEN 'public' ELSE quote_ident(usename) END, srvname), ''
    FROM pg_user_mappings
  UNION ALL
  SELECT 'language', quote_ident(l.lanname), concat_ws(' ', l.lanpltrusted, nullif(l.lanplcallfoid, 0)::regprocedure)
    FROM pg_language l
   WHERE l.oid >= 16384 AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_language'::regclass AND m.objid = l.oid)
  UNION ALL
  SELECT 'membership', format('%s in %s', quote_ident(pg_get_userbyid(member)), quote_ident(pg_get_userbyid(roleid))), admin_option::text
    FROM pg_auth_members WHERE member >= 16384
"""

# what only some versions have, by the first of them
_SINCE = {
    15: """
  UNION ALL
  SELECT 'published schema', format('%I in %I', own.nspname, p.pubname), ''
    FROM pg_publication_namespace x JOIN own ON own.oid = x.pnnspid JOIN pg_publication p ON p.oid = x.pnpubid
""",
}
# What is told to a person who looks for changes by hand, and what no replay can know.
PLACES = """
  UNION ALL
  SELECT 'tablespace', 'of ' || CASE WHEN r.relkind IN ('i', 'I') THEN 'index ' ELSE 'table ' END || r.identity, quote_ident(t.spcname)
    FROM relation r JOIN pg_tablespace t ON t.oid = r.reltablespace
   WHERE NOT r.relispartition AND r.relkind IN ('r', 'p', 'm', 'i', 'I')
  UNION ALL
  SELECT 'partition', 'table ' || r.identity, '' FROM relation r WHERE r.relispartition AND r.relkind IN ('r', 'p', 'f')
  UNION ALL
  SELECT 'partition', format('index %s of table %s', r.identity, t.identity), ''
    FROM relation r JOIN pg_index i ON i.indexrelid = r.oid JOIN relation t ON t.oid = i.indrelid WHERE t.relispartition
  UNION ALL  -- what a foreign key to a partitioned table needs for each partition
  SELECT 'partition', format('constraint %I on %s of table %s', k.conname, r.identity, t.identity), ''
    FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid JOIN pg_constraint p ON p.oid = k.conparentid
    JOIN relation t ON t.oid = k.confrelid
   WHERE k.contype = 'f' AND p.conrelid = k.conrelid
"""


def details(major: int, absent: Collection[str]) -> str:
    """The rows for a server of this major version, without those of absent kinds; each part with UNION ALL before it."""
    since = "".join(text for version, text in _SINCE.items() if version <= major)
    return (
        f"UNION ALL SELECT kind, identity, definition FROM ({without(_SETTINGS, absent)}) AS settings (kind, identity, definition) "  # noqa: S608 - our own text
        f"WHERE coalesce(definition, '') <> '' UNION ALL {without(_OBJECTS + since, absent)}"
    )
