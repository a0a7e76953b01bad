-- A database with what makes putting rows back hard.
CREATE TABLE public.users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, at timestamptz NOT NULL DEFAULT now());
INSERT INTO public.users (email) SELECT 'user' || n || '@example.org' FROM generate_series(1, 50) n;
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES public.users ON DELETE CASCADE,
    total numeric CHECK (total >= 0), twice numeric GENERATED ALWAYS AS (total * 2) STORED, note text);
INSERT INTO public.orders (user_id, total, note) SELECT n % 50 + 1, n, repeat('x', n % 7) FROM generate_series(1, 500) n;
CREATE TABLE public.items (
    order_id bigint REFERENCES public.orders ON DELETE CASCADE, line int, what bytea, PRIMARY KEY (order_id, line));
INSERT INTO public.items SELECT n % 500 + 1, n / 500, sha256(n::text::bytea) FROM generate_series(0, 1499) n;
CREATE TABLE public.notes (user_id int REFERENCES public.users ON DELETE SET NULL, text text);
INSERT INTO public.notes SELECT n % 50 + 1, CASE WHEN n % 3 > 0 THEN 'same' END FROM generate_series(1, 90) n;
CREATE TABLE public.tree (id int PRIMARY KEY, parent int REFERENCES public.tree ON DELETE CASCADE, name text);
INSERT INTO public.tree SELECT n, nullif(n / 2, 0), 'node ' || n FROM generate_series(1, 63) n;
CREATE SCHEMA "od""d %s";
CREATE TABLE "od""d %s"."a;b" ("the key" text COLLATE "C", "t" int[], "titan row" jsonb, PRIMARY KEY ("the key"));
INSERT INTO "od""d %s"."a;b" SELECT E'k\\\n\t' || n, ARRAY[n, NULL], jsonb_build_object('n', n) FROM generate_series(1, 40) n;
CREATE TABLE public.events (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE public.events_2 PARTITION OF public.events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO public.events SELECT DATE '2026-01-01' + n, n FROM generate_series(0, 299) n;
CREATE TABLE public.left_side (id int PRIMARY KEY, other int);
CREATE TABLE public.right_side (id int PRIMARY KEY, other int REFERENCES public.left_side DEFERRABLE);
INSERT INTO public.left_side SELECT n, n FROM generate_series(1, 20) n;
INSERT INTO public.right_side SELECT n, n FROM generate_series(1, 20) n;
ALTER TABLE public.left_side ADD FOREIGN KEY (other) REFERENCES public.right_side DEFERRABLE;
