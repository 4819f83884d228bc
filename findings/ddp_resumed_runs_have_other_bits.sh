#!/usr/bin/env bash
# torch 2.15.0: with DistributedDataParallel and more than two processes, a run that is resumed from exact weights does
# not compute the bits of the run that goes on.
#
# After its first backward pass DDP groups the gradients into buckets anew, in the order in which they became ready. A
# wrapper that is made for a resumed run starts with the first grouping again. gloo's all-reduce splits a bucket into one
# part for each process, and sums each part in another order of processes; so the order in which a gradient is summed
# depends on its place in its bucket. A sum of two numbers does not care, a sum of three does. Data, weights and random
# numbers may be restored to the bit, and the first step after resuming still differs in its last digits. Nothing in the
# notes on reproducibility says so. `find_unused_parameters=True` keeps the first grouping, and the bits.
#
# Seen on Linux, Python 3.11, CPU, gloo (about 7 GB are installed for a while):
#   2 processes, default: same bits
#   2 processes, find_unused_parameters: same bits
#   4 processes, default: other bits
#   4 processes, find_unused_parameters: same bits
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

cat > "$work/resume.py" <<'PYTHON'
import os
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

STEPS = 4


def model():
    torch.manual_seed(0)
    return nn.Sequential(*(layer for width in (64, 96, 160, 64) for layer in (nn.LazyLinear(width), nn.ReLU())))


def train(net, first, last, rank, **options):
    """Some steps of plain SGD in a new wrapper, as after loading a checkpoint."""
    wrapped = DistributedDataParallel(net, bucket_cap_mb=0.02, **options)
    for step in range(first, last):
        data = torch.Generator().manual_seed(100 * step + rank)
        wrapped(torch.randn(8, 32, generator=data)).square().mean().backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None


def work(rank, world, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/{world}", rank=rank, world_size=world)
    for words, options in (("default", {}), ("find_unused_parameters", {"find_unused_parameters": True})):
        ends = []
        for stops in ((0, STEPS), (0, 2, STEPS)):
            net = model()
            net(torch.zeros(1, 32))
            for first, last in zip(stops, stops[1:]):
                train(net, first, last, rank, **options)
            ends.append(torch.cat([parameter.detach().flatten() for parameter in net.parameters()]))
        if rank == 0:
            print(f"{world} processes, {words}: {'same' if torch.equal(*ends) else 'other'} bits", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    for world in (2, 4):
        mp.spawn(work, (world, sys.argv[1]), nprocs=world)
PYTHON

seen="$(OMP_NUM_THREADS=1 "$work/venv/bin/python" "$work/resume.py" "$work" 2>/dev/null)"
echo "$seen"
expected="2 processes, default: same bits
2 processes, find_unused_parameters: same bits
4 processes, default: other bits
4 processes, find_unused_parameters: same bits"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
