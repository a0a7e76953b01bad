"""The module crontab on real files and on a user's crontab: check mode, for real, and again."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible.module_utils import basic
from ansible_collections.titan.database.plugins.module_utils._engine.crontab import (
    crontab_store,
    operation,
    other_lines,
    timers,
)
from ansible_collections.titan.database.plugins.module_utils._engine.environment import installed_lines
from ansible_collections.titan.database.plugins.module_utils._engine.steps import observed

from tests.unit.crontab.test_block import ORIGINAL

Call = Callable[..., dict[str, Any]]
USER = getpass.getuser()


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for crontab(1) that keeps the crontab in a file, so that nobody's own is touched."""
    program = tmp_path / "crontab"
    kept = tmp_path / "spool"
    program.write_text(
        textwrap.dedent(
            f"""\
            #!/bin/sh
            "exec" "{sys.executable}" "-IS" "$0" "$@"
            import os, sys
            kept, words = {str(kept)!r}, sys.argv[1:]
            if words == ["-l"]:
                if not os.path.exists(kept):
                    sys.exit("no crontab for " + "somebody")
                sys.stdout.buffer.write(open(kept, "rb").read())
            elif words == ["-r"]:
                os.unlink(kept)
            elif words == ["-n", "-"]:
                if os.access("/usr/bin/crontab", os.X_OK):
                    os.execv("/usr/bin/crontab", ["crontab", *words])
            elif words == ["-"]:
                text = sys.stdin.buffer.read()
                open(kept, "wb").write(text.replace(b"lost", b"") if os.path.exists(kept + ".faulty") else text)
            else:
                sys.exit("usage")
            """
        )
    )
    program.chmod(0o755)
    for module in (crontab_store, operation):  # also where cron is not installed
        monkeypatch.setattr(module, "crontab_program", lambda: str(program))
    return kept


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    app = tmp_path / "app"
    app.mkdir()
    (app / ".env").write_text("DATABASE_URL='postgresql://u:secret@h/d'\n")
    return {
        "name": "backup",
        "schedule": "0 2 * * *",
        "command": "titan-db backup",
        "log": f"{tmp_path}/backup.log",
        "directory": str(app),
        "env_file": f"{app}/.env",
    }


def test_check_mode_predicts_the_run_and_the_second_run_does_nothing(call_module: Call, spool: Path, job: dict) -> None:
    spool.write_bytes(b"MAILTO=ops\n# mine \xff\n5 5 * * * mine\n")
    before = spool.read_bytes()
    predicted = call_module("crontab", check_mode=True, name="production", jobs=[job])
    assert spool.read_bytes() == before
    done = call_module("crontab", name="production", jobs=[job])
    assert done["changed"] is predicted["changed"] is True
    assert done["diff"] == predicted["diff"]
    assert spool.read_bytes() == before + done["diff"]["after"].encode()
    again = call_module("crontab", name="production", jobs=[job])
    assert again["changed"] is False
    assert again["diff"]["before"] == again["diff"]["after"]
    runs = again["next_runs"][0]["runs"]
    assert len(runs) == 3
    assert all(" 02:00" in run["local"] for run in runs)
    assert "secret" not in str([predicted, done, again])


def test_a_job_no_longer_listed_vanishes_and_absent_leaves_the_old_bytes(
    call_module: Call, spool: Path, job: dict
) -> None:
    spool.write_bytes(b"5 5 * * * mine\n")
    call_module("crontab", name="production", jobs=[job, {**job, "name": "other", "command": "titan-db drill"}])
    assert b"titan-db drill" in spool.read_bytes()
    call_module("crontab", name="staging", jobs=[{**job, "command": "titan-db stage"}])
    call_module("crontab", name="production", jobs=[job])
    assert b"titan-db drill" not in spool.read_bytes()
    assert b"titan-db stage" in spool.read_bytes()
    for name in ("production", "staging"):
        assert call_module("crontab", name=name, state="absent")["changed"] is True
        assert call_module("crontab", name=name, state="absent")["changed"] is False
    assert spool.read_bytes() == b"5 5 * * * mine\n"


