"""A job as cron starts it: once at a time, limited, recorded, and reported; with stand-in work and a stub for messages."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.alerts.stub import Stub, running_stub

ROOT = Path(__file__).resolve().parents[3]
# Runs the Python text in argv[3] as the work of the job argv[2]; it may set "status" and "data".
DRIVER = """
import sys, time, os
from ansible_collections.titan.database.plugins.module_utils._engine.environment.config import read_environment
from ansible_collections.titan.database.plugins.module_utils._engine.jobs.run import run_job
from ansible_collections.titan.database.plugins.module_utils._engine.jobs import supervisor
supervisor.KILL_AFTER = 3.0
import functools
from ansible_collections.titan.database.plugins.module_utils._engine.alerts import channels, delivery, pings
from ansible_collections.titan.database.plugins.module_utils._engine.jobs import run
run.ping = functools.partial(pings.ping, sleep=lambda seconds: None)
delivery.send = functools.partial(channels.send, sleep=lambda seconds: None)
path, name, text = sys.argv[1:]
def work():
    names = {"status": 0, "data": {}, "time": time}
    exec(text, names)
    return names["status"], names["data"]
environment = read_environment(path)
sys.exit(run_job(environment, name, environment.job(name, name).subcommand, lambda: None, work)[0])
"""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        yield made


class Site:
    """One environment in a directory of its own."""

    def __init__(self, folder: Path, stub: Stub) -> None:
        self.folder, self.stub = folder, stub
        self.config = folder / "t.json"
        (folder / "metrics").mkdir()
        self.env = folder / "notify.env"
        self.env.write_text(f"TITAN_DB_NOTIFY_URLS='{stub.url}/message'\nTITAN_DB_PING_URL='{stub.url}/{{job}}'\n")
        self.settings: dict[str, Any] = {
            "environment": "t",
            "state_dir": str(folder / "state"),
            "metrics_dir": str(folder / "metrics"),
            "notify_env_file": str(self.env),
            "schedule": {
                "backup": {"schedule": "0 2 * * *", "timeout": "30s", "log": "/var/log/b.log"},
                "cleanup": {"schedule": "15 2 * * *", "after": "backup", "wait": "20s"},
            },
        }
        self.write()

    def write(self, **more: Any) -> None:
        self.settings.update(more)
        self.config.write_text(json.dumps(self.settings))

    def start(self, text: str = "print('working')", job: str = "backup") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(self.config), job, text],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONPATH": f"{ROOT}/collections"},
        )  # fmt: skip

    def run(self, text: str = "print('working')", job: str = "backup") -> tuple[int, str]:
        started = self.start(text, job)
        said, _none = started.communicate(timeout=60)
        return started.returncode, said

    def until_told(self) -> str:
        """What a job does that says that it is on, and ends after tell()."""
        wait = f"while not os.path.exists({str(self.folder / 'told')!r}): time.sleep(0.02)"
        return f"import os\nprint('on', flush=True)\n{wait}"

    def tell(self) -> None:
        (self.folder / "told").touch()

    def record(self, job: str = "backup") -> dict[str, Any]:
        return json.loads((self.folder / "state" / f"{job}.json").read_text())

    def metric(self, name: str, job: str = "backup") -> float:
        text = (self.folder / "metrics" / f"titan_db_t_{job}.prom").read_text()
        found = re.search(rf"^{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found.group(1))


def wait_for_line(started: subprocess.Popen[str], wanted: str) -> None:
    """Read what the process prints up to the line that ends with, or holds after its heading, these words."""
    assert started.stdout
    for line in started.stdout:
        if wanted in line.split(" ", 2)[-1]:
            return
    raise AssertionError(f"it ended with status {started.wait()} without a word of {wanted!r}")


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path, stub: Stub) -> Site:
    return Site(tmp_path, stub)


FAIL = "status, data = 1, {'message': 'no connection to the server at port 5433'}"


def test_a_run_is_logged_line_by_line_recorded_and_measured(site: Site) -> None:
    status, said = site.run("print('one'); print('two', flush=True)")
    assert status == 0
    lines = said.splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ backup\[[0-9a-f]{8}\] ", "", line) for line in lines[:3]] == [
        "started",
        "one",
        "two",
    ]
    assert len({re.search(r"\[(.*?)\]", line).group(1) for line in lines}) == 1
    assert "ended with status 0" in lines[-1]
    record = site.record()
    assert record["last_end"] >= record["last_success"] > time.time() - 60
    assert site.metric("titan_db_job_last_exit_status") == 0
    assert site.metric("titan_db_job_running") == 0
    assert (site.folder / "metrics" / "titan_db_t_backup.prom").stat().st_mode & 0o777 == 0o644
    assert (site.folder / "state").stat().st_mode & 0o777 == 0o700
    assert site.stub.pings() == ["/backup/start", "/backup"]
    assert site.stub.messages() == []


def test_eight_starts_at_once_run_once(site: Site) -> None:
    started = [site.start(site.until_told()) for _number in range(8)]
    eventually(lambda: sum(each.poll() is not None for each in started) == 7)
    site.tell()
    said = [each.communicate(timeout=60)[0] for each in started]
    assert sorted(each.returncode for each in started) == [0] + [75] * 7
    losers = [text for each, text in zip(started, said) if each.returncode == 75]
    assert all(len(text.splitlines()) == 1 and "Already running" in text for text in losers)
    assert site.record()["runs_total"] == 1


def test_failure_is_told_once_and_recovery_once(site: Site) -> None:
    assert [site.run(FAIL)[0] for _again in range(3)] == [1, 1, 1]
    assert [each["kind"] for each in site.stub.messages()] == ["failure"]
    message = site.stub.messages()[0]
    assert "no connection to the server" in message["title"]
    assert "Log: /var/log/b.log" in message["body"]
    assert site.metric("titan_db_job_failures_total") == 3
    assert site.metric("titan_db_job_last_success_timestamp_seconds") == 0
    assert [site.run()[0] for _again in range(2)] == [0, 0]
    assert [each["kind"] for each in site.stub.messages()] == ["failure", "recovery"]
    assert site.stub.pings().count("/backup/fail") == 3


def test_another_reason_is_told_and_an_old_one_repeated(site: Site) -> None:
    site.run(FAIL)
    site.run("status, data = 1, {'message': 'disk full'}")
    site.write(notify={"repeat": "0s"})
    site.run("status, data = 1, {'message': 'disk full'}")
    assert [each["kind"] for each in site.stub.messages()] == ["failure"] * 3


def test_success_is_told_if_wanted(site: Site) -> None:
    site.write(notify={"on": ["success"]})
    site.run()
    site.run(FAIL)
    assert [each["kind"] for each in site.stub.messages()] == ["success"]


def test_a_message_that_cannot_be_sent_never_fails_the_job_and_is_counted(site: Site) -> None:
    site.stub.status = 500
    status, said = site.run(FAIL)
    assert status == 1
    assert "message not delivered: webhook 1: HTTP status 500" in said
    assert site.metric("titan_db_notification_failures_total") == 1
    assert len(site.stub.messages()) == 3, "three tries"
    assert "/message" not in said.replace("titan", ""), "addresses may hold tokens"


def lives(pid: int) -> bool:
    """Whether the process is there, and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_hung_job_and_all_its_children_are_stopped(site: Site) -> None:
    site.write(schedule={"backup": {"timeout": "1s"}})
    deaf = "trap '' TERM; sleep 99; sleep 99"
    text = (
        f"import subprocess; print('child', subprocess.Popen(['sh', '-c', {deaf!r}]).pid, flush=True); time.sleep(300)"
    )
    status, said = site.run(text)
    assert status == 124
    assert "stopped after its time limit of 1 s" in said
    child = re.search(r"child (\d+)", said)
    assert child
    assert not lives(int(child.group(1)))
    assert "time limit" in site.stub.messages()[0]["title"]


