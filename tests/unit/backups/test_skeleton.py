# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of a dump, whatever the size of the pieces it comes in."""

from __future__ import annotations

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.schema_text import (
    SkeletonReader,
    skeleton_of,
)

DUMP = rb"""--
-- PostgreSQL database dump
--

\restrict abc

-- Dumped from database version 18.6

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.f() RETURNS text AS $$
COPY public.x (a) FROM stdin;
\.
$$;

--
-- Data for Name: we
rd; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public."we
rd" (a) FROM stdin;
1	CREATE TABLE not_this
\\.
\.


--
-- Data for Name: y; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.y (b) FROM stdin;
\.


SELECT pg_catalog.setval('public.s', 42, true);
SELECT pg_catalog.setval('public."it''s"', 1, false);

CREATE INDEX i ON public.y (b);
-- PostgreSQL database dump complete
""".replace(b"we\nrd; Type", b"we rd; Type")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_rows_are_left_out_and_statements_kept(size: int) -> None:
    reader = SkeletonReader()
    for start in range(0, len(DUMP), size):
        reader.feed(DUMP[start : start + size])
    skeleton = reader.skeleton()
    text = b"\n".join(skeleton.lines)
    assert b"CREATE INDEX i ON public.y (b);" in skeleton.lines
    assert skeleton.lines[b"COPY public.x (a) FROM stdin;"] == 1  # the function's body
    assert b"not_this" not in text and b"restrict" not in text
    assert skeleton.sequences == {"public.s": (42, True), 'public."it\'s"': (1, False)}


def test_order_does_not_matter_but_repetition_does() -> None:
    assert skeleton_of([b"a;", b"b;", b"a;"]) == skeleton_of([b"b;", b"a;", b"a;"])
    assert skeleton_of([b"a;", b"b;", b"a;"]) != skeleton_of([b"a;", b"b;"])