def test_absent_removes_a_crontab_that_was_all_ours(call_module: Call, spool: Path, job: dict) -> None:
    assert call_module("crontab", name="production", state="absent")["changed"] is False
    call_module("crontab", name="production", jobs=[job])
    assert call_module("crontab", check_mode=True, name="production", state="absent")["changed"] is True
    assert spool.exists()
    call_module("crontab", name="production", state="absent")
    assert not spool.exists()


FORMER = (
    "trap '{note}' EXIT; exec >> {log} 2>&1; {setup}trap - EXIT; {run}",
    "trap 'case $?:$1 in *:|12[67]:*) {note};; esac' EXIT; exec >> {log} 2>&1; {setup}set -- started; {run}",
)


@pytest.mark.parametrize("shape", FORMER)
def test_a_crontab_of_an_earlier_version_converges_once(call_module: Call, spool: Path, job: dict, shape: str) -> None:
    """In the block its lines are replaced; a copy of one outside is adopted, one at another time is named and left."""
    job["command"] = "titan-db cron production backup"
    job["on_failure"] = "/etc/titan-db/titan-db note production backup $?"
    now = call_module("crontab", name="production", jobs=[job])["lines"]
    spool.unlink()
    then = "0 2 * * * " + shape.format(
        note="titan-db note --config /etc/titan-db/production.json --job backup --status $?",
        setup=f"cd {job['directory']} && set -a && . {job['env_file']} && set +a || exit; ",
        run="titan-db backup --config /etc/titan-db/production.json",
        log=job["log"],
    )
    other = then.replace("0 2 *", "0 5 *")
    spool.write_text("\n".join(["# mine", *now[:-2], then, now[-1], then, other, ""]))
    predicted = call_module("crontab", check_mode=True, name="production", jobs=[job])
    done = call_module("crontab", name="production", jobs=[job])
    assert done["changed"] and done["diff"] == predicted["diff"]
    assert f"{then}\n" in done["diff"]["before"] and f"{now[-2]}\n" in done["diff"]["after"]
    assert [each["line"] for each in done["adopted"]] == [then]
    assert [(each["line"], each["reason"]) for each in done["conflicts"]] == [(other, "the same job at another time")]
    running = [line for line in spool.read_text().splitlines() if line and not line.startswith("#")]
    assert sorted(running) == sorted([now[-2], other])
    assert call_module("crontab", name="production", jobs=[job])["changed"] is False


def test_original_lines_are_adopted_and_go_back(call_module: Call, spool: Path, job: dict) -> None:
    text = "".join(f"{line}\n" for line in ORIGINAL).replace("/home/ubuntu/Titan ", f"{job['directory']} ")
    spool.write_text(text)
    jobs = [{**job, "name": name} for name in ("backup", "cleanup", "stats", "reindex")]
    done = call_module("crontab", name="production", jobs=jobs)
    assert [each["number"] for each in done["adopted"]] == [1, 3, 4, 5]
    assert call_module("crontab", name="production", jobs=jobs)["adopted"] == []
    call_module("crontab", name="production", state="absent")
    assert spool.read_text() == text


def test_a_crontab_that_does_not_read_back_is_put_back(call_module: Call, spool: Path, job: dict) -> None:
    spool.write_text("5 5 * * * mine\n")
    Path(f"{spool}.faulty").touch()
    failed = call_module("crontab", name="production", jobs=[{**job, "command": "titan-db lost"}])
    assert failed["failed"]
    assert "old text was put back" in failed["msg"]
    assert spool.read_text() == "5 5 * * * mine\n"


@pytest.mark.parametrize("field", ["name", "schedule", "command", "log", "directory", "env_file", "on_failure"])
@pytest.mark.parametrize("attack", ["x\n* * * * * id", "x\r* * * * * id", "x\0", "date +%F"])
def test_injection_in_any_field_leaves_the_crontab_untouched(
    call_module: Call, spool: Path, job: dict, field: str, attack: str
) -> None:
    if field in ("log", "directory", "env_file") and attack == "date +%F":
        attack = "relative % path"
    spool.write_text("5 5 * * * mine\n")
    failed = call_module("crontab", name="production", jobs=[{**job, field: attack}])
    assert failed["failed"]
    assert field in failed["msg"]
    assert spool.read_text() == "5 5 * * * mine\n"


