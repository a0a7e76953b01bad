"""The smallest honest runner on psycopg2: a checksum, a lock, a lock limit, one transaction a file. python floor.py DIRECTORY DSN"""

from __future__ import annotations

import hashlib
import os
import sys

import psycopg2


def main(path: str, dsn: str) -> None:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT pg_advisory_lock(42)")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS floor_history (version text PRIMARY KEY, sha text, at timestamptz DEFAULT now())"
    )
    cursor.execute("SET lock_timeout = '5s'")
    cursor.execute("SELECT version, sha FROM floor_history")
    done = dict(cursor.fetchall())
    for name in sorted(os.listdir(path)):
        with open(os.path.join(path, name), encoding="utf-8") as stream:
            text = stream.read()
        sha, version = hashlib.sha256(text.encode()).hexdigest(), name.split("_")[0]
        if version in done:
            if done[version] != sha:
                sys.exit(f"edited: {name}")
            continue
        cursor.execute("BEGIN")
        cursor.execute(text)
        cursor.execute("INSERT INTO floor_history (version, sha) VALUES (%s, %s)", (version, sha))
        cursor.execute("COMMIT")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
