#!/bin/sh
# plans.sh [FILE ...]: shows which index the server plans for each query here, and fails if one is not the expected one.
# The connection comes from the usual PG* variables. Nothing is executed: the plans are made for unknown parameters.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
[ $# -gt 0 ] || set -- "$here"/[0-9]*.sql
wrong=0
for file in "$@"; do
    expected=$(sed -n 's/^-- plan: //p' "$file")
    types=$(sed -n 's/^-- parameters: //p' "$file")
    plan=$({
        echo 'SET plan_cache_mode = force_generic_plan;'
        echo "PREPARE titan_query${types:+($types)} AS"
        cat "$file"
        echo "EXPLAIN (COSTS OFF) EXECUTE titan_query${types:+(NULL)};"
    } | psql -X -q -A -t -v ON_ERROR_STOP=1)
    if printf '%s\n' "$plan" | grep -q -E "(Scan using|Index Scan on) $expected( |\$)"; then
        printf 'as expected   %-26s %s\n' "$(basename "$file")" "$expected"
    else
        printf 'OTHERWISE     %-26s %s is not used:\n%s\n' "$(basename "$file")" "$expected" "$plan"
        wrong=$((wrong + 1))
    fi
done
[ "$wrong" -eq 0 ]