@pytest.mark.parametrize(("option", "value"), [("name", "a\nb"), ("user", "root\n"), ("cron_file", "/tmp/x\ny")])
def test_injection_in_the_modules_own_options_is_refused(
    call_module: Call, spool: Path, job: dict, option: str, value: str
) -> None:
    spool.write_text("5 5 * * * mine\n")
    failed = call_module("crontab", **{"name": "production", "jobs": [job], option: value})
    assert failed["failed"]
    assert option in failed["msg"]
    assert spool.read_text() == "5 5 * * * mine\n"


def test_a_block_that_stayed_where_it_was_before_is_told(
    call_module: Call, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: dict
) -> None:
    """Moved from the user's crontab to a file, or back: until the old block is removed, each job starts twice."""
    folder = tmp_path / "cron.d"
    folder.mkdir()
    (folder / "latin").write_bytes(b"# \xe4\n")
    (folder / "broken").symlink_to("nowhere")
    monkeypatch.setattr(crontab_store, "CRON_FILES", str(folder))
    said: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: said.append(text))
    old = {"name": "production", "jobs": [job]}
    new = {**old, "user": USER, "cron_file": str(folder / "titan-production")}

    def told(**arguments: Any) -> list[str]:
        said.clear()
        assert not call_module("crontab", **arguments).get("failed")
        return [one for one in said if "start twice" in one]

    assert told(**old) == [] == told(**{**old, "state": "absent"}) and told(**old) == []
    for check_mode in (True, False):
        warned = told(check_mode=check_mode, **new)
        assert len(warned) == 1 and f"crontab of {USER}" in warned[0] and "state: absent" in warned[0], warned
    warned = told(**old)
    assert len(warned) == 1 and str(folder / "titan-production") in warned[0], warned
    assert told(**{**old, "name": "staging"}) == []
    assert told(**{**old, "state": "absent"}) == [] == told(**new)


def test_a_system_crontab(call_module: Call, tmp_path: Path, job: dict) -> None:
    path = tmp_path / "titan-production"
    arguments = {"name": "production", "user": USER, "cron_file": str(path), "jobs": [job]}
    assert call_module("crontab", check_mode=True, **arguments)["changed"] is True
    assert not path.exists()
    done = call_module("crontab", **arguments)
    assert path.read_text() == "".join(f"{line}\n" for line in done["lines"])
    assert f"0 2 * * * {USER} (set -a; . " in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o644
    assert call_module("crontab", **arguments)["changed"] is False
    assert sorted(each.name for each in tmp_path.iterdir()) == ["app", "titan-production"]
    call_module("crontab", **{**arguments, "state": "absent"})
    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"cron_file": "/tmp/titan.production"}, "skips files"),
        ({"cron_file": "relative"}, "absolute"),
        ({"cron_file": "/no-such-directory/titan"}, "create it"),
        ({"user": "no-such-user"}, "no such user"),
        ({"user": None}, "sixth field"),
        ({"name": "two words"}, "letters"),
    ],
)
def test_bad_places_are_refused(call_module: Call, tmp_path: Path, job: dict, change: dict, part: str) -> None:
    arguments = {"name": "production", "user": USER, "cron_file": f"{tmp_path}/titan", "jobs": [job], **change}
    failed = call_module("crontab", **{key: value for key, value in arguments.items() if value is not None})
    assert failed["failed"]
    assert part in failed["msg"]


def test_a_bad_env_file_is_refused_with_its_line(call_module: Call, spool: Path, job: dict) -> None:
    Path(job["env_file"]).write_text("A=1\nNAME=My App\n")
    failed = call_module("crontab", name="production", jobs=[job])
    assert failed["failed"]
    assert ".env, line 2:" in failed["msg"]
    Path(job["env_file"]).unlink()
    assert "cannot be read" in call_module("crontab", name="production", jobs=[job])["msg"]
    assert call_module("crontab", check_mode=True, name="production", jobs=[job])["changed"] is True
    assert not spool.exists()


