"""What keeps Ansible from being root on a host ends the converge with a sentence and a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

# What sudo says (its own texts), and what has to be done.
REFUSALS = {
    "terminal": ("sudo: sorry, you must have a tty to run sudo", "Set titan_pipelining to false for this host"),
    "unlisted": ("deploy is not in the sudoers file.", "echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/90-ansible"),
    "secret": ("sudo: a password is required", "Add -K to the command"),
    "privileges": ('sudo: The "no new privileges" flag is set', "systemctl cat ssh"),
    "bare": ("sh: 1: /usr/bin/python3: not found", "-m ansible.builtin.raw -a 'apt-get install -y python3'"),
    "full": ("OSError: [Errno 28] No space left on device", "ssh -t deploy@full df -h /"),
    "other": ("sudo: something else", "Try: ansible other -m ansible.builtin.ping --become"),
}  # fmt: skip


def test_each_refusal_is_a_sentence_with_a_command(tmp_path: Path) -> None:
    hosts: dict[str, dict[str, str]] = {}
    for name, (words, _advice) in REFUSALS.items():
        sudo = tmp_path / name
        sudo.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
        sudo.chmod(0o755)
        hosts[name] = {"ansible_become_exe": str(sudo)}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": {
        "ansible_connection": "local", "ansible_pipelining": True, "ansible_user": "deploy", "ansible_become_method": "sudo",
        "ansible_python_interpreter": sys.executable}}}))  # fmt: skip
    play = tmp_path / "play.yml"
    tasks = ROOT / "playbooks" / "tasks" / "reach.yml"
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "tasks": [
        {"ansible.builtin.import_tasks": str(tasks)}]}]))  # fmt: skip
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(tmp_path / "hosts.json"), str(play)]
    env = {
        **os.environ,
        "ANSIBLE_FORKS": "2",
        "ANSIBLE_BECOME_ALLOW_SAME_USER": "1",
        "ANSIBLE_STDOUT_CALLBACK": "default",
    }
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    said = " ".join(done.stdout.replace('\\"', '"').split())
    for name, (words, advice) in REFUSALS.items():
        assert f"Ansible cannot work on {name}: " in said and f"{words.rstrip('.')}. " in said and advice in said, (
            f"{name}: {done.stdout}"
        )
