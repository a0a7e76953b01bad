#!/bin/sh
# Make .venv with one of the pinned sets: venv.sh PYTHON demo|test
set -eu
python=$1 wanted=$2
if [ -z "$python" ]; then
    echo "Python 3.11 or newer with venv is needed (Debian packages python3 and python3-venv)." >&2
    exit 1
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing the pinned packages of requirements/$wanted.txt into .venv ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r "requirements/$wanted.txt"
touch ".venv/$wanted.stamp"