def test_a_job_that_ignores_the_signal_is_killed(site: Site) -> None:
    site.write(schedule={"backup": {"timeout": "1s"}})
    begun = time.monotonic()
    assert site.run("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)")[0] == 124
    assert time.monotonic() - begun < 60


def test_a_job_gives_way_to_others(site: Site) -> None:
    """Nice as the plan says, and last in the queue for the disk."""
    site.write(schedule={"backup": {"nice": 7}})
    text = """
import os, shutil, subprocess
print('nice', os.nice(0))
said, until = '', time.monotonic() + 20
while shutil.which('ionice') and 'prio 7' not in said and time.monotonic() < until:
    said = subprocess.run(['ionice', '-p', str(os.getpid())], capture_output=True, text=True).stdout
    time.sleep(0.05)
print('disk', said)
"""
    status, said = site.run(text)
    assert status == 0
    assert f"nice {min(19, os.nice(0) + 7)}\n" in said
    assert "best-effort: prio 7" in said or not shutil.which("ionice")


def test_the_statistics_are_sent(site: Site) -> None:
    site.write(schedule={"stats": {"schedule": "0 8 * * 0"}})
    report = "data = {'report': 'Database titan: 1.0 GB', 'summary': 's'}"
    assert site.run(report, job="stats")[0] == 0
    assert [(each["kind"], each["body"]) for each in site.stub.messages()] == [("report", "Database titan: 1.0 GB")]
    site.write(notify={"reports": False})
    assert site.run(report, job="stats")[0] == 0
    assert len(site.stub.messages()) == 1


