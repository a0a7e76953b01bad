-- Everything that has ever made a dump, a restore or a comparison go wrong. Copyright: (c) 2026, titan.database contributors.
-- GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SET search_path = public;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA "we;ird ""schema"" % $1 \ ünï";
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'hap"py');
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0 OR VALUE = 'NaN');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE SEQUENCE odd_numbers INCREMENT 2 START 1;
CREATE SEQUENCE "it's a ""seq""" MINVALUE -100 START -50;
CREATE SEQUENCE never_called START 77;
CREATE UNLOGGED SEQUENCE unlogged_numbers START 3;
SELECT nextval('odd_numbers'), nextval('odd_numbers'), nextval('"it''s a ""seq"""'), setval('odd_numbers', 9, false);

CREATE TABLE kinds (
    id bigint GENERATED ALWAYS AS IDENTITY (START 5) PRIMARY KEY, m mood, p positive, c pair, r int4range, f floatrange,
    a int[], a2 text[][], j jsonb, js json, b bytea, n numeric, f4 float4, f8 float8, i interval, t timestamptz, d date,
    tm time, ttz timetz, h hstore, ci citext, inet inet, mac macaddr, bits bit varying, pt point, poly polygon, uid uuid,
    mon money, tsv tsvector, reg regclass, ch char(5), nm name, doubled bigint GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO kinds (m, p, c, r, f, a, a2, j, js, b, n, f4, f8, i, t, d, tm, ttz, h, ci, inet, mac, bits, pt, poly, uid, mon, tsv, reg, ch, nm) VALUES
    ('sad', 'NaN', '(1,"a ""b"", c")', '[1,10)', '(0.1,0.3]', '{1,NULL,3}', '{{a,"b,c"},{NULL,"\\"}}', '{"a": [1, 1.0, null]}',
     '{"a":1,  "a":2}', '\x00ff5c', 'NaN', '-0', 0.1::float8 + 0.2::float8, '1 mon -1 day 00:00:00.000001', 'infinity', '-infinity',
     '24:00', '12:00+05:30', 'a=>1, "b c"=>NULL', 'MiXeD', '10.0.0.1/8', '08:00:2b:01:02:03', B'10101', '(0.1,-0)',
     '((0,0),(1,1),(1,0))', '00000000-0000-0000-0000-00000000000a', 12.34, 'a:1 b:2', 'pg_class', 'x', 'name'),
    (NULL, 1.0, NULL, 'empty', 'empty', '{}', '{}', 'null', 'null', '', '-Infinity', 'NaN', '-Infinity', 'P0D', '0044-03-15 BC 12:00Z',
     '5874897-12-31', '00:00', '23:59:59.999999-12', '', '', '::1', NULL, B'', NULL, NULL, NULL, NULL, '', NULL, '', ''),
    ('o''k', 1.00, '(,)', NULL, NULL, '[0:1]={7,8}', NULL, '"\u00e9\t\\"', '[]', E'\\x0a0d09', 1e-300, 1.17549435e-38, 5e-324, NULL,
     '2026-10-25 01:30:00+00', NULL, NULL, NULL, NULL, E'tab\tnew\nline\rback\\slash', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     E'ü', NULL);
INSERT INTO kinds (m) SELECT 'sad' FROM generate_series(1, 3);
CREATE TABLE t (t text, "T" int, titan_row int);
INSERT INTO t VALUES ('same', 1, 2), ('same', 3, 4), (E'\\.', NULL, NULL), (E'\n\\.\n', NULL, 9), (E'\\N', 0, 0);
-- {a, b, b}: with xor instead of a sum, {a, c, c} would be the same
CREATE TABLE twice (x text);
INSERT INTO twice VALUES ('a'), ('b'), ('b');
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE dropped (a int, gone text, b int);
INSERT INTO dropped VALUES (1, 'x', 2);
ALTER TABLE dropped DROP COLUMN gone, ADD COLUMN late text DEFAULT 'later';
CREATE UNLOGGED TABLE unlogged (x int);
INSERT INTO unlogged SELECT generate_series(1, 10);

CREATE TABLE parent (id int, kind text);
CREATE TABLE child (extra int) INHERITS (parent);
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child VALUES (2, 'child', 3);
CREATE TABLE measured (at date NOT NULL, v int, k int) PARTITION BY RANGE (at);
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (k);
CREATE TABLE measured_2025_0 PARTITION OF measured_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE measured_2025_1 PARTITION OF measured_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE measured_rest PARTITION OF measured DEFAULT;
CREATE INDEX ON measured (v);
INSERT INTO measured SELECT date '2024-12-01' + n, n, n % 7 FROM generate_series(1, 600) n;
ALTER TABLE measured DETACH PARTITION measured_rest;

CREATE TABLE chicken (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, chicken int REFERENCES chicken DEFERRABLE INITIALLY DEFERRED);
INSERT INTO chicken VALUES (1, 1);
INSERT INTO egg VALUES (1, 1);
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;
INSERT INTO egg VALUES (2, NULL);
ALTER TABLE egg ADD CONSTRAINT old_rows_break_this CHECK (chicken IS NOT NULL) NOT VALID;
CREATE TABLE secured (owner text, secret text);
INSERT INTO secured VALUES ('a', 'x'), ('b', 'y');
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE secured FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secured USING (owner = current_user);
CREATE TABLE "we;ird ""schema"" % $1 \ ünï"."tab;le""'%s $$ \ -- /* 2345678901234567890123456789012345678" ("co;l""'%(x)s $1 \" text);
INSERT INTO "we;ird ""schema"" % $1 \ ünï"."tab;le""'%s $$ \ -- /* 2345678901234567890123456789012345678" VALUES ('%s'), ('$1');
CREATE TABLE "-leading
newline" ("a
b" int);
INSERT INTO "-leading
newline" VALUES (1);

CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    -- Data for Name: not; Type: TABLE DATA
    NEW.t := upper(NEW.t) || ';''"';
    RETURN NEW;
END $f$;
CREATE TRIGGER shouted BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout();
CREATE TABLE fed_by_trigger (x int);
CREATE FUNCTION feed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.fed_by_trigger VALUES (1); RETURN NULL; END';
CREATE TRIGGER fed AFTER INSERT ON no_columns EXECUTE FUNCTION feed();
ALTER TABLE no_columns ENABLE ALWAYS TRIGGER fed;
CREATE RULE quiet AS ON INSERT TO unlogged WHERE NEW.x < 0 DO INSTEAD NOTHING;
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no changes on Sundays''; END';
CREATE FUNCTION sql_body(int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT $1 + 1; END;
CREATE PROCEDURE nothing() LANGUAGE sql AS '';
CREATE AGGREGATE glue (text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE MATERIALIZED VIEW stale AS SELECT count(*) FROM egg;
INSERT INTO egg VALUES (3, 1);
CREATE MATERIALIZED VIEW unpopulated AS SELECT * FROM kinds WITH NO DATA;
CREATE VIEW looks AS SELECT t.*, row_number() OVER () FROM t;
CREATE RECURSIVE VIEW counting (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 5;
CREATE INDEX odd_index ON kinds USING gin (j jsonb_path_ops) WHERE j IS NOT NULL;
CREATE UNIQUE INDEX expression_index ON t (lower(t) DESC, ("T" + 1)) INCLUDE (titan_row);
CREATE STATISTICS related ON a, b FROM dropped;
CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple);
CREATE COLLATION plain (LOCALE = 'C');
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy;
CREATE FOREIGN TABLE foreign_rows (x int) SERVER elsewhere;
CREATE PUBLICATION everything FOR TABLE t, measured WITH (publish = 'insert');
COMMENT ON TABLE t IS E'a comment''s "text"; \\ % \n with a new line';
COMMENT ON DATABASE :"DBNAME" IS 'not in a dump';
SELECT lo_from_bytea(4711, '\x00010203'), lo_from_bytea(4712, decode(repeat('ab', 1500000), 'hex')), lo_create(4713);
COMMENT ON LARGE OBJECT 4711 IS 'large';
DROP ROLE IF EXISTS "zoo ""keeper"", $1";
CREATE ROLE "zoo ""keeper"", $1";
GRANT SELECT ON LARGE OBJECT 4711 TO "zoo ""keeper"", $1";
ALTER TABLE dropped OWNER TO "zoo ""keeper"", $1";
ALTER SCHEMA "we;ird ""schema"" % $1 \ ünï" OWNER TO "zoo ""keeper"", $1";
GRANT SELECT (t), UPDATE ON t TO "zoo ""keeper"", $1" WITH GRANT OPTION;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE "zoo ""keeper"", $1" IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
CREATE POLICY keeper ON secured TO "zoo ""keeper"", $1" USING (true);
-- what row text depends on, and only here: the drill's cluster has other defaults
ALTER DATABASE :"DBNAME" SET extra_float_digits = 0;
ALTER DATABASE :"DBNAME" SET timezone = 'Asia/Kathmandu';
ALTER DATABASE :"DBNAME" SET datestyle = 'German, DMY';
ALTER DATABASE :"DBNAME" SET intervalstyle = 'sql_standard';
ALTER DATABASE :"DBNAME" SET bytea_output = 'escape';
CREATE EVENT TRIGGER guard ON ddl_command_start EXECUTE FUNCTION on_ddl();