def test_check_mode_before_cron_is_installed(call_module: Call, monkeypatch: pytest.MonkeyPatch, job: dict) -> None:
    for module in (crontab_store, operation):
        monkeypatch.setattr(module, "crontab_program", lambda: None)
    assert call_module("crontab", check_mode=True, name="production", jobs=[job])["changed"] is True
    assert "install cron" in call_module("crontab", name="production", jobs=[job])["msg"]


def test_files_come_first_and_go_with_the_block(call_module: Call, spool: Path, tmp_path: Path, job: dict) -> None:
    config = tmp_path / "etc" / "production.json"
    files = [{"path": str(config), "content": '{"environment": "production"}\n', "mode": "0640"}]
    predicted = call_module("crontab", check_mode=True, name="production", jobs=[job], files=files)
    assert not config.parent.exists()
    order: list[str] = []
    with observed(order.append):
        done = call_module("crontab", name="production", jobs=[job], files=files)
    assert order.index("crontab.managed_file.renamed") < order.index("crontab.write")
    assert done["diff"] == predicted["diff"]
    assert config.read_text() == files[0]["content"]
    assert config.stat().st_mode & 0o777 == 0o640
    assert call_module("crontab", name="production", jobs=[job], files=files)["changed"] is False
    config.chmod(0o666)
    assert call_module("crontab", name="production", jobs=[job], files=files)["changed"] is True
    assert call_module("crontab", name="production", state="absent", files=files)["changed"] is True
    assert not config.exists()
    assert not spool.exists()


def test_two_writers_at_once_lose_nothing(tmp_path: Path, job: dict) -> None:
    path = tmp_path / "titan"
    path.write_text("5 5 * * * root mine\n")
    script = textwrap.dedent(
        """\
        import sys
        from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
        from ansible_collections.titan.database.plugins.module_utils._engine.crontab.operation import crontab
        name, path, user = sys.argv[1:]
        job = {"name": "j", "schedule": "0 2 * * *", "command": "true", "log": "/l"}
        for _ in range(5):
            crontab(Call({"name": name, "user": user, "cron_file": path, "jobs": [job], "files": [], "adopt": True, "state": "present"}))
        """
    )
    root = Path(__file__).parents[3]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, f"block{number}", str(path), USER],
            env={**os.environ, "PYTHONPATH": f"{root}/collections"},
        )
        for number in range(4)
    ]
    assert [each.wait(60) for each in started] == [0] * 4
    text = path.read_text()
    assert text.startswith("5 5 * * * root mine\n")
    assert [text.count(f"# BEGIN titan.database crontab block{number} ") for number in range(4)] == [1] * 4


LEFT = """\
0 2 * * * {app}/scripts/backup-production-db.sh >> /home/ubuntu/logs/db-backup-production.log 2>&1
0 2 * * * cd {app} && . ./.env && ./scripts/backup-production-db.sh
0 2 * * * psql $DATABASE_URL -c "SELECT run_all_cleanups();" >> /home/ubuntu/logs/db-cleanup.log 2>&1
0 2 * * * {app}/scripts/backup-database.sh
0 2 * * * /srv/Titan/scripts/backup.sh >> /home/ubuntu/backup.log 2>&1
0 9 * * 1 {app}/scripts/weekly-report.sh
30 3 * * * pg_dump -Fc titan_trading > {backups}/nightly.dump
30 4 * * 0 vacuumdb -d titan_trading
15 3 * * * cd {app} && set -a && . ./.env && psql "$DATABASE_URL" -c "DELETE FROM audit_logs WHERE true"
15 4 * * * find {backups} -name "titan_prod_*.sql.gz" -mtime +7 -delete
15 5 * * * {scripts}/nightly
15 6 * * * /usr/bin/true
"""


