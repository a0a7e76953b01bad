# ruff: noqa: E501 - each form is one line
"""The forms of env files: each with what is read from it. The guide's table is made of them (docs/env-files.md)."""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """One form.

    Attributes:
        name: What writes it so.
        text: The file.
        read: user:password@host:port/database and, after a space each, further parameters; "" if it is refused.
        note: A part of the note or of the refusal; "" for none.
        url_variable: The option database_url_variable.
    """

    name: str
    text: str
    read: str
    note: str = ""
    url_variable: str = ""


FORMS = (
    Form("a URL", "DATABASE_URL=postgres://shop:pw@127.0.0.1:6432/shop", "shop:pw@127.0.0.1:6432/shop"),
    Form("a URL, exported, encoded", 'export DATABASE_URL="postgresql://app:p%40s%23w%2Fd@localhost/app"', "app:p@s#w/d@localhost:5432/app"),
    Form("a URL and a comment", 'DATABASE_URL="postgresql://u:p@h:5432/obs" # main', "u:p@h:5432/obs"),
    Form("a URL with an unencoded @", "DATABASE_URL=postgresql://u:p@ss@h:5432/db", "", "Write %40 for an '@'"),
    Form("a URL with an unencoded #", "DATABASE_URL='postgresql://u:p#ss@h:5432/db'", "u:p#ss@h:5432/db"),
    Form("a URL with an unencoded ?", "DATABASE_URL='postgresql://u:p?s=s@h:5432/db'", "u:p?s=s@h:5432/db"),
    Form("a URL with an unencoded %", "DATABASE_URL='postgresql://u:100%sure@h:5432/db'", "u:100%sure@h:5432/db"),
    Form("a URL with an unencoded /", "DATABASE_URL='postgresql://u:se/cret@h:5432/db'", "", "percent-encoded"),
    Form("a URL made of other variables", "U=board\nP='p w'\nH=db\nDATABASE_URL=\"postgresql://${U}:${P}@${H}/$U\"", "board:p w@db:5432/board"),
    Form("a URL with a dollar sign", 'DATABASE_URL="postgresql://u:pa$word@h/db"', "u:pa@h:5432/db", "refers to $word"),
    Form("a variable of another name", "NX_DATABASE_URL=postgresql://m:pw@h:5433/m", "m:pw@h:5433/m", "", "NX_DATABASE_URL"),
    Form("a variable of another name, not named", "NX_DATABASE_URL=postgresql://m:pw@h:5433/m", "", "NX_DATABASE_URL holds such a URL"),
    Form("SQLAlchemy, asyncpg", "DATABASE_URL=postgresql+asyncpg://u:p@h:5432/bnpl?ssl=require", "u:p@h:5432/bnpl sslmode=require"),
    Form("SQLAlchemy, psycopg2", "DATABASE_URL=postgresql+psycopg2://u:p@h/shop", "u:p@h:5432/shop"),
    Form("Django", "DATABASE_URL=psql://dj:pw@h:5432/dj?conn_max_age=60", "dj:pw@h:5432/dj", "conn_max_age"),
    Form("GeoDjango, Rails with PostGIS", "DATABASE_URL=postgis://u:p@h:5432/geo", "u:p@h:5432/geo"),
    Form("Rails, socket", "DATABASE_URL='postgresql:///shop?host=/var/run/postgresql'", ":@/var/run/postgresql:5432/shop"),
    Form("socket, encoded", "DATABASE_URL=postgresql://u@%2Fvar%2Frun%2Fpostgresql/shop", "u:@/var/run/postgresql:5432/shop"),
    Form("Prisma", 'DATABASE_URL="postgresql://u:p@h:5432/todo?schema=public"', "u:p@h:5432/todo", "schema"),
    Form(
        "Prisma behind PgBouncer",
        'DATABASE_URL="postgresql://u.x:p@pool:6543/db?pgbouncer=true&connection_limit=1"\nDIRECT_URL="postgresql://u:p@h:5432/db"',
        "u:p@h:5432/db",
    ),
    Form(
        "Prisma, through the pool",
        'DATABASE_URL="postgresql://u.x:p@pool:6543/db?pgbouncer=true"\nDIRECT_URL="postgresql://u:p@h:5432/db"',
        "u.x:p@pool:6543/db", "pgbouncer", "DATABASE_URL",
    ),
    Form("DIRECT_URL of another database", "DATABASE_URL=postgresql://u:p@h/d\nDIRECT_URL=postgresql://u:p@h/e", "", "DIRECT_URL and DATABASE_URL"),
    Form("DIRECT_URL of something else", "DATABASE_URL=postgresql://u:p@h/d\nDIRECT_URL=https://files.example/", "u:p@h:5432/d"),
    Form("Prisma's proxy", "DATABASE_URL=prisma+postgres://accelerate.example/?api_key=k3y", "", "Prisma's proxy"),
    Form(
        "Neon",
        'DATABASE_URL="postgresql://u:p@ep.example.org/neondb?sslmode=require&channel_binding=require"',
        "u:p@ep.example.org:5432/neondb channel_binding=require sslmode=require",
    ),
    Form("Go", "DATABASE_URL=postgres://u:p@h:5432/power?sslmode=disable&pool_max_conns=5", "", "does not keep the value"),
    Form("Go, quoted", "DATABASE_URL='postgres://u:p@h:5432/power?sslmode=disable&pool_max_conns=5'", "u:p@h:5432/power sslmode=disable", "pool_max_conns"),
    Form("node, sslmode=no-verify", "DATABASE_URL=postgres://u:p@h/d?sslmode=no-verify", "u:p@h:5432/d sslmode=require"),
    Form("a misspelt TLS parameter", "DATABASE_URL=postgres://u:p@h/d?sslmod=require", "", "libpq does not know it"),
    Form(
        "Spring",
        "SPRING_DATASOURCE_URL=jdbc:postgresql://h:5433/inv?currentSchema=app\nSPRING_DATASOURCE_USERNAME=u\nSPRING_DATASOURCE_PASSWORD=p",
        "u:p@h:5433/inv", "currentSchema",
    ),
    Form("Spring, DB_URL", "DB_URL=jdbc:postgresql://h:5432/inv\nDB_USER=u\nDB_PASSWORD=p", "u:p@h:5432/inv"),
    Form("JDBC with user and password in the query", "DATABASE_URL='jdbc:postgresql://h/inv?user=u&password=p'", "u:p@h:5432/inv"),
    Form("SonarQube, Keycloak",
         "SONAR_JDBC_URL=jdbc:postgresql://h/sonar\nSONAR_JDBC_USERNAME=u\nSONAR_JDBC_PASSWORD=p", "u:p@h:5432/sonar", "", "SONAR_JDBC_URL"),
    Form("Keycloak, not named", "KC_DB_URL=jdbc:postgresql://h/kc\nKC_DB_USERNAME=u\nKC_DB_PASSWORD=p", "", "KC_DB_URL holds such a URL"),
    Form(
        "Metabase, another user in the URL",
        "MB_DB_CONNECTION_URI='postgresql://u@h/meta'\nMB_DB_USER=other\nMB_DB_PASS=p", "u:@h:5432/meta", "", "MB_DB_CONNECTION_URI",
    ),
    Form("Quarkus, reactive", "Q_REACTIVE_URL=vertx-reactive:postgresql://h/q\nQ_USERNAME=u\nQ_PASSWORD=p", "u:p@h:5432/q", "", "Q_REACTIVE_URL"),
    Form("Phoenix", "DATABASE_URL=ecto://u:p@h/app\nPOOL_SIZE=10", "u:p@h:5432/app"),
    Form(
        "Airflow, Hasura",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgresql+psycopg2://u:p@h/af\nHASURA_GRAPHQL_DATABASE_URL=postgres://u:p@h/d", "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, HASURA_GRAPHQL_DATABASE_URL hold such a URL: name one of them",
    ),
    Form(
        "Neon and Vercel, pooled and not",
        "DATABASE_URL='postgres://u:p@h-pooler/d?sslmode=require'\nDATABASE_URL_UNPOOLED='postgres://u:p@h/d?sslmode=require'\n"
        "PGHOST=h-pooler\nPGUSER=u\nPGDATABASE=d\nPGPASSWORD=p",
        "u:p@h:5432/d sslmode=require",
    ),
    Form("n8n", "DB_TYPE=postgresdb\nDB_POSTGRESDB_HOST=h\nDB_POSTGRESDB_USER=u", "", "look like it: DB_POSTGRESDB_HOST"),
    Form("Gitea", "GITEA__database__HOST=h:5432\nGITEA__database__USER=u", "", "look like it: GITEA__database__HOST"),
    Form("Authentik", "PG_USER=u\nPG_PASS=p\nPG_DB=d", "", "look like it: PG_DB"),
    Form("Directus", "DB_CLIENT=pg\nDB_HOST=h\nDB_DATABASE=d\nDB_USER=u\nDB_PASSWORD=p", "u:p@h:5432/d"),
    Form("Directus with MySQL", "DB_CLIENT=mysql\nDB_HOST=h\nDB_DATABASE=d\nDB_USER=u", "", "No database is named"),
    Form("Supabase", "POSTGRES_HOST=db\nPOSTGRES_DB=postgres\nPOSTGRES_PASSWORD=p", "", "POSTGRES_USER is missing"),
    Form(
        "Plane: a container's variables beside libpq's",
        "PGHOST=h\nPGDATABASE=d\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD=p\nPOSTGRES_DB=d\nPOSTGRES_PORT=5433\nDATABASE_URL=", "u:p@h:5433/d",
    ),
    Form(
        "Mattermost: a line of its own that the shell loses",
        "POSTGRES_USER=u\nPOSTGRES_PASSWORD=p\nPOSTGRES_DB=m\nMM_SQLSETTINGS_DATASOURCE=postgres://h/m?sslmode=disable&x=1", "u:p@:5432/m",
    ),
    Form("the same line, and nothing else", "MM_SQLSETTINGS_DATASOURCE=postgres://h/m?sslmode=disable&x=1", "", "line 1"),
    Form("a URL that is empty", "DATABASE_URL=\nPOSTGRES_PASSWORD=", "", "Without a value: DATABASE_URL, POSTGRES_PASSWORD"),
    Form(
        "several hosts",
        "DATABASE_URL='postgresql://u:p@db1:5432,db2:5433/app?target_session_attrs=read-write'",
        "u:p@db1,db2:5432,5433/app target_session_attrs=read-write",
    ),
    Form(
        "several hosts, no word of which",
        "DATABASE_URL='postgresql://u:p@db1,db2/app'",
        "u:p@db1,db2:5432/app target_session_attrs=read-write", "accepts writes",
    ),
    Form("IPv6", "DATABASE_URL='postgresql://u:p@[2001:db8::1]:5433/app'", "u:p@2001:db8::1:5433/app"),
    Form("IPv6 without brackets", "DATABASE_URL='postgresql://u:p@2001:db8::1/app'", "", "square brackets"),
    Form("Laravel", "DB_CONNECTION=pgsql\nDB_HOST=127.0.0.1\nDB_PORT=5433\nDB_DATABASE=shop\nDB_USERNAME=u\nDB_PASSWORD=p", "u:p@127.0.0.1:5433/shop"),
    Form("Laravel with an empty URL", "DATABASE_URL=\nDB_HOST=db\nDB_DATABASE=music\nDB_USERNAME=u\nDB_PASSWORD=", "u:@db:5432/music"),
    Form("Laravel with MySQL", "DB_CONNECTION=mysql\nDB_HOST=db\nDB_DATABASE=music\nDB_USERNAME=u", "", "No database is named"),
    Form("Mastodon", "DB_HOST=/var/run/postgresql\nDB_USER=u\nDB_NAME=social\nDB_PASS=p", "u:p@/var/run/postgresql:5432/social"),
    Form("Immich", "DB_HOSTNAME=photos_db\nDB_USERNAME=u\nDB_PASSWORD=p\nDB_DATABASE_NAME=photos", "u:p@photos_db:5432/photos"),
    Form("FastAPI's template", "POSTGRES_SERVER=localhost\nPOSTGRES_DB=app\nPOSTGRES_USER=u\nPOSTGRES_PASSWORD=Pass123!", "u:Pass123!@localhost:5432/app"),
    Form("libpq", "PGHOST=h\nPGPORT=5433\nPGUSER=u\nPGPASSWORD=p\nPGDATABASE=crm\nPGSSLMODE=require", "u:p@h:5433/crm sslmode=require"),
    Form("a URL beside libpq's sslmode", "DATABASE_URL=postgresql://u:p@h/d\nPGSSLMODE=verify-full", "u:p@h:5432/d sslmode=verify-full"),
    Form("only the server", "DB_HOST=db\nDB_PASSWORD=p\nAPP_DB_NAME=x", "", "DB_NAME and DB_USER are missing. Variables that look like it: APP_DB_NAME"),
    Form("a user, no database", "POSTGRES_USER=u\nPOSTGRES_PASSWORD=p", "", "POSTGRES_DB is missing"),
    Form("a URL without database", "DATABASE_URL=postgresql://u:p@h", "", "the database in the URL is missing"),
    Form("a URL without user", "DATABASE_URL=postgresql://h/d", "", "the user in the URL is missing"),
    Form("two families that agree", "POSTGRES_USER=u\nPOSTGRES_PASSWORD=p\nPOSTGRES_DB=d\nDATABASE_URL=postgresql://u:p@h/d", "u:p@h:5432/d"),
    Form("two families that disagree", "DATABASE_URL=postgresql://u:p@h/d\nDB_HOST=h\nDB_NAME=other\nDB_USER=u", "", "DATABASE_URL and DB_NAME"),
    Form("two spellings that disagree", "DB_HOST=h\nDB_NAME=a\nDB_DATABASE=b\nDB_USER=u", "", "DB_NAME and DB_DATABASE"),
    Form("a container's own, and the server elsewhere", "POSTGRES_USER=u\nPOSTGRES_DB=d\nDB_SERVER_HOST=h", "", "names a database without its server"),
    Form("a container's own, and a URL", "POSTGRES_USER=u\nPOSTGRES_DB=d\nAPP_DSN='postgres://u:p@h/d'", "", "name APP_DSN with database_url_variable"),
    Form("another kind of database", "DATABASE_URL=mysql://u:p@h/d", "", "not PostgreSQL"),
    Form(
        "lines of others: JSON, a key, a bare #",
        "DATABASE_URL=postgresql://u:p@h/d\nCORS=[\"http://a\",\"http://b\"]\nCOLOUR=#ff0000\nKEY=\"-----BEGIN\nabc\n-----END\"",
        "u:p@h:5432/d",
    ),
    Form("lines of others: commands", "DATABASE_URL=postgresql://u:p@h/d\nRELEASE=$(echo 7)\nulimit -n 100\nBACK=http://x/?a=1&b=2", "u:p@h:5432/d"),
    Form("an unquoted space", "DATABASE_URL=postgresql://u:p@h/d\nSCOPES=openid profile email", "", "line 2"),
    Form("a space after the equals sign", "DATABASE_URL=postgresql://u:p@h/d\nTOKEN= 3", "", "line 2"),
    Form("spaces around the equals sign", 'DATABASE_URL = "postgresql://u:p@h/d"', "u:p@h:5432/d", "spaces around its equals sign"),
    Form("Windows line ends", "DATABASE_URL=postgresql://u:p@h/d\r\nX=1\r\n", "u:p@h:5432/d", "without the carriage return"),
    Form("a byte order mark", "\ufeffDATABASE_URL=postgresql://u:p@h/d", "u:p@h:5432/d", "byte order mark"),
)  # fmt: skip


def table() -> str:
    """The guide's table; passwords and line ends as they are readable in a table."""
    lines = ["| written by, or form | lines of the file | read as |", "| --- | --- | --- |"]
    for form in FORMS:
        shown = form.text.replace("\ufeff", "(BOM)").replace("\r", "(CR)").replace("|", "\\|")
        cells = "<br>".join(f"`{line}`" for line in shown.split("\n") if line.strip())
        option = f"<br>with `database_url_variable: {form.url_variable}`" if form.url_variable else ""
        read = f"`{form.read.lstrip(':@')}`" if form.read else "refused"
        note = f" ({'note' if form.read else 'message'}: … {form.note} …)" if form.note else ""
        lines.append(f"| {form.name}{option} | {cells} | {read}{note} |")
    return "\n".join(lines) + "\n"
