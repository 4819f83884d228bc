#!/usr/bin/env bash
# PyYAML 6.0.3: a tab between a key and its value is an error for yaml.safe_load, and none for the same loader in C.
#
# YAML lets tabs separate tokens; only indentation must be of spaces. libyaml, which yaml.CSafeLoader uses, reads
# "nc:<tab>2" so. PyYAML's own parser, which yaml.safe_load always uses, stops with "found character '\t' that cannot
# start any token". A program that uses the C loader where it is built, as is recommended for speed, accepts files that
# the same program refuses elsewhere, and that other programs in Python refuse; data files written by hand or by
# spreadsheets have such tabs.
#
# Seen on Linux, Python 3.11:
#   CSafeLoader: {'nc': 2}
#   SafeLoader: ScannerError
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml==6.0.3

seen="$("$work/venv/bin/python" - <<'PYTHON'
import yaml

for name in ("CSafeLoader", "SafeLoader"):
    try:
        print(f"{name}: {yaml.load('nc:' + chr(9) + '2', getattr(yaml, name))}")
    except yaml.YAMLError as error:
        print(f"{name}: {type(error).__name__}")
PYTHON
)"
echo "$seen"
[ "$seen" = "CSafeLoader: {'nc': 2}
SafeLoader: ScannerError" ] || { echo "this has changed" >&2; exit 1; }
