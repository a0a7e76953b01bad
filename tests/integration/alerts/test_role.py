"""The role alerts: the channels are checked at converge, and a test message arrives."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.host import zipapp

from tests.integration.alerts.stub import running_stub

ROOT = Path(__file__).resolve().parents[3]


def test_the_channels_are_checked_and_a_test_message_arrives(tmp_path: Path) -> None:
    program, config, env = tmp_path / "titan-db", tmp_path / "c.json", tmp_path / "n.env"
    program.write_bytes(zipapp.build(sys.executable))
    program.chmod(0o755)
    config.write_text(json.dumps({"environment": "t", "state_dir": f"{tmp_path}/state", "notify_env_file": str(env)}))
    variables = {
        "alerts_user": getpass.getuser(),
        "alerts_command": str(program),
        "alerts_config_path": str(config),
        "alerts_metrics_dir": f"{tmp_path}/metrics",
        "alerts_test_message": True,
        "ansible_python_interpreter": sys.executable,
    }
    book = tmp_path / "play.yml"
    play = {"hosts": "localhost", "gather_facts": True, "gather_subset": ["min"], "vars": variables}
    book.write_text(yaml.safe_dump([{**play, "roles": ["titan.database.alerts"]}]))

    def converge() -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(book)]
        return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)

    with running_stub() as stub:
        env.write_text(f"TITAN_DB_NOTIFY_URLS='{stub.url}/message'\n")
        done = converge()
        assert done.returncode == 0, done.stdout + done.stderr
        assert [each["kind"] for each in stub.messages()] == ["test"]
        assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o755
        env.write_text("TITAN_DB_NOTIFY_URLS='mailto://u:s3cret@h.example'\n")
        failed = converge()
        assert failed.returncode != 0
        assert "needs Apprise" in failed.stdout
        assert "s3cret" not in failed.stdout
