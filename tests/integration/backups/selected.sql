CREATE TYPE public.status AS ENUM ('new', 'it''s paid', 'gone');
CREATE DOMAIN public.cents AS bigint CHECK (VALUE >= 0);
CREATE FUNCTION public.doubled(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE FUNCTION public.unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE SEQUENCE public.numbers START 40;
CREATE TABLE public.users (id serial PRIMARY KEY, email text NOT NULL UNIQUE);
INSERT INTO public.users (email) SELECT 'user' || n || '@example.org' FROM generate_series(1, 50) n;
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL CONSTRAINT "to users of us" REFERENCES public.users ON DELETE CASCADE,
    state public.status DEFAULT 'new', price public.cents, twice bigint GENERATED ALWAYS AS (public.doubled(price)) STORED,
    number bigint DEFAULT nextval('public.numbers'), note text CONSTRAINT short CHECK (length(note) < 400));
INSERT INTO public.orders (user_id, state, price, note)
    SELECT n % 50 + 1, (ARRAY['new', 'it''s paid', 'gone'])[n % 3 + 1]::public.status, n, E'a\tb\\c\n' || n FROM generate_series(1, 700) n;
CREATE INDEX orders_state ON public.orders (state) WHERE price > 3;
CREATE UNIQUE INDEX orders_twice ON public.orders (public.doubled(price) DESC);
CREATE STATISTICS public.orders_both ON user_id, state FROM public.orders;
CREATE TRIGGER noted BEFORE INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION public.noted();
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON public.orders USING (price > 0);
COMMENT ON COLUMN public.orders.note IS 'what the; customer says';
GRANT SELECT ON public.orders TO PUBLIC;
CREATE TABLE public.items (order_id bigint REFERENCES public.orders ON DELETE CASCADE, line int, PRIMARY KEY (order_id, line));
INSERT INTO public.items SELECT n, 1 FROM generate_series(1, 700) n;
CREATE VIEW public.busy AS SELECT user_id, count(*) FROM public.orders GROUP BY 1;
CREATE MATERIALIZED VIEW public.sums AS SELECT user_id, sum(price) FROM public.orders GROUP BY 1;
CREATE TABLE public.events (n int PRIMARY KEY, at date) PARTITION BY RANGE (n);
CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM (0) TO (100);
CREATE TABLE public.events_2 PARTITION OF public.events FOR VALUES FROM (100) TO (300) PARTITION BY RANGE (n);
CREATE TABLE public.events_2_all PARTITION OF public.events_2 DEFAULT;
CREATE INDEX events_at ON public.events (at);
INSERT INTO public.events SELECT n, DATE '2026-01-01' + n FROM generate_series(0, 199) n;
CREATE TABLE public.parent (a int, b text);
CREATE TABLE public.child (c int) INHERITS (public.parent);
INSERT INTO public.parent VALUES (1, 'p');
INSERT INTO public.child VALUES (2, 'c', 3);
CREATE SCHEMA "sh'op ""50%""";
CREATE TABLE "sh'op ""50%"""."a ""b"" $1 \x" ("select" int PRIMARY KEY, "da ta" text DEFAULT 'x', parent int REFERENCES public.users);
INSERT INTO "sh'op ""50%"""."a ""b"" $1 \x" SELECT n, 'v' || n, n % 50 + 1 FROM generate_series(1, 30) n;
CREATE TABLE "sh'op ""50%"""."ünicode with a name of sixty-three bytes, which is the most: eee" (id serial PRIMARY KEY, t text);
INSERT INTO "sh'op ""50%"""."ünicode with a name of sixty-three bytes, which is the most: eee" (t) SELECT 'ü' || n FROM generate_series(1, 20) n;
CREATE FUNCTION "sh'op ""50%""".f() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE VIEW "sh'op ""50%""".v AS SELECT "select" + "sh'op ""50%""".f() AS s FROM "sh'op ""50%"""."a ""b"" $1 \x";
SELECT pg_catalog.lo_from_bytea(0, 'large');
CREATE PUBLICATION everything FOR TABLE public.orders, public.users;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
