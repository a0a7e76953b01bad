#!/bin/sh
# Make a virtual environment with one of the pinned sets: venv.sh PYTHON demo|test|site|molecule FOLDER
set -eu
python=$1 wanted=$2 folder=$3
if [ -z "$python" ]; then
    echo "Python 3.11 or newer with venv is needed (Debian packages python3 and python3-venv)." >&2
    exit 1
fi
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
echo "Installing the pinned packages of requirements/$wanted.txt into $folder ..."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "requirements/$wanted.txt"
touch "$folder/$wanted.stamp"
