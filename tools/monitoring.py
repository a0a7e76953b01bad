# Copyright: (c) 2026, titan.database contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what Grafana and Prometheus load: ``make dashboard``.

``monitoring/titan-db.dashboard.json`` has a panel for each entry of PANELS; its queries are over the metrics of
``alerts/metrics.py``. ``monitoring/titan-db.environments.rules.yml`` has rules for each environment that has to be heard of:
name yours, as in ``make dashboard ENVIRONMENTS="production staging"``. ``docs/dashboard.svg`` is the guide's picture of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import dashboard_picture  # noqa: E402

FOLDER = ROOT / "monitoring"
DASHBOARD = FOLDER / "titan-db.dashboard.json"
RULES = FOLDER / "titan-db.environments.rules.yml"
ENVIRONMENTS = ("production", "staging")
GUIDES = "https://example.invalid/titan/database/blob/main/docs"
_WIDTH, _HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WANTED = '{environment=~"$environment"}'
_JOB = "{{environment}} {{job_name}}"
_STATES = {"0": "ok", "1": "warning", "2": "critical", "3": "unknown"}
_LEVELS = {"0": "none", "1": "checksum", "2": "restored"}


# alert, metric that has to be there, what it means when it is not, what to do
_HEARD = (
    (
        "TitanDbEnvironmentSilent", "titan_db_job_last_start_timestamp_seconds", "no host reports any job",
        "Look whether the host is up, whether its jobs run, and whether node_exporter reads the textfile directory.",
    ),
    (
        "TitanDbEnvironmentWithoutBackup", "titan_db_backup_finished_timestamp_seconds", "no host reports a backup",
        "Run titan-db backup, and look whether its metrics arrive.",
    ),
)  # fmt: skip


class Panel(NamedTuple):
    """One panel: unit is Grafana's word, legend a template, width in columns of 24."""

    title: str
    kind: str
    unit: str
    query: str
    legend: str
    width: int = 8
    texts: dict[str, str] | None = None


PANELS = (
    Panel("Jobs that failed", "stat", "none", f"sum(titan_db_job_last_exit_status{_WANTED} != bool 0)", "failed", 4),
    Panel("Worst check", "stat", "none", f"max(titan_db_check_status{_WANTED})", "status", 4, _STATES),
    Panel("Newest backup", "stat", "s", f"time() - max by (environment) (titan_db_backup_finished_timestamp_seconds{_WANTED})", "{{environment}}", 4),
    Panel("Its proof", "stat", "none", f"min by (environment) (titan_db_backup_verified_level{_WANTED})", "{{environment}}", 4, _LEVELS),
    Panel("Migrations pending", "stat", "none", f"sum by (environment) (titan_db_migrations_pending{_WANTED})", "{{environment}}", 4),
    Panel("Messages lost in a day", "stat", "none", f"sum(increase(titan_db_notification_failures_total{_WANTED}[1d]))", "lost", 4),
    Panel("Exit status of the last run", "timeseries", "none", f"titan_db_job_last_exit_status{_WANTED}", _JOB),
    Panel("Since the last success", "timeseries", "s", f"time() - titan_db_job_last_success_timestamp_seconds{_WANTED}", _JOB),
    Panel("Duration of the last run", "timeseries", "s", f"titan_db_job_last_duration_seconds{_WANTED}", _JOB),
    Panel("Size of the newest backup", "timeseries", "bytes", f"titan_db_backup_size_bytes{_WANTED}", "{{environment}}"),
    Panel("Size of the database", "timeseries", "bytes", f"titan_db_database_size_bytes{_WANTED}", "{{environment}}"),
    Panel("Connections in use", "timeseries", "percentunit", f"titan_db_connections_used_ratio{_WANTED}", "{{environment}}"),
    Panel("Rows deleted by the last clean-up", "timeseries", "none", f"titan_db_retention_deleted_rows{_WANTED}", _JOB, 12),
    Panel("Status of each check", "state-timeline", "none", f"titan_db_check_status{_WANTED}", "{{environment}} {{check}}", 12, _STATES),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard in Grafana's JSON model."""
    return {
        "uid": "titan-db",
        "title": "titan-db",
        "tags": ["postgresql", "titan-db"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source_variable(), _environment_variable()]},
        "annotations": {"list": []},
        "links": [],
        "panels": list(_placed()),
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus", "hide": 0}


def _environment_variable() -> dict[str, Any]:
    query = "label_values(titan_db_job_last_start_timestamp_seconds, environment)"
    return {
        "name": "environment", "type": "query", "datasource": _SOURCE, "definition": query, "query": {"query": query, "refId": "A"},
        "includeAll": True, "multi": True, "refresh": 2, "sort": 1, "hide": 0,
    }  # fmt: skip


def _placed() -> list[dict[str, Any]]:
    """The panels from left to right, in rows."""
    found, column, row = [], 0, 0
    for number, panel in enumerate(PANELS, 1):
        height = 4 if panel.kind == "stat" else _HEIGHT
        found.append(
            {
                "id": number, "type": panel.kind, "title": panel.title, "datasource": _SOURCE,
                "gridPos": {"x": column, "y": row, "w": panel.width, "h": height},
                "fieldConfig": {"defaults": {"unit": panel.unit, "mappings": _mappings(panel.texts)}, "overrides": []},
                "options": {},
                "targets": [{"refId": "A", "datasource": _SOURCE, "expr": panel.query, "legendFormat": panel.legend}],
            }
        )  # fmt: skip
        column += panel.width
        if column == _WIDTH:
            column, row = 0, row + height
    return found


def _mappings(texts: dict[str, str] | None) -> list[dict[str, Any]]:
    if not texts:
        return []
    options = {value: {"text": text, "index": number} for number, (value, text) in enumerate(texts.items())}
    return [{"type": "value", "options": options}]


def rules(environments: tuple[str, ...]) -> str:
    """The rules that tell of an environment from which nothing, or no backup, has ever come."""
    lines = [
        "---",
        "# Written by: python -m tools.monitoring " + " ".join(environments),
        "groups:",
        "  - name: titan-db-environments",
        "    rules:",
    ]
    for name in environments:
        for alert, metric, missing, action in _HEARD:
            lines += [
                f"      - alert: {alert}",
                f'        expr: absent({metric}{{environment="{name}"}})',
                "        for: 1h",
                f'        labels: {{severity: critical, environment: "{name}"}}',
                "        annotations:",
                f'          summary: "{name}: {missing}"',
                f"          action: {action}",
                f"          runbook_url: {GUIDES}/jobs.md#where-to-look-when-something-did-not-happen",
            ]
    return "\n".join(lines) + "\n"


def main(environments: tuple[str, ...]) -> None:
    DASHBOARD.write_text(json.dumps(dashboard(), indent=2) + "\n", encoding="utf-8")
    RULES.write_text(rules(environments), encoding="utf-8")
    dashboard_picture.PICTURE.write_text(dashboard_picture.drawn(dashboard()["panels"]), encoding="utf-8")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or ENVIRONMENTS)