def test_no_line_that_people_leave_is_passed_over(
    call_module: Call, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: dict
) -> None:
    """Each is adopted or named, here and in cron's own files; in check mode, at each converge, and by health."""
    for name in ("daily", "cron.d", "scripts", "backups"):
        (tmp_path / name).mkdir()
    script = "#!/bin/sh\n# pg_dumpall\nset -e\npsql titan <<EOF\nDELETE FROM audit_logs;\nEOF\n"
    for path in ("daily/tidy", "scripts/nightly"):
        (tmp_path / path).write_text(script)
    (tmp_path / "daily/dpkg").write_text("#!/bin/sh\n/usr/libexec/dpkg/dpkg-db-backup\n")
    (tmp_path / "cron.d/old").write_text("SHELL=/bin/sh\n0 1 * * * postgres reindexdb titan\n")
    (tmp_path / "system").write_text("0 1 * * * root run-parts /etc/cron.daily\n0 1 * * * root wal-g backup-push\n")
    monkeypatch.setattr(other_lines, "SCRIPT_DIRECTORIES", (str(tmp_path / "daily"),))
    monkeypatch.setattr(other_lines, "CRON_FILES", str(tmp_path / "cron.d"))
    monkeypatch.setattr(other_lines, "SYSTEM_CRONTAB", str(tmp_path / "system"))
    monkeypatch.setattr(other_lines, "ANACRONTAB", str(tmp_path / "anacrontab"))
    monkeypatch.setattr(timers, "SYSTEM_UNITS", (str(tmp_path / "units"),))
    monkeypatch.setattr(other_lines, "crontab_program", crontab_store.crontab_program)
    said: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: said.append(text))
    places = {"app": job["directory"], "backups": tmp_path / "backups", "scripts": tmp_path / "scripts"}
    spool.write_text(LEFT.format(**places))
    job["command"] = "titan-db cron production backup"
    config = {
        "environment": "production", "directory": job["directory"], "state_dir": str(tmp_path / "state"),
        "schedule": {"backup": {"schedule": "0 2 * * *"}}, "jobs": {"backup": {"dest": str(tmp_path / "backups")}},
    }  # fmt: skip
    files = [{"path": f"{tmp_path}/production.json", "content": json.dumps(config)}]
    for check_mode in (True, False, False):
        said.clear()
        done = call_module("crontab", check_mode=check_mode, name="production", jobs=[job], files=files)
        assert not done.get("failed"), done
        adopted = [int(line.split()[4].rstrip(":")) for line in done["lines"] if line.startswith("# adopted")]
        named = " ".join(said)
        assert adopted == [1, 2]
        for part in ("calls backup-database.sh", "calls backup.sh", "run_all_cleanups", "calls pg_dump", "calls vacuumdb", "runs DELETE FROM",
                     "names the directory", f"calls {tmp_path}/scripts/nightly, which runs DELETE FROM", f"{tmp_path}/daily/tidy, line",
                     f"{tmp_path}/cron.d/old, line 2", f"{tmp_path}/system, line 2"):  # fmt: skip
            assert part in named, (part, said)
        assert len([one for one in said if "twice" in one or "left alone" in one]) == 9 + 3, said
        assert "dpkg" not in named and "/usr/bin/true" not in named
    health = call_module("health_info", job_config=files[0]["path"])
    check = next(each for each in health["checks"] if each["name"] == "other_crontab_lines")
    assert (check["status"], check["value"]) == ("warning", 12), check
    spool.write_text("\n".join(["15 6 * * * /usr/bin/true", *done["lines"], ""]))
    for path in ("daily/tidy", "cron.d/old", "system"):
        (tmp_path / path).unlink()
    health = call_module("health_info", job_config=files[0]["path"])
    check = next(each for each in health["checks"] if each["name"] == "other_crontab_lines")
    assert (check["status"], check["value"]) == ("ok", 0), check


