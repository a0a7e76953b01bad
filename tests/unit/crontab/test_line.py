"""The line survives hostile text, reads back as the same job, and works under the shell that cron uses."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine import cli
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.former_lines import parse_former_command
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
from ansible_collections.titan.database.plugins.module_utils._engine.crontab.titan_command import titan_run
from ansible_collections.titan.database.plugins.module_utils._engine.errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = st.text(st.sampled_from("ab/ '\"\\%$`;&|<>()*?[]#~!{}=-\u00fc\u65e5:."), max_size=12)
PATHS = HOSTILE.map("/{}".format)
SETUPS = [
    "cd /x && ",
    "set -a; . /e && ",
    "exec ",
    "/bin/sh -c ",
    "if ",
    "A=1 ",
    "titan-db cron production backup",
    "(",
    "{ ",
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
        on_failure=st.one_of(st.just(""), COMMANDS),
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
    run = titan_run(job.command)
    shown = replace(job, directory="", only_on="") if run and run.decides_itself else job
    assert parse_command(job.name, job.schedule, line[len("0 2 * * * ") :]) == shown


@given(PATHS)
def test_a_path_reaches_the_shell_as_it_is(path: str) -> None:
    shell = unescape_cron(render_command(Job("n", "* * * * *", "true", path)))
    assert shlex.split(shell.replace(") >>", ") ", 1))[2] == path


@pytest.mark.parametrize("field", ["name", "schedule", "command", "log", "directory", "env_file", "on_failure"])
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
        ({"on_failure": "date +%F"}, "unescaped '%'"),
        ({"on_failure": "echo heard # of it"}, "comment"),
        ({"on_failure": "echo 'heard"}, "not closed"),
        ({"on_failure": "echo heard\\"}, "not closed"),
        ({"command": "x" * 980}, "no more than 990"),
        ({"command": " "}, "the command to run"),
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
    assert done.stdout + done.stderr in (b"", b"Killed\n") or "no-such" in job.get("log", "")
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
    witness = tmp_path / "w"
    for extra in ({}, {"on_failure": f"s=$?; echo heard $s >>{witness}; exit $s"}):
        found, log = start(tmp_path, **{**broken, **extra})
        assert (found, said in log) == (status, True)
        assert (witness.read_text() if extra else "") == (f"heard {status}\n" if extra else "")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("sh -c 'exit 75'", 75),
        ("sh -c 'kill -9 $$'", 137),
        ("false; exec /no-such-program", 127),
        ("/etc/passwd", 126),
        ("true # a comment", 0),
        ("sleep 0 &", 0),
        ("if true; then exit 7; fi", 7),
        ("cd /no-such-place", 2),
        ("A=5; test $A = 5", 0),
    ],
)
def test_every_status_reaches_the_command_that_hears_of_failures(tmp_path: Path, command: str, status: int) -> None:
    found, log = start(tmp_path, command=command, on_failure=f"sh -c 'echo heard $0 >>{tmp_path}/w; exit $0' $?")
    assert found == status, log
    heard = tmp_path / "w"
    assert (heard.read_text() if heard.exists() else "") == (f"heard {status}\n" if status else "")


def test_no_variable_of_an_env_file_reaches_what_hears_of_failures(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("PGOPTIONS='-c x=y'\nIFS=0123456789\nfalse\n")
    found, _log = start(tmp_path, env_file=str(env), on_failure=f"s=$?; env >{tmp_path}/w; exit $s")
    assert found == 1
    assert "PGOPTIONS" not in (tmp_path / "w").read_text()


FORMER = (
    "trap 'titan-db note --status $?' EXIT; exec >> /l 2>&1; cd /x && set -a && . /x/.env && set +a || exit; trap - EXIT; titan-db backup",
    "trap 'case $?:$1 in *:|12[67]:*) titan-db note --status $?;; esac' EXIT; exec >> /l 2>&1; cd /x && set -a && . /x/.env && set +a "
    "|| exit; set -- started; titan-db backup",
)


@pytest.mark.parametrize("line", FORMER)
def test_the_forms_of_earlier_versions_are_still_known(line: str) -> None:
    then = Job("backup", "0 2 * * *", "titan-db backup", "/l", "/x", "/x/.env", "", "titan-db note --status $?")
    assert parse_former_command("backup", "0 2 * * *", line) == then
    assert parse_command("backup", "0 2 * * *", line) is None
    assert parse_former_command("backup", "0 2 * * *", render_command(then)) is None


def test_titan_s_line_is_as_short_as_the_guide_shows_it() -> None:
    """Directory and day are the program's own affair."""
    job = Job(
        "backup", "0 2 * * *", "/usr/local/bin/titan-db cron production backup", "/home/ubuntu/logs/db-backup-production.log",
        "/home/ubuntu/Titan", "/home/ubuntu/Titan/.env", "sunday", "/etc/titan-db/titan-db note production backup $?",
    )  # fmt: skip
    line = f"{job.schedule} {render_command(job)}"
    assert line == (
        "0 2 * * * (set -a; . /home/ubuntu/Titan/.env && exec /usr/local/bin/titan-db cron production backup) "
        ">>/home/ubuntu/logs/db-backup-production.log 2>&1 || /etc/titan-db/titan-db note production backup $?"
    )
    assert len(line.encode()) <= 220


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
    found, _log = start(tmp_path, log="/no-such-directory/l", on_failure=f"echo failed $? >> {witness}; exit 9")
    assert found == 9
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
