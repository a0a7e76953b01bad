"""Settings may land in a log or a traceback: the password must not."""

from __future__ import annotations

from ansible_collections.titan.database.plugins.module_utils._engine.outcome import Call
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.urls import settings_from_url


def test_nothing_that_prints_settings_shows_the_password() -> None:
    settings = settings_from_url(
        "postgresql://me:s%65cret@db.example.test:5433/titan?sslmode=require&sslpassword=secret"
    )
    assert settings.password == "secret"
    said = (
        repr(settings),
        str(settings),
        f"{settings!r}",
        repr([settings]),
        repr(Call({}, settings)),
        settings.place(),
    )
    assert not any("secret" in text for text in said)
    assert "user='me'" in repr(settings) and "port=5433" in repr(settings) and "sslmode" in repr(settings)
    assert settings.to("other")._replace(database="titan") == settings
