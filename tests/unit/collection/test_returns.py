"""What modules return must not be read by Ansible as something else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

MODULES = sorted((Path(__file__).resolve().parents[3] / "plugins" / "modules").glob("*.py"))
# Keys of a result that Ansible's strategies and callbacks act upon.
RESERVED = {
    "skipped",
    "failed",
    "unreachable",
    "ansible_facts",
    "results_file",
    "retries",
    "invocation",
    "exception",
    "rc",
    "stdout",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_return_value_has_a_reserved_name(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    documented = yaml.safe_load(text.split('RETURN = r"""', 1)[1].split('"""', 1)[0])
    assert documented
    assert not RESERVED & set(documented)
