# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A superuser rebuilds the indexes of others, and runs none of their code with its rights."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import login
from tests.hostile import owned_database, sprung

TABLES = """
CREATE TABLE public.of_index (id int, b text);
INSERT INTO public.of_index SELECT n, repeat('x', 50) FROM generate_series(1, 3000) n;
CREATE INDEX of_function ON public.of_index ((id + public.f(1)), b);
CREATE INDEX of_predicate ON public.of_index (b) WHERE id > public.f(1);
DELETE FROM public.of_index WHERE id > 30;
CREATE FUNCTION public.listen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.deed(1); END';
"""


@pytest.mark.parametrize("name", ["server", "server15"])
def test_a_superuser_runs_no_code_of_the_owner(name: str, request: pytest.FixtureRequest, call_module: Any) -> None:
    with owned_database(request.getfixturevalue(name), TABLES) as owned:
        with connect(owned.owner) as database:
            database.execute("VACUUM public.of_index")
            database.execute("ANALYZE public.of_index")
        with connect(owned.admin) as database:  # an index that a failed build has left
            database.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.of_predicate'::regclass"
            )
        options = {"min_size_mb": 0, "min_reclaimable": 0.05}
        done = call_module("reindex", **login(owned.admin), **options)
        assert not done.get("failed") and [each["index"] for each in done["reindexed"]] == ["public.of_function"], done
        with connect(owned.admin) as database:
            assert database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.of_predicate'::regclass")
            database.execute("CREATE EVENT TRIGGER ours ON sql_drop EXECUTE FUNCTION public.listen()")
        for check_mode in (True, False):
            refused = call_module("reindex", **login(owned.admin), **options, check_mode=check_mode)
            assert (
                refused.get("failed") and "public.listen()" in refused["msg"] and "ALTER FUNCTION" in refused["msg"]
            ), refused
        with connect(owned.admin) as database:
            database.execute("ALTER EVENT TRIGGER ours DISABLE")
        assert not call_module("reindex", **login(owned.admin), **options).get("failed")
        assert sprung(owned)