def test_anacron_timers_and_directories_of_scripts_are_read(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else starts work by the clock: anacron, systemd's enabled timers, run-parts, a script in the directory of the line."""
    for name in ("units/timers.target.wants", "parts", "app/bin", "cron.d"):
        (tmp_path / name).mkdir(parents=True)
    script = "#!/bin/sh\nvacuumdb --all\n"
    for path in ("parts/weekly", "app/bin/night", "app/tidy"):
        (tmp_path / path).write_text(script)
    units = tmp_path / "units"
    for timer, unit, service, command in (
        ("nightly.timer", "", "nightly.service", "-/usr/bin/pg_dump \\\n  titan"),
        ("pg_dump@18-main.timer", "", "pg_dump@.service", "/usr/bin/pg_dumpall"),
        ("other.timer", "Unit=work.service", "work.service", f"{tmp_path}/app/tidy"),
        ("idle.timer", "", "idle.service", "/usr/bin/true"),
    ):
        (units / "timers.target.wants" / timer).write_text(f"[Timer]\nOnCalendar=daily\n{unit}\n")
        (units / service).write_text(f"[Service]\nType=oneshot\nExecStart={command}\n")
    (units / "disabled.service").write_text("[Service]\nExecStart=/usr/bin/pg_dump x\n")
    (tmp_path / "anacrontab").write_text("SHELL=/bin/sh\n7\t5\tweekly.db\tnice reindexdb -a\n")
    spool.write_text(
        f"0 1 * * * run-parts {tmp_path}/parts\n0 2 * * * cd {tmp_path}/app && ./tidy\n"
        f"0 3 * * * cd {tmp_path}/app; bin/night -q\n0 4 * * * cd {tmp_path}/app && ./none\n"
    )
    monkeypatch.setattr(other_lines, "SCRIPT_DIRECTORIES", ())
    monkeypatch.setattr(other_lines, "CRON_FILES", str(tmp_path / "cron.d"))
    monkeypatch.setattr(other_lines, "SYSTEM_CRONTAB", str(tmp_path / "system"))
    monkeypatch.setattr(other_lines, "ANACRONTAB", str(tmp_path / "anacrontab"))
    monkeypatch.setattr(timers, "SYSTEM_UNITS", (str(units),))
    monkeypatch.setattr(timers, "USER_UNITS", "no-such-directory")
    monkeypatch.setattr(other_lines, "crontab_program", crontab_store.crontab_program)
    found = {
        (each.label.removeprefix(f"{tmp_path}/"), each.number): each.reason
        for each in other_lines.other_lines(crontab_store.CrontabStore("", ""), ())
    }
    mine = f"crontab of {USER}"
    assert found == {
        (mine, 1): f"calls {tmp_path}/parts/weekly, which calls vacuumdb",
        (mine, 2): f"calls {tmp_path}/app/tidy, which calls vacuumdb",
        (mine, 3): f"calls {tmp_path}/app/bin/night, which calls vacuumdb",
        ("anacrontab", 2): "calls reindexdb",
        ("units/nightly.service", 3): "calls pg_dump",
        ("units/pg_dump@.service", 3): "calls pg_dumpall",
        ("units/work.service", 3): f"calls {tmp_path}/app/tidy, which calls vacuumdb",
    }


@pytest.mark.parametrize(
    ("command", "schedule", "part"),
    [
        ("titan-db cron production backups", {"backup": {}}, "its jobs are: backup"),
        ("titan-db cron production nightly", {"nightly": {"subcommand": "backups"}}, "one of backup, drill, cleanup"),
        ("titan-db backups --config /etc/titan-db/production.json", {}, "one of backup, drill, cleanup"),
    ],
)
def test_a_job_that_titan_db_does_not_have_is_refused(
    call_module: Call, spool: Path, job: dict, command: str, schedule: dict, part: str
) -> None:
    content = json.dumps({"environment": "production", "schedule": schedule})
    files = [{"path": "/etc/titan-db/production.json", "content": content}]
    for check_mode in (True, False):
        failed = call_module(
            "crontab", check_mode=check_mode, name="production", jobs=[{**job, "command": command}], files=files
        )
        assert failed["failed"] and part in failed["msg"], failed
    assert not spool.exists()


def test_a_time_zone_above_the_block_is_warned_of_and_who_may_not_have_a_crontab_is_told(
    call_module: Call, spool: Path, monkeypatch: pytest.MonkeyPatch, job: dict
) -> None:
    said: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: said.append(text))
    spool.write_text("CRON_TZ=Asia/Tokyo\n5 5 * * * mine\n")
    call_module("crontab", name="production", jobs=[job])
    assert [one for one in said if "CRON_TZ=Asia/Tokyo" in one and "Move the line below the block" in one]
    program = spool.parent / "crontab"
    # Debian's words until 12, and since 13
    for words in ("You (jobs) are not allowed to use this program", "The user jobs cannot use this program"):
        program.write_text(f"#!/bin/sh\necho '{words} (crontab)' >&2\nexit 1\n")
        failed = call_module("crontab", name="production", jobs=[job])
        assert failed["failed"] and "/etc/cron.allow, or remove it from /etc/cron.deny (" in failed["msg"]