def test_a_runner_that_is_told_to_end_ends_its_job(site: Site) -> None:
    started = site.start("print('on', flush=True); time.sleep(300)")
    wait_for_line(started, "on")
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 143
    assert site.record()["exit_status"] == 143


def test_a_killed_runner_is_seen_as_interrupted_and_the_next_run_heals(site: Site) -> None:
    started = site.start(site.until_told())
    wait_for_line(started, "on")
    started.kill()
    started.wait(10)
    assert site.run()[0] == 75, "the lock lives as long as the work"
    site.tell()
    assert site.record()["last_end"] == 0
    end = time.monotonic() + 60
    while (ran := site.run())[0] == 75 and time.monotonic() < end:
        pass
    status, said = ran
    assert (status, "interrupted" in said) == (0, True)


def test_who_left_the_group_and_is_never_silent_holds_nobody_up(site: Site) -> None:
    noise = "sleep 0.5; for i in $(seq 900); do echo noise; sleep 0.05; done"
    text = f"import subprocess; subprocess.Popen(['sh', '-c', {noise!r}], start_new_session=True); print('done', flush=True)"
    begun = time.monotonic()
    status, log = site.run(text)
    assert time.monotonic() - begun < 25, "it waited for the noise to end, or for the job's time limit"
    assert status == 0 and "time limit" not in log and "done" in log, log


def test_a_line_of_any_length_loses_nothing(site: Site) -> None:
    text = "import os; os.write(1, b'first' + b'x' * 300000 + b'last\\nnext')"
    log = site.run(text)[1]
    assert "first" in log and "last\n" in log and log.count("x") >= 300000 and "next" in log, len(log)


def test_output_is_capped(site: Site) -> None:
    status, said = site.run("for _ in range(50): print('x' * 100_000)")
    assert status == 0
    assert len(said) < 1_200_000
    assert "dropped" in said


def test_cleanup_waits_for_a_running_backup_and_refuses_without_its_success(site: Site) -> None:
    status, said = site.run("print('must not run')", job="cleanup")
    assert status == 1
    assert "has never succeeded" in said
    assert "must not run" not in said
    backup = site.start(site.until_told())
    wait_for_line(backup, "on")
    cleanup = site.start("print('cleaned')", job="cleanup")
    wait_for_line(cleanup, "waiting for the job 'backup'")
    site.tell()
    assert backup.wait(60) == 0
    said = cleanup.communicate(timeout=60)[0]
    assert cleanup.returncode == 0 and "cleaned" in said


