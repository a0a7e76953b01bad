#!/bin/sh
# ansible-test sanity on each supported ansible-core for which a Python is present; no ignore file.
# Works on an installed copy outside the checkout: ansible-test refuses the committed link and finds no files in a
# git-ignored folder (and then reports success).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${TITAN_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/titan-database}
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find_python() { # the first interpreter of that version that really runs (a version manager's shim may not)
    for candidate in "/usr/bin/python$1" "python$1" "${HOME:-/root}/.pyenv/versions/$1".*/bin/"python$1"; do
        if "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

# ansible-test makes virtual environments without pip and would download it; this stand-in uses Python's own copy.
stand_in() {
    mkdir -p "$1/.ansible/test/cache"
    cat >"$work/get_pip.py" <<'PY'
import ensurepip, glob, os, subprocess, sys

wheel = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))[0]
arguments = [item for item in sys.argv[1:] if item not in ("--no-setuptools", "--no-wheel")]
environment = {**os.environ, "PYTHONPATH": wheel}
environment.pop("GET_PIP", None)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments], env=environment))
PY
    for release in 20_3_4 21_3_1 23_1_2 24_2 25_2 25_3 26_0; do cp "$work/get_pip.py" "$1/.ansible/test/cache/get_pip_$release.py"; done
}

prepare() { # the core's virtual environment and the installed collection
    venv=$1 core=$2 python=$3
    if [ ! -x "$venv/bin/ansible-test" ]; then
        rm -rf "$venv"
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "ansible-core==$core" psycopg2-binary==2.9.13
    fi
    stand_in "$cache/home-$core"
    "$venv/bin/ansible-galaxy" collection install "$root" -p "$work/$core" --force --no-deps >/dev/null
}

judge() { # what one core says, without one of its tests if that is named; a home for each, since they run beside each other
    core=$1 version=$2 python=$3 without=$4
    venv=$cache/core-$core
    echo "ansible-core $core, Python $version:"
    prepare "$venv" "$core" "$python"
    (
        cd "$work/$core/ansible_collections/titan/database"
        PATH="$venv/bin:$PATH" HOME="$cache/home-$core" \
            ansible-test sanity --local --python "$version" --color no ${without:+--skip-test "$without"}
    ) >"$work/$core.log" 2>&1 || { grep -E '^(ERROR|FATAL)' "$work/$core.log" || tail -n 40 "$work/$core.log"; return 1; }
    tests=$(grep -c '^Running sanity test' "$work/$core.log" || true)
    if [ "$tests" -lt 20 ]; then
        cat "$work/$core.log"
        echo "ansible-test ran only $tests tests: it did not see the collection"
        return 1
    fi
    echo "  $tests sanity tests passed${without:+, without $without}"
}

# ansible-core, Python, and a test that is left out: 2.20 and 2.21 have pylint 4.0 both, and it is half of the time.
running='' ran=0 failed=0
for wanted in ${TITAN_SANITY:-2.16.14:3.11 2.20.10:3.12:pylint 2.21.5:3.13}; do
    IFS=: read -r core version without <<END
$wanted
END
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        echo "ansible-core $core: skipped, no Python $version here"
        continue
    fi
    judge "$core" "$version" "$python" "$without" >"$work/$core.said" 2>&1 &
    running="$running $core:$!"
done
for started in $running; do
    ran=$((ran + 1))
    wait "${started#*:}" || failed=$((failed + 1))
    cat "$work/${started%:*}.said"
done
if [ "$ran" -eq 0 ]; then
    echo "No Python 3.11, 3.12 or 3.13 was found: nothing was tested." >&2
    exit 1
fi
echo "sanity: $((ran - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
