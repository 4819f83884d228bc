#!/usr/bin/env bash
# torch 2.15.0: with Inductor's `freezing` a convolution in float64 cannot be compiled on CPUs; without it, it can.
#
# `torch._inductor.config.freezing` takes the weights of a network in evaluation mode as constants, and lays out those of
# convolutions for oneDNN, which has no float64. The check of which layers these are leaves linear ones in float64 out, but
# not convolutions (`_is_packable_convolution` in torch/_inductor/fx_passes/mkldnn_fusion.py), and compiling ends in
# "itensor_view_from_dense expects float/bfloat16/half/int8/fp8 tensor inputDouble". In float32 the same network works, and
# in float64 it works compiled without freezing. Who tests a compiled network in float64, to tell rounding from faults, meets it.
#
# Seen on Linux, Python 3.11, g++ (about 7 GB are installed for a while):
#   torch.float32, freezing False: compiled
#   torch.float32, freezing True: compiled
#   torch.float64, freezing False: compiled
#   torch.float64, freezing True: BackendCompilerFailed
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > "$work/float64.py" <<'PYTHON'
import torch
import torch._inductor.config
from torch import nn

for dtype in (torch.float32, torch.float64):
    for freezing in (False, True):
        torch.compiler.reset()
        network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)).eval().requires_grad_(False).to(dtype)
        with torch.no_grad(), torch._inductor.config.patch(freezing=freezing):
            try:
                torch.compile(network)(torch.randn(1, 3, 16, 16, dtype=dtype))
                result = "compiled"
            except torch._dynamo.exc.BackendCompilerFailed as error:
                assert "itensor_view_from_dense" in str(error), error
                result = type(error).__name__
        print(f"{dtype}, freezing {freezing}: {result}")
PYTHON

cd "$work"
export TORCHINDUCTOR_CACHE_DIR="$work/cache"
seen="$("$work/venv/bin/python" float64.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='torch.float32, freezing False: compiled
torch.float32, freezing True: compiled
torch.float64, freezing False: compiled
torch.float64, freezing True: BackendCompilerFailed'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
