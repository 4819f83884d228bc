#!/usr/bin/env bash
# `import torchvision` (0.29.2) loads torch's compiler, and with it Triton, which after `gc.freeze()` reports leaks.
#
# torchvision's RoIAlign asks torch's compiler whether it can compile, with an import at the top of the module. So
# `import torchvision`, for a model or for reading an image, also loads torch._dynamo, torch._inductor, sympy,
# torch.distributed.fsdp and Triton, on machines without a GPU as well: half of the time that the import takes, and more
# at the program's end, when all these modules are taken apart (a second, AMD EPYC).
#
# `gc.freeze()` is what Python's documentation recommends before a fork, and what servers call after their imports so
# that garbage collection passes over their modules. At the end of such a program Triton's bindings (nanobind) find
# objects that nobody has collected, and print about thirty lines of "leaked" to stderr, though nothing is wrong; the
# exit code stays 0.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   torch alone loads torch._dynamo: False, torch._inductor: False, torch.distributed.fsdp: False, sympy: False, triton: False
#   with torchvision torch._dynamo: True, torch._inductor: True, torch.distributed.fsdp: True, sympy: True, triton: True
#   frozen, torch alone: exit code 0, 0 reports of leaks
#   frozen, with torchvision: exit code 0, 3 reports of leaks
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
python="$work/venv/bin/python"

loaded='
import sys
names = ["torch._dynamo", "torch._inductor", "torch.distributed.fsdp", "sympy", "triton"]
print(", ".join(f"{name}: {name in sys.modules}" for name in names))'

frozen() { # what to import
  local code=0
  "$python" -c "import gc, $1; gc.freeze()" 2> "$work/stderr" || code=$?
  echo "exit code $code, $(grep -c '^nanobind: leaked' "$work/stderr" || true) reports of leaks"
}

cd "$work"
seen="torch alone loads $("$python" -c "import torch$loaded")
with torchvision $("$python" -c "import torchvision$loaded")
frozen, torch alone: $(frozen torch)
frozen, with torchvision: $(frozen torchvision)"
echo "$seen"
expected='torch alone loads torch._dynamo: False, torch._inductor: False, torch.distributed.fsdp: False, sympy: False, triton: False
with torchvision torch._dynamo: True, torch._inductor: True, torch.distributed.fsdp: True, sympy: True, triton: True
frozen, torch alone: exit code 0, 0 reports of leaks
frozen, with torchvision: exit code 0, 3 reports of leaks'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
