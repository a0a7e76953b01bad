"""The line survives hostile text, reads back as the same job, and works under the shell that cron uses."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.jobs import (
    SUBCOMMANDS,
    jobs_from_options,
    render_lines,
)
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.line import (
    Job,
    parse_command,
    render_command,
    unescape_cron,
)
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = st.text(st.sampled_from("ab/ '\"\\%$`;&|<>()*?[]#~!{}=-\u00fc\u65e5:."), max_size=12)
PATHS = HOSTILE.map("/{}".format)
SETUPS = [
    "cd /x && ",
    "cd /x || exit; ",
    "set -a && . /e && set +a || exit; ",
    "trap - EXIT; ",
    "set -- started; ",
    ":; ",
    "exec >> l 2>&1; ",
]
COMMANDS = st.one_of(HOSTILE, st.tuples(st.sampled_from(SETUPS), HOSTILE).map("".join)).map("x{}".format)


def option(job: Job) -> dict[str, str]:
    return {key: getattr(job, key) for key in Job.__dataclass_fields__ if getattr(job, key)}


@given(
    st.builds(
        Job,
        name=st.just("backup"),
        schedule=st.just("0 2 * * *"),
        command=st.one_of(COMMANDS, st.sampled_from(SETUPS).map("{}true".format)),
        log=PATHS,
        directory=st.one_of(st.just(""), PATHS),
        env_file=st.one_of(st.just(""), PATHS),
        only_on=st.sampled_from(["", "monday", "sunday"]),
        on_start_failure=st.one_of(st.just(""), COMMANDS),
    )
)
def test_a_line_reads_back_as_its_job(job: Job) -> None:
    try:
        accepted = jobs_from_options([option(job)])[0].job
    except OptionError:
        return
    assert accepted == job
    line = render_lines(jobs_from_options([option(job)]))[1]
    assert "\n" not in line
    assert parse_command(job.name, job.schedule, line[len("0 2 * * * ") :]) == job


@given(PATHS)
def test_a_path_reaches_the_shell_as_it_is(path: str) -> None:
    shell = unescape_cron(render_command(Job("n", "* * * * *", "true", path)))
    assert shlex.split(shell)[2] == path


@pytest.mark.parametrize("field", ["name", "schedule", "command", "log", "directory", "env_file", "on_start_failure"])
@pytest.mark.parametrize("bad", ["\n* * * * * id", "\r", "\0", "\x1b[2J", "\t"])
def test_control_characters_are_refused_in_every_field(field: str, bad: str) -> None:
    if (field, bad) == ("schedule", "\t"):
        bad = "\v"  # a tab is cron's own
    job = {"name": "n", "schedule": "0 2 * * *", "command": "true", "log": "/l"}
    job[field] = job.get(field, "/x") + bad
    with pytest.raises(OptionError) as caught:
        jobs_from_options([job])
    assert field in caught.value.details["option"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"command": "date +%F"}, "unescaped '%'"),
        ({"command": "date +\\\\%F"}, "unescaped '%'"),
        ({"on_start_failure": "date +%F"}, "unescaped '%'"),
        ({"on_start_failure": "echo heard # of it"}, "comment"),
        ({"on_start_failure": "echo 'heard"}, "not closed"),
        ({"on_start_failure": "echo heard\\"}, "not closed"),
        ({"command": "x" * 980}, "no more than 990"),
        ({"command": " "}, "what to run"),
        ({"log": "relative.log"}, "absolute path"),
        ({"log": ""}, "absolute path"),
        ({"env_file": ".env"}, "absolute path"),
        ({"name": "a b"}, "letters"),
        ({"only_on": "sonntag"}, "monday"),
        ({"schedule": "0 2 * * 1", "only_on": "sunday"}, "day of week"),
        ({"schedule": "first sunday 24:00"}, "HH:MM"),
        ({"schedule": "0 0 13 * 5"}, "either of them"),
        ({"schedule": "0 0 */2 * 1"}, "match both"),
    ],
)
def test_refused_with_field_and_reason(change: dict[str, str], part: str) -> None:
    job = {"name": "n", "schedule": "0 2 * * *", "command": "true", "log": "/l", **change}
    with pytest.raises(OptionError) as caught:
        jobs_from_options([job])
    assert part in caught.value.message
    assert next(iter(change)) in caught.value.details["option"] or "schedule" in change


def test_two_jobs_of_one_name_are_refused() -> None:
    job = {"name": "n", "schedule": "0 2 * * *", "command": "true", "log": "/l"}
    with pytest.raises(OptionError, match="own"):
        jobs_from_options([job, job])


def start(tmp_path: Path, **job: str) -> tuple[int, str]:
    """Run a job's line as cron does; return the exit status and the log."""
    log = tmp_path / "l o%g"
    line = render_command(Job(**{"name": "n", "schedule": "* * * * *", "command": "env", "log": str(log), **job}))
    done = subprocess.run(
        ["/bin/sh", "-c", unescape_cron(line)],
        env={"HOME": "/", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.stdout + done.stderr == b"" or "no-such" in job.get("log", "")
    return done.returncode, log.read_text() if log.exists() else ""


def test_the_line_exports_what_it_sources_and_changes_directory(tmp_path: Path) -> None:
    folder = tmp_path / "it's 100% $HOME"
    folder.mkdir()
    (folder / ".env").write_text("DATABASE_URL='postgresql://u:p@h/d'\n")
    status, log = start(tmp_path, directory=str(folder), env_file=f"{folder}/.env", command="pwd; env")
    assert status == 0
    assert log.splitlines()[0] == str(folder)
    assert "DATABASE_URL=postgresql://u:p@h/d" in log


@pytest.mark.parametrize(
    ("broken", "status", "said"),
    [
        ({"directory": "/no-such-directory"}, 2, "/no-such-directory"),
        ({"env_file": "/no-such-env"}, 2, "/no-such-env"),
        ({"command": "/no-such-program"}, 127, "/no-such-program"),
    ],
)
def test_whatever_is_missing_leaves_a_line_and_a_status(tmp_path: Path, broken: dict, status: int, said: str) -> None:
    for extra in ({}, {"on_start_failure": "echo heard $?"}):
        found, log = start(tmp_path, **{**broken, **extra})
        assert (found, said in log) == (status, True)
        assert log.count("heard") == log.count(f"heard {status}") == len(extra)
        (tmp_path / "l o%g").unlink()


@pytest.mark.parametrize(
    ("command", "status", "heard"),
    [
        ("true", 0, False),
        ("sh -c 'exit 75'", 75, False),
        ("sh -c 'kill -9 $$'", 137, False),
        ("false; exec /no-such-program", 127, True),
        ("/etc/passwd", 126, True),
    ],
)
def test_a_job_that_started_tells_for_itself(tmp_path: Path, command: str, status: int, heard: bool) -> None:
    found, log = start(tmp_path, command=command, on_start_failure="echo heard $?")
    assert (found, f"heard {status}" in log, "heard" in log) == (status, heard, heard)


def test_no_variable_of_an_env_file_keeps_a_failed_start_quiet(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("started=started\ns=0\np=/bin/true\nfalse\n")
    found, log = start(tmp_path, env_file=str(env), on_start_failure="s=$?; for p in /no echo; do $p $s && break; done")
    assert (found, log.splitlines()[-1]) == (1, "1")


def test_the_form_before_the_program_was_watched_is_still_known() -> None:
    now = Job("backup", "0 2 * * *", "titan-db backup", "/l", "/x", "/x/.env", "", "titan-db note --status $?")
    then = (
        "trap 'titan-db note --status $?' EXIT; exec >> /l 2>&1; cd /x && set -a && . /x/.env && set +a || exit; "
        "trap - EXIT; titan-db backup"
    )
    assert render_command(now) != then
    assert parse_command("backup", "0 2 * * *", then) == now


def test_a_broken_env_file_leaves_a_line_and_a_status(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("A='never closed\n")
    status, log = start(tmp_path, env_file=str(env), command="echo started")
    assert status == 2
    assert "Unterminated" in log
    assert "started" not in log


def test_only_on_lets_the_job_run_on_its_weekday_only(tmp_path: Path) -> None:
    today = subprocess.run(
        ["date", "+%A"], env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"}, capture_output=True, check=True
    )
    day = today.stdout.decode().strip().lower()
    other = "monday" if day != "monday" else "tuesday"
    assert start(tmp_path, only_on=day, command="echo ran") == (0, "ran\n")
    assert start(tmp_path, only_on=other, command="echo again") == (0, "ran\n")


def test_a_log_that_cannot_be_opened_is_heard(tmp_path: Path) -> None:
    witness = tmp_path / "w"
    found, _log = start(tmp_path, log="/no-such-directory/l", on_start_failure=f"echo failed $? >> {witness}")
    assert found == 2
    assert witness.read_text() == "failed 2\n"


@pytest.mark.parametrize(
    "command", ["titan-db backups --config /c", "'/opt/my bin/titan-db' backup-db --config /c --job x"]
)
def test_a_job_that_titan_db_does_not_have_is_refused_with_the_list(command: str) -> None:
    with pytest.raises(OptionError, match="backup, drill, cleanup"):
        jobs_from_options([{"name": "n", "schedule": "0 2 * * *", "command": command, "log": "/l"}])


def test_names_in_upper_case_and_tabs_are_crons_own() -> None:
    job = {"name": "n", "schedule": "0 2\t* JUL-DEC\tMON-FRI", "command": "titan-db backup --config /c", "log": "/l"}
    expression = jobs_from_options([job])[0].expression
    assert (expression.months, expression.weekdays) == (frozenset(range(7, 13)), frozenset(range(1, 6)))


def test_the_jobs_of_the_crontab_are_those_of_the_command() -> None:
    assert {name for name, command in cli.COMMANDS.items() if command.is_job} == set(SUBCOMMANDS)
