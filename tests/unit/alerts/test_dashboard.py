# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Grafana and Prometheus load is current, asks for metrics that exist, and leads to guides that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from ansible_collections.titan.database.plugins.module_utils._engine.alerts.metrics import FAMILIES

from tools import dashboard_picture, monitoring

ROOT = Path(__file__).resolve().parents[3]


def test_the_files_are_current() -> None:
    assert json.loads(monitoring.DASHBOARD.read_text()) == monitoring.dashboard()
    assert monitoring.RULES.read_text() == monitoring.rules(monitoring.ENVIRONMENTS)
    panels = monitoring.dashboard()["panels"]
    assert dashboard_picture.PICTURE.read_text() == dashboard_picture.drawn(panels), "run: make dashboard"
    texts = [
        each.text for each in ET.fromstring(dashboard_picture.PICTURE.read_text()).iter() if each.tag.endswith("text")
    ]
    assert {panel["title"] for panel in panels} <= set(texts)


def test_every_query_names_metrics_that_exist() -> None:
    made = json.loads(monitoring.DASHBOARD.read_text())
    texts = [target["expr"] for panel in made["panels"] for target in panel["targets"]]
    texts += [each["definition"] for each in made["templating"]["list"] if each["type"] == "query"]
    named = [re.findall(r"titan_db_\w+", text) for text in texts]
    assert all(named) and {name for names in named for name in names} <= set(FAMILIES)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """By the JSON model in Grafana's documentation: required fields, unique ids, a grid of 24 columns without overlaps."""
    made = json.loads(monitoring.DASHBOARD.read_text())
    assert made["title"] and re.fullmatch(r"[\w-]{1,40}", made["uid"]) and made["schemaVersion"] >= 36
    panels, taken = made["panels"], set()
    assert len({panel["id"] for panel in panels}) == len(panels) >= 10
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] in ("stat", "timeseries", "state-timeline")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        assert all(target["refId"] and target["expr"] for target in panel["targets"])


def test_every_alert_leads_to_a_part_of_a_guide() -> None:
    for path in sorted(monitoring.FOLDER.glob("*.rules.yml")):
        for rule in yaml.safe_load(path.read_text())["groups"][0]["rules"]:
            if rule["alert"] == "TitanDbWatchdog":
                continue
            guide, _hash, part = rule["annotations"]["runbook_url"].removeprefix(f"{monitoring.GUIDES}/").partition("#")
            headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / guide).read_text(), re.M)
            anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert part in anchors, (rule["alert"], part, anchors)


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian package prometheus)")
def test_an_environment_that_never_reported_is_heard(tmp_path: Path) -> None:
    subprocess.run(["promtool", "check", "rules", "--lint-fatal", monitoring.RULES], check=True, capture_output=True)
    shutil.copy(monitoring.RULES, tmp_path / "rules.yml")
    series = 'titan_db_job_last_start_timestamp_seconds{environment="staging", job_name="backup"}'
    firing = 'count by (environment) (ALERTS{alertname="TitanDbEnvironmentSilent", alertstate="firing"})'
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": "0x200"}],
        "promql_expr_test": [
            {"expr": f"{firing} or vector(0)", "eval_time": "59m", "exp_samples": [{"labels": "{}", "value": 0}]},
            {"expr": firing, "eval_time": "61m", "exp_samples": [{"labels": '{environment="production"}', "value": 1}]},
        ],
    }
    wanted = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(wanted))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