@pytest.fixture
def installed(
    call_module: Call, spool: Path, tmp_path: Path, job: dict, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, Any]]:
    """Converge two jobs of an environment; called again, it is what the check's advice does."""
    (tmp_path / "cron.d").mkdir()
    monkeypatch.setattr(other_lines, "SCRIPT_DIRECTORIES", ())
    monkeypatch.setattr(other_lines, "CRON_FILES", str(tmp_path / "cron.d"))
    monkeypatch.setattr(other_lines, "SYSTEM_CRONTAB", str(tmp_path / "system"))
    monkeypatch.setattr(other_lines, "crontab_program", crontab_store.crontab_program)
    config = tmp_path / "production.json"
    jobs = [
        {
            **job, "name": name, "schedule": schedule, "command": f"{program} cron {config} {name}",
            "on_failure": f"/etc/titan-db/titan-db note {config} {name} $?",
        }
        for name, schedule, program in (
            ("backup", "0 2 * * *", "/usr/local/bin/titan-db"),
            ("reindex", "first sunday 04:00", "/usr/local/bin/titan-db"),
            ("health", "7 * * * *", "'/etc/it'\"'\"'s 100\\% spare'"),
        )
    ]  # fmt: skip
    content = {
        "environment": "production", "env_file": job["env_file"], "state_dir": str(tmp_path / "state"),
        "command": "/usr/local/bin/titan-db", "spare_command": "/etc/it's 100% spare",
        "schedule": {each["name"]: {"schedule": each["schedule"], "log": each["log"]} for each in jobs},
    }  # fmt: skip

    def converge() -> dict[str, Any]:
        done = call_module(
            "crontab", name="production", jobs=jobs, files=[{"path": str(config), "content": json.dumps(content)}]
        )
        assert not done.get("failed"), done
        return done

    converge()
    return converge


def spoiled(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (spoiled("\n0 2 * * * (", "\n# 0 2 * * * ("), "no line starts the job backup"),
        (lambda _text: "", "no line starts the job backup; no line starts the job reindex; no line starts the job health"),
        (spoiled("\n0 2 * * * (", "\n0 3 * * * ("), "line 3 starts the job backup at '0 3 * * *' instead of '0 2 * * *'"),
        (spoiled("/usr/local/bin/titan-db cron", "/opt/titan-db cron"), "by /opt/titan-db instead of"),
        (spoiled("backup.log 2>&1", "other.log 2>&1"), "with the log"),
        (spoiled("(set -a; . ", "(set -a; . /etc/other.env && . "), "in another form"),
        (spoiled("(set -a; . ", "(set -a; . /other"), "with the env file /other"),
        (lambda text: text[: text.index(" || /etc")] + text[text.index("\n# reindex") :], "without the end that tells"),
        (lambda text: f"30 5 * * * nice titan-db cron {{config}} backup\n{text}", "the job backup is started by 2 lines"),
        (spoiled("note {config} backup $?", "note it's"), "without the end that tells"),
        (lambda text: f"0 0 * * * (exec /bin/sh -c 'it\"s') >>/log 2>&1\n0 2 * * * titan-db cron {{config}} backup\n{text}", "started by 2 lines"),
        (lambda text: f"@daily titan-db cron {{config}} stats\n{text}", "starts the job stats, which is not in the schedule"),
    ],
)  # fmt: skip
def test_health_compares_the_lines_with_the_schedule(
    call_module: Call, spool: Path, tmp_path: Path, installed: Callable, harm: Callable[[str], str], said: str
) -> None:
    def check() -> dict[str, Any]:
        health = call_module("health_info", job_config=f"{tmp_path}/production.json")
        return next(each for each in health["checks"] if each["name"] == "job_lines")

    assert (check()["status"], check()["value"]) == ("ok", 0), check()
    config = f"{tmp_path}/production.json"
    spool.write_text(harm(spool.read_text().replace(config, "{config}")).replace("{config}", config))
    found = check()
    assert (found["status"], said in found["message"]) == ("warning", True), found
    assert found["fix"] == "ansible-playbook titan.database.site -l production --tags crontab"
    outside = [
        line for line in spool.read_text().splitlines() if line.startswith(("30 5", "@daily", "0 0", "0 2 * * * titan"))
    ]
    installed()
    if outside:
        spool.write_text("\n".join(line for line in spool.read_text().splitlines() if line not in outside) + "\n")
    assert check()["status"] == "ok", check()


