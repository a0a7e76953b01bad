# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restored schema differs where its meaning does, not where PostgreSQL writes its own casts in another place."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.differences import (
    schema_differences,
)
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.objects import normal_text
from ansible_collections.titan.database.plugins.module_utils._engine.backups.content.schema_text import Skeleton
from ansible_collections.titan.database.plugins.module_utils._engine.backups.load.failure import restoring
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError

# The same view, IN ('INFO', 'DEBUG') over a varchar column, before and after a restore.
FIRST = (
    b"WHERE (((level)::text = ANY ((ARRAY['INFO'::character varying, 'DEBUG'::character varying])::text[])) AND true)"
)
AGAIN = b"WHERE (((level)::text = ANY (ARRAY[('INFO'::character varying)::text, ('DEBUG'::character varying)::text])) AND true)"


def skeleton(*lines: bytes) -> Skeleton:
    return Skeleton(Counter(lines), {})


def test_casts_in_another_place_are_no_difference():
    assert schema_differences(skeleton(FIRST, b"x"), skeleton(AGAIN, b"x")) == []


def test_another_value_is_a_difference():
    said = schema_differences(skeleton(FIRST), skeleton(AGAIN.replace(b"INFO", b"info")))
    assert len(said) == 2 and "only in the archive" in said[0]


def test_a_lost_line_is_a_difference():
    assert schema_differences(skeleton(FIRST, b"CREATE INDEX a ON t (b);"), skeleton(AGAIN))
    assert schema_differences(skeleton(FIRST, FIRST), skeleton(AGAIN))


def test_a_server_s_own_number_of_a_column_is_no_difference():
    """A pg_dump that does not know this option writes it as if somebody had set it."""
    made = b"CREATE TABLE t (\n    a integer\n);"
    numbered = b"\nALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=22147392);"
    assert normal_text(made + numbered * 2) == made
    assert normal_text(made + numbered.replace(b")", b", n_distinct=5)")) == made + numbered.replace(
        b"pg_attver=22147392", b"n_distinct=5"
    )
    assert normal_text(made + numbered.replace(b"(", b"(n_distinct=5, ")) == made + numbered.replace(
        b"pg_attver=22147392", b"n_distinct=5"
    )


def test_a_dump_of_an_older_program_is_told_as_such():
    with pytest.raises(TitanError, match="is older than the source's server.*'programs'"), restoring():
        raise TitanError('ERROR: unrecognized parameter "pg_attver".', programs=["psql"])
