"""T5: a training step on the CPU, against the same step written plainly (`plain_step`).

    python -m benchmarks.step [--compile] [--batch N] [--groups N]

ResNet-50 with FPN at 224, two views, two BatchNorm groups, one thread, process CPU time, both sides in turn. Ours
computes in bfloat16 where the processor has instructions for it; elsewhere bfloat16 is emulated and many times slower
than float32 (``precision=auto`` therefore means float32 on CPUs), so that ours then computes in float32 and the row
says so. What bounds the step is told too: its floating-point operations at the rate that a plain product of two
matrices of the same type reaches on the same core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import torch

from benchmarks.command import run
from benchmarks.plain_step import PlainStep
from benchmarks.row import Check, Row
from benchmarks.steps import OPTIM, OurStep, Size, method, views
from benchmarks.timing import alternate, timed
from codo.planning.flop_counter import Operations

ROUNDS = 3
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names in /proc/cpuinfo: x86 with AVX-512 or AMX, ARM."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compile", action="store_true", help="ours by torch.compile: minutes before the first step")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--groups", type=int, default=2)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    torch.set_num_threads(1)
    size, bf16 = Size(options.batch, groups=options.groups), has_bf16()
    if options.smoke:
        size = size.tiny()
    cpu = torch.device("cpu")
    start, batch = method(size, cpu), views(size, cpu)
    plain = PlainStep(start, OPTIM)
    ours = OurStep(start, bf16=bf16, compiled=options.compile)
    first = plain(batch)  # also warms it up
    with nullcontext() if options.compile else Operations() as counted:
        apart = abs(ours(batch).item() / first - 1)
    times = alternate(plain, ours, [batch], rounds=1 if options.smoke else ROUNDS)
    told = f"{size.batch / times.ours[0]:.2f} samples a second and core"
    if counted is not None:
        peak = product_rate(torch.bfloat16 if bf16 else torch.float32)
        told += f"; {counted.flops / 1e9:.0f} GFLOP at {counted.flops / times.ours[0] / 1e9:.0f} a second, of "
        told += f"{peak / 1e9:.0f} that products of matrices reach: {counted.flops / peak:.2f} s, were all else free"
    if not bf16:
        told += "; this processor has no instructions for bfloat16, so ours is in float32 as well"
    yield Row(
        "T5",
        f"training step, R50-FPN {size.canvas}, batch {size.batch}, {'bf16' if bf16 else 'fp32'}"
        + (", compiled" if options.compile else ", eager"),
        "s",
        **times.spreads(1),
        reference_is="the same step in float32, NCHW, eager",
        least_ratio=2,
        checks=(Check(f"the losses of the first step differ by {apart:.1e}", apart < (0.01 if bf16 else 1e-4)),),
        note=told,
    )


def product_rate(dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large product of matrices."""
    side = 2048
    a, b = torch.randn(2, side, side).to(dtype).unbind()
    return 2 * side**3 / min(timed(lambda _: a @ b, None) for _ in range(5))


def has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(
        BF16_FLAGS & set(line.partition(":")[2].split()) for line in lines if line.startswith(("flags", "Features"))
    )


if __name__ == "__main__":
    run(__doc__, rows, arguments)
