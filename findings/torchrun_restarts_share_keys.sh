#!/usr/bin/env bash
# torch 2.15.0: processes that torchrun restarts find the keys of the attempt before in their store.
#
# `init_process_group()` leaves the number of the attempt out of its keys: "we create a new TCPStore for every retry", its
# source says. With `torchrun --standalone --max-restarts` that is not so: the launcher keeps one store. What the attempt
# before has written is still there, the addresses of its processes among it; a process that looks for the address of
# another one before that has written its own may get that of a process that is gone. Give init_process_group(store=...)
# a PrefixStore with TORCHELASTIC_RESTART_COUNT in it. (Seen once the machine was busy: all processes waited for each
# other. That is left out here, as it is a matter of luck.)
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   attempt 0 finds the key of the attempt before: False
#   attempt 1 finds the key of the attempt before: True
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > "$work/work.py" <<'PYTHON'
import os
import sys

import torch.distributed as dist
from torch.distributed.distributed_c10d import _get_default_store

dist.init_process_group("gloo")
attempt = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
store = _get_default_store()
print(f"attempt {attempt} finds the key of the attempt before:", store.check([f"attempt-{attempt - 1}"]), flush=True)
store.set(f"attempt-{attempt}", "was here")
sys.exit(1 if attempt == 0 else 0)
PYTHON

seen="$(cd "$work" && "$work/venv/bin/python" -m torch.distributed.run --standalone --max-restarts 1 --nproc-per-node 1 \
  work.py 2>/dev/null)"
echo "$seen"
expected="attempt 0 finds the key of the attempt before: False
attempt 1 finds the key of the attempt before: True"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
