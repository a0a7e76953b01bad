#!/bin/sh
# What there is on the host: one line for each of Debian's clusters, for each file that the role has written, and whether
# anything listens on the port. Reads only.
set -eu
port=$1
if command -v pg_lsclusters >/dev/null; then
    pg_lsclusters --no-header | while read -r version name at status _ data _; do
        printf 'cluster %s %s %s %s %s\n' "$version" "$name" "$at" "$status" "$data"
    done
fi
for file in /etc/postgresql/*/*/conf.d/titan-server.conf; do
    [ -e "$file" ] || continue
    place=${file#/etc/postgresql/}
    version=${place%%/*} place=${place#*/}
    printf 'ours %s %s\n' "$version" "${place%%/*}"
done
hex=$(printf ':%04X' "$port")
for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$table" ] || continue
    if awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { seen = 1 } END { exit !seen }' "$table"; then
        echo listening
        break
    fi
done