def test_a_failing_backup_blocks_cleanup_and_alerts_once(site: Site) -> None:
    site.run()
    old = site.record()
    yesterday = {**old, "last_success": old["last_success"] - 2 * 86400, "last_start": old["last_start"] - 2 * 86400}
    (site.folder / "state" / "backup.json").write_text(json.dumps(yesterday))
    site.run(FAIL)
    status, said = site.run(job="cleanup")
    assert (status, "has not succeeded since it was due" in said) == (1, True)
    assert [(each["kind"], each["job"]) for each in site.stub.messages()] == [("failure", "backup")]
    assert [site.run(job=job)[0] for job in ("backup", "cleanup")] == [0, 0]
    assert [each["kind"] for each in site.stub.messages()] == ["failure", "recovery"]


def test_an_unverified_backup_does_not_count(site: Site) -> None:
    site.run("data = {'backup': {'size': 5, 'verified': {'level': 'none'}}}")
    status, said = site.run(job="cleanup")
    assert (status, "not verified" in said) == (1, True)
    assert site.metric("titan_db_backup_size_bytes") == 5


@pytest.mark.parametrize(("code", "runs"), [(200, True), (503, False)])
def test_only_patronis_leader_works(site: Site, code: int, runs: bool) -> None:
    site.write(patroni_url=site.stub.url, schedule={"backup": {"run_on": "primary"}})
    site.env.unlink()
    site.stub.status = code
    status, said = site.run("print('worked')")
    assert (status, "worked" in said) == (0, runs)
    assert runs or "nothing to do: this server is not the primary" in said


def test_patroni_that_does_not_answer_is_a_failure(site: Site) -> None:
    site.write(patroni_url="http://127.0.0.1:1", schedule={"backup": {"run_on": "primary"}})
    status, said = site.run("print('worked')")
    assert (status, "does not answer" in said, "worked" in said) == (1, True, False)


def test_health_looks_also_where_nobody_can_say_who_leads(site: Site) -> None:
    """A server that is down is what it has to tell; and what it cannot do is unknown (3), not a warning (1)."""
    site.write(patroni_url="http://127.0.0.1:1", schedule={"health": {"run_on": "primary"}})
    status, said = site.run("print('looked')", job="health")
    assert (status, "looked" in said) == (0, True)
    site.write(state_dir="/proc/nowhere")
    assert site.run(job="health")[0] == 3


