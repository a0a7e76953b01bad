"""What is read from the variables of applications: the forms of env_forms.py, and what must never be guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.titan.database.plugins.module_utils._engine.errors import TitanError
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.connection import ConnectionSettings
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.from_options import settings_from_options
from ansible_collections.titan.database.plugins.module_utils._engine.postgres.variables import (
    forget_session_variables,
    settings_from_variables,
    take_demands,
    with_demands,
)

from .env_forms import FORMS, Form, table

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "env-files.md"


def written(tmp_path: Path, form: Form) -> dict[str, str]:
    path = tmp_path / ".env"
    path.write_bytes(form.text.encode())
    path.chmod(0o600)
    return {"env_file": str(path), "database_url_variable": form.url_variable}


@pytest.mark.parametrize("form", [form for form in FORMS if form.read], ids=lambda form: form.name)
def test_it_is_read_as_it_is_meant(form: Form, tmp_path: Path) -> None:
    settings = settings_from_options(written(tmp_path, form))
    parts = {key: "", **settings.parameters()} if (key := "password") else {}
    where = f"{parts.pop('user', '')}:{parts.pop('password')}@{parts.pop('host', '')}:{parts.pop('port')}/{parts.pop('dbname')}"
    assert " ".join([where, *(f"{key}={value}" for key, value in sorted(parts.items()))]) == form.read
    assert bool(settings.notes) == bool(form.note)
    assert form.note in " ".join(settings.notes)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.read], ids=lambda form: form.name)
def test_it_is_refused_with_the_reason_and_without_a_value(form: Form, tmp_path: Path) -> None:
    with pytest.raises(TitanError) as caught:
        settings_from_options(written(tmp_path, form))
    assert form.note in caught.value.message
    assert not any(secret in caught.value.message for secret in ("se/cret", "cret", ":p@", "k3y", "u:p"))


def test_the_guide_shows_every_form() -> None:
    assert table() in GUIDE.read_text(encoding="utf-8"), "write the new table of env_forms.py into the guide"


def test_options_complete_what_a_file_names_in_part(tmp_path: Path) -> None:
    options = written(tmp_path, Form("", "DB_HOST=h\nDB_PORT=5433\nDB_PASSWORD=p", ""))
    settings = settings_from_options({**options, "login_user": "u", "login_db": "d"})
    assert settings.parameters() == {"host": "h", "port": "5433", "user": "u", "password": "p", "dbname": "d"}


POOLED = Form(
    "",
    "DATABASE_URL='postgresql://u:pa%20ss@pool:6432/d?sslmode=require'\nDIRECT_URL='postgresql://u:x@elsewhere/d'",
    "",
)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("postgresql://db1:5433", "u:x@db1:5433/d"),
        ("postgresql:///?host=/run/postgresql", "u:x@/run/postgresql:5432/d"),
        ("postgresql://db1/d?sslmode=disable", "u:x@db1:5432/d"),
        ("postgresql://owner:se%2Fcret@db1:5433/d", "owner:se/cret@db1:5433/d"),
        ("postgresql://owner@db1:5433/d", "owner:@db1:5433/d"),  # another's password is none of ours
    ],
)
def test_direct_url_names_the_server_and_the_file_the_rest(url: str, read: str, tmp_path: Path) -> None:
    parts = {"password": "", **settings_from_options({**written(tmp_path, POOLED), "direct_url": url}).parameters()}
    assert "{user}:{password}@{host}:{port}/{dbname}".format(**parts) == read
    assert parts.get("sslmode") == (
        "disable" if "sslmode" in url else None
    )  # of DIRECT_URL in the file, which names none
    over = settings_from_options({**written(tmp_path, POOLED), "direct_url": url, "login_host": "h", "login_db": "e"})
    assert (over.host, over.database, over.socket) == ("h", "e", "")


def test_direct_url_completes_a_file_that_names_no_database(tmp_path: Path) -> None:
    options = written(tmp_path, Form("", "DB_HOST=pool\nDB_USER=u\nDB_PASSWORD=p", ""))
    settings = settings_from_options({**options, "direct_url": "postgresql://db1/d"})
    assert settings.parameters() == {"host": "db1", "port": "5432", "user": "u", "password": "p", "dbname": "d"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:k3y@db1/other", "names the database 'other'"),
        ("postgresql:///d", "names no host"),
        ("mysql://u:k3y@db1/d", "another kind"),
        ("db1:5432", "postgresql://"),
    ],
)
def test_direct_url_is_refused_without_its_value(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(TitanError) as caught:
        settings_from_options({**written(tmp_path, POOLED), "direct_url": url})
    assert why in caught.value.message and "direct_url" in caught.value.message and "k3y" not in caught.value.message


@pytest.mark.parametrize("scheme", ["postgres", "timescalegis", "jdbc:postgresql", "r2dbc:pool:postgresql", "ecto"])
def test_the_server_itself_is_named_under_each_name_of_the_scheme(scheme: str) -> None:
    variables = {"DATABASE_URL": "postgres://u:p@pool:6432/d", "DIRECT_URL": f"{scheme}://u:p@h/d"}
    assert settings_from_variables(variables, "env").host == "h"


def test_a_variable_that_an_option_names_is_refused_for_its_own_reason() -> None:
    with pytest.raises(TitanError, match="another kind"):
        settings_from_variables({"DIRECT_URL": "mysql://u:k3y@h/d"}, "env", "DIRECT_URL")


def test_nothing_is_taken_from_the_process_beside_the_settings() -> None:
    environ = {
        "PGOPTIONS": "-c search_path=app",
        "PGDATABASE": "other",
        "PGSERVICE": "s",
        "PGSSLMODE": "require",
        "PATH": "/bin",
    }
    forget_session_variables(environ)
    assert environ == {"PGSSLMODE": "require", "PATH": "/bin"}


def test_what_is_demanded_of_the_named_server_goes_with_its_settings_alone() -> None:
    environ = {"PGHOSTADDR": "10.0.0.5", "PGREQUIREAUTH": "scram-sha-256", "PGSSLMODE": "require", "PATH": "/bin"}
    demands = take_demands(environ)
    assert environ == {"PGSSLMODE": "require", "PATH": "/bin"}
    said = ConnectionSettings(host="db", options=(("require_auth", "md5"),))
    assert dict(with_demands(said, demands).options) == {"hostaddr": "10.0.0.5", "require_auth": "md5"}


@pytest.mark.parametrize("name", ["DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DATABASE_URL"])
def test_a_hostile_value_is_never_shown(name: str) -> None:
    variables = {"DB_HOST": "h", "DB_NAME": "d", "DB_USER": "u", "DB_PASSWORD": "p", name: "s3cret://x y\n"}
    try:
        settings = settings_from_variables(variables, "f")
    except TitanError as error:
        assert "s3cret" not in error.message
        return
    assert name in ("DB_USER", "DB_PASSWORD", "DB_NAME")
    assert name == "DB_PASSWORD" or "s3cret" in repr(settings)


def test_a_value_that_is_no_text_is_refused_only_where_it_is_used() -> None:
    broken = os.fsdecode(b"\xff")
    assert settings_from_variables({"DATABASE_URL": "postgresql://u@h/d", "X": broken}, "f").database == "d"
    with pytest.raises(TitanError, match="UTF-8"):
        settings_from_variables({"DB_NAME": broken, "DB_USER": "u"}, "f")


def test_a_password_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    for text, mode, expected in (
        ("u:pw@h/d", 0o644, 1),
        ("u:pw@h/d", 0o640, 0),
        ("u:pw@h/d", 0o600, 0),
        ("u@h/d", 0o644, 0),
    ):
        path.write_text(f"DATABASE_URL=postgresql://{text}\n")
        path.chmod(mode)
        notes = settings_from_options({"env_file": str(path)}).notes
        assert len(notes) == expected and all("chmod 0600" in note and "pw" not in note for note in notes), notes
