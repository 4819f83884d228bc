#!/usr/bin/env bash
# torchrun of torch 2.15.0 changes the arguments of the program that it starts: `$$` becomes `$`.
#
# torchrun passes the program's arguments through a template, so that `${local_rank}` becomes the number of the process.
# In a template `$$` stands for one `$`, and unknown names stay as they are. So a program that gets text with two dollars
# (a shell script given by `--no-python sh -c '... $$ ...'`, whose `$$` is the shell's process id; a regular expression;
# a file name) sees other text under torchrun than without, and nobody says so. Write each `$$` as `$$$$`.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   python:   pid=$$ name=$HOME rank=${local_rank}
#   torchrun: pid=$ name=$HOME rank=0
#   torchrun, doubled: pid=$$
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > "$work/show.py" <<'PYTHON'
import sys

print(*sys.argv[1:])
PYTHON

start=("$work/venv/bin/python" -m torch.distributed.run --standalone --nproc-per-node 1)
words=('pid=$$' 'name=$HOME' 'rank=${local_rank}')
seen="$(
  cd "$work"
  echo "python:   $("$work/venv/bin/python" show.py "${words[@]}")"
  echo "torchrun: $("${start[@]}" show.py "${words[@]}" 2>/dev/null)"
  echo "torchrun, doubled: $("${start[@]}" show.py 'pid=$$$$' 2>/dev/null)"
)"
echo "$seen"
expected='python:   pid=$$ name=$HOME rank=${local_rank}
torchrun: pid=$ name=$HOME rank=0
torchrun, doubled: pid=$$'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