def test_health_finds_the_lines_in_crons_files_and_twice(
    call_module: Call, spool: Path, tmp_path: Path, installed: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> dict[str, Any]:
        health = call_module("health_info", job_config=f"{tmp_path}/production.json")
        return next(each for each in health["checks"] if each["name"] == "job_lines")

    text = spool.read_text()
    in_file = "".join(line.replace(" (", f" {USER} (", 1) + "\n" for line in text.splitlines())
    (tmp_path / "cron.d" / "titan").write_text(in_file)
    assert "the job backup is started by 2 lines" in check()["message"] and check()["value"] == 3
    spool.unlink()
    assert check()["status"] == "ok"
    (tmp_path / "cron.d" / "titan").unlink()
    monkeypatch.setattr(crontab_store, "crontab_program", lambda: "/bin/false")
    assert check()["status"] == "unknown", "a crontab that cannot be read is no answer"


def test_a_line_that_may_be_where_only_root_looks_is_not_called_missing(
    call_module: Call, spool: Path, tmp_path: Path, installed: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> dict[str, Any]:
        health = call_module("health_info", job_config=f"{tmp_path}/production.json")
        return next(each for each in health["checks"] if each["name"] == "job_lines")

    monkeypatch.setattr(installed_lines, "is_closed", lambda _folder: True)
    assert check()["status"] == "ok", "every line was seen"
    spool.write_text(spool.read_text().replace("\n0 2 * * * (", "\n# ("))
    assert (check()["status"], "start the job backup." in check()["message"]) == ("unknown", True), check()


@pytest.mark.parametrize("harm", ["mode", "second name", "owner"])
@pytest.mark.parametrize("own", [True, False], ids=["user's", "cron.d"])
def test_a_file_that_cron_skips_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: dict[str, str], harm: str, own: bool
) -> None:
    """Cron says "INSECURE MODE", "WRONG FILE OWNER" or "WRONG LINK COUNT" in its log, and starts nothing of it."""
    if harm == "owner" and os.geteuid():
        pytest.skip("only root can give a file away")
    spooled = tmp_path / USER if own else tmp_path / "titan"
    store = crontab_store.CrontabStore(USER, "" if own else str(spooled))
    monkeypatch.setattr(crontab_store, "SPOOLS", (str(tmp_path),))
    spooled.write_text("# nothing\n")
    spooled.chmod(0o600 if own else 0o644)
    assert store.cron_reads_it()
    if harm == "mode":
        spooled.chmod(0o664)
    elif harm == "owner":
        os.chown(spooled, 65534, -1)
    else:
        (tmp_path / "second").hardlink_to(spooled)
    assert not store.cron_reads_it()
    if not own and harm != "owner":  # another user's file below cron's directory is not even read
        store.write(store.read())
        assert store.cron_reads_it() and spooled.read_text() == "# nothing\n"
