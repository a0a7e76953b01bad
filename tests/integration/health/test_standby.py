"""The same crontab on every node of a cluster: the job works on the primary only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import Environment, JobPlan
from ansible_collections.titan.database.plugins.module_utils._engine.errors import DatabaseError
from ansible_collections.titan.database.plugins.module_utils._engine.jobs.preconditions import is_primary, wrong_server
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.cluster import THROW_AWAY, Cluster
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.database import connect

from tests.conftest import embedded_programs, free_port, login

SITE = Environment("t", "", 0.0, "/nowhere")


@pytest.fixture(scope="module")
def standby() -> Iterator[Cluster]:
    """A server that is in recovery."""
    import tempfile

    cluster = Cluster(embedded_programs(), tempfile.mkdtemp(prefix="titan-test-"), port=free_port(), listen=True)
    cluster.create()
    settings = [each for each in THROW_AWAY if not each.startswith("wal_level")] + ["wal_level=replica"]
    cluster.start(settings)
    with connect(cluster.settings()) as database:
        database.execute("CREATE TABLE public.t (n int); ALTER TABLE public.t ADD CHECK (n > 0) NOT VALID")
    cluster.stop()
    Path(cluster.data, "standby.signal").touch()
    cluster.start(settings)
    yield cluster
    cluster.remove()


def test_a_standby_leaves_the_work_to_the_primary(standby: Cluster, server: Cluster) -> None:
    def reason(run_on: str, cluster: Cluster) -> str:
        return wrong_server(JobPlan("backup", "backup", run_on=run_on), SITE, lambda: is_primary(cluster.settings()))

    assert reason("primary", server) == reason("standby", standby) == reason("any", standby) == ""
    assert "not the primary" in reason("primary", standby)
    assert "is the primary" in reason("standby", server)


def test_health_says_of_a_standby_what_it_can_say(standby: Cluster, call_module: Callable[..., dict[str, Any]]) -> None:
    found = call_module("health_info", **login(standby.settings()))
    checks = {one["name"]: one for one in found["checks"]}
    assert "dead_rows" not in checks and "stale_statistics" not in checks, "nobody counts there: 0 would be no ok"
    constraint = checks["unvalidated_constraints"]
    assert constraint["status"] == "warning" and "on the primary: psql -h PRIMARY -d postgres -c" in constraint["fix"]
    assert (
        checks["replication_lag"]["status"] == "unknown" and "receives nothing" in checks["replication_lag"]["message"]
    )


def test_a_server_that_cannot_be_asked_is_no_answer(server: Cluster) -> None:
    nowhere = Cluster(server.programs, "/nowhere", port=1, listen=True)
    with pytest.raises(DatabaseError):
        wrong_server(JobPlan("backup", "backup", run_on="primary"), SITE, lambda: is_primary(nowhere.settings()))
