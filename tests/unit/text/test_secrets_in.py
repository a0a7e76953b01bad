"""Secrets that would land in a file that everybody reads."""

from __future__ import annotations

import json

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.text.secrets_in import secret_in


@pytest.mark.parametrize(
    ("where", "config"),
    [
        ("connection.login_password", {"connection": {"login_password": "s3cret"}}),
        ("jobs.backup.copy_to", {"jobs": {"backup": {"copy_to": ["curl", "-T", "{path}", "https://u:s3cret@h/"]}}}),
        ("jobs.backup.copy_to", {"jobs": {"backup": {"copy_to": ["x", "--password=s3cret"]}}}),
        ("jobs.backup.copy_to", {"jobs": {"backup": {"copy_to": ["x", "--password", "s3cret"]}}}),
        ("jobs.backup.copy_to", {"jobs": {"backup": {"copy_to": ["env", "AWS_SECRET_ACCESS_KEY=s3cret", "aws"]}}}),
        ("jobs.backup.copy_to", {"jobs": {"backup": {"copy_to": ["curl", "-H", "Authorization: Bearer s3cret"]}}}),
        ("notify.api_key", {"notify": {"api_key": "s3cret"}}),
        ("notify.botToken", {"notify": {"botToken": "s3cret"}}),
        ("patroni_url", {"patroni_url": "https://u:s3cret@h:8008"}),
        ("url", {"url": "https://h/x?token=s3cret"}),
        ("direct_url", {"direct_url": "postgresql://u:s3cret@h/d"}),
    ],
)
def test_a_secret_is_found_and_not_repeated(where: str, config: object) -> None:
    assert secret_in(json.dumps(config)) == where


@pytest.mark.parametrize(
    "config",
    [
        {
            "env_file": "/home/u/.env",
            "notify_env_file": "/x",
            "connection": {"login_password": None, "login_user": "u"},
        },
        {"jobs": {"backup": {"copy_to": ["rclone", "copyto", "{path}", "offsite:titan/{file}"], "identity": "/k/key"}}},
        {"jobs": {"backup": {"encrypt_to": ["age1examplepublickey"], "copy_to": ["x", "--password-file", "/k"]}}},
        {"jobs": {"cleanup": {"allowed_conditions": ["token IS NULL", "password_changed < now()"]}}},
        {"direct_url": "postgresql://u@h:5433/d", "patroni_url": "http://127.0.0.1:8008"},
    ],
)
def test_ordinary_configurations_hold_none(config: object) -> None:
    assert secret_in(json.dumps(config)) == ""
    assert secret_in("/var/log/x { weekly }") == ""