def test_a_full_disk_for_the_records_stops_nothing_and_is_heard(site: Site) -> None:
    site.write(state_dir="/proc/nowhere")
    status, said = site.run("print('worked')")
    assert (status, "cannot be written" in said) == (1, True)
    assert "cannot be written" in site.stub.messages()[0]["title"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act in another user's place")
def test_another_users_jobs_are_not_started_in_his_place(site: Site) -> None:
    folder = site.folder / "state"
    folder.mkdir()
    os.chown(folder, 65534, -1)
    status, said = site.run("print('worked')")
    assert (status, "worked" in said, "sudo -u nobody" in said) == (1, False, True)
    assert list(folder.iterdir()) == []


def test_findings_of_health_are_told_but_are_no_failure_of_the_job(site: Site) -> None:
    site.write(schedule={"health": {"schedule": "*/10 * * * *"}})
    bad = "status, data = 2, {'checks': [{'name': 'bloat', 'status': 'critical', 'value': 70.0}], 'report': 'the table', 'summary': 's'}"
    good = "data = {'checks': [{'name': 'bloat', 'status': 'ok', 'value': 1.0}], 'report': 'the table', 'summary': 's'}"
    assert [site.run(text, job="health")[0] for text in (bad, bad)] == [2, 2]
    assert site.record("health")["exit_status"] == 0
    assert site.record("health")["last_success"] > 0
    assert [site.run(text, job="health")[0] for text in (good, good)] == [0, 0]
    assert [each["kind"] for each in site.stub.messages()] == ["failure", "recovery"]
    assert site.stub.messages()[0]["body"].startswith("the table")
    assert site.metric("titan_db_check_status", "health") == 0


HEALTH = """
data = {'checks': [{'name': name, 'status': 'critical', 'value': 1.0} for name in %r], 'report': 'the table', 'summary': 's'}
status = 2
"""


def looked(site: Site, *names: str) -> list[tuple[str, str]]:
    """A run of health that finds the named checks critical; all messages so far."""
    status, _said = site.run(HEALTH % (names,), job="health")
    assert status == 2
    return [(each["kind"], each["job"]) for each in site.stub.messages()]


def watched(site: Site, **more: Any) -> None:
    jobs = {"backup": {"schedule": "0 2 * * *"}, "cleanup": {"after": "backup"}, "health": {"schedule": "*/10 * * * *"}}
    site.write(schedule=jobs, **more)


def test_health_is_silent_of_a_job_that_was_heard_and_still_red(site: Site) -> None:
    watched(site)
    site.run(FAIL)
    site.run(job="cleanup")
    assert looked(site, "jobs_failed") == [("failure", "backup")]
    assert site.metric("titan_db_check_status", "health") == 2
    assert looked(site, "jobs_failed", "disk") == [("failure", "backup"), ("failure", "health")]
    assert "critical: disk (" in site.stub.messages()[1]["title"]
    site.run()
    assert looked(site, "jobs_failed") == [("failure", "backup"), ("failure", "health"), ("recovery", "backup")]
    site.run(job="cleanup")
    site.run("data = {'checks': [], 'report': 'r'}", job="health")
    assert [(each["kind"], each["job"]) for each in site.stub.messages()[3:]] == [("recovery", "health")]


def test_health_speaks_where_the_jobs_own_message_was_lost(site: Site) -> None:
    watched(site)
    site.stub.status = 500
    assert "message not delivered" in site.run(FAIL)[1]
    assert "message not delivered" in site.run(job="cleanup")[1], "what it waits for has not been heard either"
    lost = len(site.stub.messages())
    site.stub.status = 200
    assert looked(site, "jobs_failed")[lost:] == [("failure", "health")]
    assert looked(site, "jobs_failed")[lost:] == [("failure", "health")]
    site.run(FAIL)
    site.run(FAIL)
    assert looked(site, "jobs_failed")[lost:] == [("failure", "health"), ("failure", "backup")]


def test_health_speaks_of_a_job_that_could_not_speak_and_reminds_of_one_that_nobody_mended(site: Site) -> None:
    watched(site)
    site.run(FAIL)
    told = site.record()
    path = site.folder / "state" / "backup.json"
    path.write_text(json.dumps({**told, "last_end": 0.0}))
    assert looked(site, "jobs_failed") == [("failure", "backup"), ("failure", "health")], "it was killed"
    path.write_text(json.dumps(told))
    site.run("data = {'checks': []}", job="health")
    path.write_text(json.dumps({**told, "alert": {**told["alert"], "sent": time.time() - 26 * 3600}}))
    assert [kind for kind, job in looked(site, "jobs_failed") if job == "health"] == ["failure", "recovery", "failure"]


def test_a_job_that_left_the_schedule_leaves_the_metrics(site: Site) -> None:
    """Prometheus would call it missed for ever. What nothing scheduled, and what others own, stays."""
    daily = {"schedule": "0 2 * * *"}
    site.write(schedule={"backup": daily, "former": daily, "health": daily})
    for job in ("backup", "former", "drill"):
        site.run(job=job)
    folder = site.folder / "metrics"
    former = (folder / "titan_db_t_former.prom").read_text()
    (folder / "titan_db_t_t_former.prom").write_text(former.replace('environment="t"', 'environment="t_t"'))
    (folder / "node.prom").write_text(former)
    site.run("data = {'checks': []}", job="health")
    assert (folder / "titan_db_t_former.prom").exists()
    site.write(schedule={"backup": daily, "health": daily})
    site.run("data = {'checks': []}", job="health")
    names = ["node.prom", *(f"titan_db_{each}.prom" for each in ("t_backup", "t_drill", "t_health", "t_t_former"))]
    assert sorted(path.name for path in folder.iterdir()) == names
