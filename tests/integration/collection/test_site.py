"""The whole way of a newcomer, in a copy of the checkout whose path has a space: check, converge, work, converge."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from examples.demo import picture
from tests.integration.alerts.stub import running_stub

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = Path(sys.executable).parent / "ansible-playbook"
# What the original's rules say, written without the engine: table -> condition of a due row.
DUE = {
    "audit_logs": "created_at < now() - interval '90 days'",
    "system_logs": "(lower(level) IN ('debug','info') AND created_at < now() - interval '30 days')"
    " OR (lower(level) IN ('warn','error','fatal') AND created_at < now() - interval '180 days')",
    "notifications": "is_read AND created_at < now() - interval '60 days'",
    "user_sessions": "expires_at < now()",
}


@dataclass
class Story:
    """What was seen at each stage; outputs are those of ansible-playbook."""

    root: Path
    outputs: dict[str, str] = field(default_factory=dict)
    trees: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def demo(self) -> Path:
        return self.root / ".demo"

    def playbook(self, stage: str, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [ANSIBLE, "site.yml", "-l", "demo", *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, done.stdout[-4000:] + done.stderr[-2000:]
        assert "[DEPRECATION WARNING]" not in done.stdout + done.stderr
        self.outputs[stage] = done.stdout
        return done.stdout

    def tree(self) -> dict[str, Any]:
        """Path -> mode and content of everything under .demo/ but the server."""
        return {
            str(path.relative_to(self.demo)): (oct(path.stat().st_mode), path.read_bytes() if path.is_file() else None)
            for path in sorted(self.demo.rglob("*"))
            if not path.is_relative_to(self.demo / "server") and not path.is_symlink()
        }

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        url = (self.demo / "app" / ".env").read_text().split("'")[1]
        connection = psycopg2.connect(url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def job(self, *words: str, expect: int = 0) -> dict[str, Any]:
        config = ["--config", str(self.demo / "etc" / "titan-db.json")]
        done = subprocess.run(
            [self.demo / "bin" / "titan-db", words[0], *config, "--json", *words[1:]],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return json.loads(done.stdout)

    def count(self, stage: str) -> None:
        self.counts[stage] = {
            table: self.sql(f"SELECT count(*) FROM {table} WHERE {due}")[0][0] for table, due in DUE.items()
        }
        self.counts[f"{stage} all"] = {table: self.sql(f"SELECT count(*) FROM {table}")[0][0] for table in DUE}


def copy_checkout(target: Path) -> None:
    """The files that git knows or would add, as they are in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def demo_call(root: Path, code: str) -> None:
    script = f"import sys; sys.path.insert(0, {str(root)!r})\nfrom examples.demo import demo\n{code}"
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    folder = Path(tempfile.mkdtemp(prefix="titan site "))
    folder.chmod(0o755)
    copy_checkout(folder)
    story = Story(folder)
    try:
        demo_call(folder, "demo.load_titan(demo.prepared_cluster(), '1')")
        story.sql("UPDATE system_logs SET level = upper(level) WHERE id::text < '8'")
        story.trees["bare"] = story.tree()
        story.playbook("check", "--check", "--diff")
        story.trees["checked"] = story.tree()
        story.results["schemas checked"] = story.sql("SELECT nspname FROM pg_namespace WHERE nspname = 'titan_ops'")
        story.playbook("first", "--diff")
        story.count("before")
        story.results["backup"] = story.job("backup")
        story.results["cleanup checked"] = story.job("cleanup", "--check")
        story.count("checked")
        story.results["cleanup"] = story.job("cleanup")
        story.count("after")
        story.results["stats"] = story.job("stats")
        story.results["reindex"] = story.job("reindex")
        story.trees["worked"] = story.tree()
        story.playbook("second", "-vvv")
        story.trees["second"] = story.tree()
        yield story
    finally:
        demo_call(folder, "demo.clean()")
        shutil.rmtree(folder, ignore_errors=True)


def changed_tasks(output: str) -> list[str]:
    """Names of the tasks that reported a change, in order."""
    tasks = re.split(r"^TASK \[", output, flags=re.M)[1:]
    return [task.split("]", 1)[0] for task in tasks if re.search(r"^changed: ", task, flags=re.M)]


def recap(output: str) -> dict[str, int]:
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", output[output.index("PLAY RECAP") :])}


def test_without_a_limit_nothing_is_done() -> None:
    done = subprocess.run([ANSIBLE, "site.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "demo, production, staging" in " ".join(done.stdout.split())
    assert "TASK [Prepare" not in done.stdout and "changed=0" in done.stdout


def test_check_mode_writes_nothing(story: Story) -> None:
    assert story.trees["checked"] == story.trees["bare"]
    assert story.results["schemas checked"] == []


def test_check_mode_predicts_what_the_run_changes(story: Story) -> None:
    predicted = changed_tasks(story.outputs["check"])
    assert predicted == changed_tasks(story.outputs["first"])
    assert len(predicted) >= 6
    assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_created_at" in story.outputs["check"]
    assert "0 2 * * *" in story.outputs["check"]


def test_the_second_converge_changes_nothing_in_few_round_trips(story: Story) -> None:
    output = story.outputs["second"]
    assert recap(output)["changed"] == 0
    assert story.trees["second"] == story.trees["worked"]
    assert len(re.findall("^Asking .*/titan-db through the connection", output, re.M)) == 1
    assert not re.findall(r"Using module file .*/(\w+)\.py", output), (
        "a module would take longer to start than that takes"
    )
    assert "TASK [Install the schedule" not in output, "the play ends where nothing is to be done"


def test_what_was_changed_since_is_put_right_and_only_that(story: Story) -> None:
    """A policy is gone and the configuration was edited: the comparison sees it, and the roles do what there is to do."""
    config = story.demo / "etc" / "titan-db.json"
    written = config.read_text()
    config.write_text(written.replace('"backup"', '"buckup"', 1))
    story.sql("DELETE FROM titan_ops.retention_policy WHERE table_name LIKE '%audit_logs'")
    output = story.playbook("healed", "-v")
    assert changed_tasks(output) == [
        "titan.database.retention : Store the retention policies",
        "titan.database.crontab : Install the schedule and its configuration",
    ]
    assert config.read_text() == written
    assert story.sql("SELECT count(*) FROM titan_ops.retention_policy") == [(5,)]


def test_duplicates_of_existing_indexes_are_left_out_and_named(story: Story) -> None:
    built = {name for (name,) in story.sql("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")}
    wanted = set(
        re.findall(
            r"EXISTS (idx_\w+)", (story.root / "examples/titan/migrations/0010_add_performance_indexes.sql").read_text()
        )
    )
    assert len(wanted) == 9
    assert wanted - built == {"idx_audit_logs_user_timestamp", "idx_system_logs_level_timestamp"}
    details = story.sql("SELECT details->'indexes' FROM titan_ops.migration_history WHERE version = '0010'")[0][0]
    assert {item["name"]: item["duplicate_of"] for item in details if item["duplicate_of"]} == {
        "idx_audit_logs_user_timestamp": "idx_audit_logs_user_created",
        "idx_system_logs_level_timestamp": "idx_system_logs_level_created",
    }


def test_due_equals_deleted_equals_gone(story: Story) -> None:
    before, checked, after = (story.counts[stage] for stage in ("before", "checked", "after"))
    assert all(before.values())

    def sums(result: dict[str, Any], key: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in result["results"]:
            table = row["table"].rpartition(".")[2]
            found[table] = found.get(table, 0) + row[key]
        return found

    foretold, due, deleted = (
        sums(story.results[name], key)
        for name, key in (("cleanup checked", "due"), ("cleanup", "due"), ("cleanup", "deleted"))
    )
    gone = {table: story.counts["before all"][table] - story.counts["after all"][table] for table in DUE}
    assert due == deleted == gone
    assert max(after.values()) <= 3, "of what became due since"
    for table in DUE:  # time goes by, and a row or two become due with it
        assert before[table] <= foretold[table] <= checked[table] <= deleted[table] <= before[table] * 1.001, table


def test_the_backup_is_proven_and_one_wrong_byte_is_found(story: Story, tmp_path: Path) -> None:
    path = Path(story.results["backup"]["backup"]["path"])
    assert story.results["backup"]["backup"]["verified"]["level"] == "restored"
    private = tmp_path / "copy"
    private.mkdir(mode=0o700)
    for part in path.parent.glob(f"{path.name.split('.')[0]}*"):
        shutil.copy2(part, private)
    assert story.job("list", "--dest", str(private), "--verify", "checksum")["newest_verified"]
    content = bytearray((private / path.name).read_bytes())
    content[len(content) // 2] ^= 1
    (private / path.name).write_bytes(content)
    listed = story.job("list", "--dest", str(private), "--verify", "checksum", expect=1)
    assert listed["backups"][0]["problem"] and listed["newest_verified"] is None


def test_the_other_jobs_work_on_the_migrated_database(story: Story) -> None:
    assert story.results["stats"]["changed"] is False
    assert "audit_logs" in story.results["stats"]["report"]
    assert story.results["reindex"]["reindexed"], "the clean-up has left bloated indexes"


def test_the_summary_says_what_was_read_back(story: Story) -> None:
    assert "2 migrations are applied, 0 are pending" in story.outputs["second"]
    assert "newest verified backup: " in story.outputs["second"]
    assert "reindex runs next at Sun" in story.outputs["second"]


def test_the_channels_for_messages_are_checked_where_that_is_wanted(story: Story) -> None:
    env = story.demo / "app" / ".env"
    before = env.read_text()
    wanted = ["--tags", "alerts", "-e", '{"titan_alerts": true, "alerts_test_message": true}']
    assert "No channel is configured" in story.playbook("no channel", *wanted, expect=2)
    try:
        with running_stub() as stub:
            env.write_text(f"{before}TITAN_DB_NOTIFY_URLS='{stub.url}/message'\n")
            assert recap(story.playbook("a channel", *wanted))["changed"] == 0
            assert [each["kind"] for each in stub.messages()] == ["test"]
    finally:
        env.write_text(before)


BAD_POLICY = [{"table": "public.audit_log", "column": "created_at", "keep": "90 days"}]
BAD_JOB = [{"name": "backup", "schedule": "61 2 * * *", "log": "x.log"}]


@pytest.mark.parametrize(
    ("tags", "variables", "said"),
    [
        ("migrations", {"titan_env_file": "{bad}"}, r"password authentication failed"),
        ("migrations", {"titan_env_file": "{down}"}, r"Cannot connect to database .*Check that the server runs"),
        ("host", {"host_env_file": "/nowhere/.env"}, r"/nowhere/\.env.*cannot be read.*Create it"),
        ("retention", {"retention_policies": BAD_POLICY}, r"audit_log\b.*audit_logs"),
        ("migrations", {"migrations_path": "/nowhere/migrations"}, r"/nowhere/migrations"),
        ("crontab", {"crontab_jobs": BAD_JOB}, r"61.*0.*59"),
    ],
    ids=["wrong password", "server down", "no env file", "unknown table", "no migrations", "bad cron expression"],
)
def test_bad_input_fails_with_one_clear_sentence(
    story: Story, tmp_path: Path, tags: str, variables: dict[str, Any], said: str
) -> None:
    url = (story.demo / "app" / ".env").read_text()
    (tmp_path / "bad").write_text(re.sub(r"titan:[^@]+@", "titan:wrong-password@", url))
    (tmp_path / "down").write_text(re.sub(r":\d+/", ":1/", url))
    text = json.dumps(variables).replace("{bad}", str(tmp_path / "bad")).replace("{down}", str(tmp_path / "down"))
    tree, history = story.tree(), story.sql("SELECT count(*) FROM titan_ops.migration_history")
    policies = story.sql("SELECT name, keep FROM titan_ops.retention_policy ORDER BY 1")
    output = story.playbook("bad", "--tags", tags, "-e", text, expect=2)
    message = " ".join(output[output.index("fatal:") if "fatal:" in output else output.index("[ERROR]") :].split())
    assert re.search(said, message), message[:2000]
    assert "Traceback" not in output
    assert "wrong-password" not in output
    assert story.tree() == tree
    assert story.sql("SELECT count(*) FROM titan_ops.migration_history") == history
    assert story.sql("SELECT name, keep FROM titan_ops.retention_policy ORDER BY 1") == policies


def shape(lines: list[str]) -> list[str]:
    """The lines without what differs from run to run: numbers, dates, checksums, widths of columns."""
    shapes = (re.sub(r"[0-9a-f]{16}|\d[\d.,:_-]*", "#", line) for line in lines)
    days = r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"
    units = r"# (kB|MB|bytes)"
    return [re.sub(units, "# B", re.sub(days, "DAY", re.sub(r"-{2,}|\s+", " ", line))).strip() for line in shapes]


def test_the_readmes_picture_is_of_the_demos_output(story: Story) -> None:
    """What the demo prints at its end, of this run, has the lines of docs/demo.svg; make demo-picture takes it again."""
    recaps = {
        "first": {**recap(story.outputs["first"]), "seconds": 1.0},
        "again": {**recap(story.outputs["second"]), "seconds": 1.0},
    }
    results = {"backup": story.results["backup"], "cleanup": story.results["cleanup"], **recaps}
    script = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from examples.demo import demo, report\n"
        "results = {**json.load(sys.stdin), 'schedule': demo.next_runs()}\n"
        "print(report.render(demo.DEMO, demo.prepared_cluster(), demo.DATABASE, results), report.END, sep='\\n')"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script, str(story.root)],
        input=json.dumps(results),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    svg = ET.fromstring((ROOT / "docs" / "demo.svg").read_text(encoding="utf-8"))
    shown = ["".join(item.itertext()) for item in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert shown[0] == "$ make demo"
    assert shape([line for line in shown[1:] if line.strip()]) == shape(
        [line for line in picture.lines_of(printed) if line.strip()]
    )
    assert len(shown) > 30
