"""T5: a training step with a frozen backbone on the CPU, against the step that trains everything.

    python -m benchmarks.frozen_step [--batch N] [--groups N]

ResNet-50 with FPN at 224, two views, one thread, process CPU time, both sides in turn and in the same precision (see
`step`). The frozen parts are computed as with ``compile=false`` and, if there is a C++ compiler, as with
``compile=frozen``. A frozen backbone still computes the maps of both views, which no run can avoid: every view is new.
With a symmetric loss both encoders see both views, and share the maps of a frozen backbone. What the operations alone
would give is told beside the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

from benchmarks.command import run
from benchmarks.row import Check, Row
from benchmarks.step import ROUNDS, has_bf16
from benchmarks.steps import OurStep, Size, method, views
from benchmarks.timing import alternate
from codo.core.errors import InputError
from codo.loading.step_dataset import ViewBatch
from codo.machine.compiler import check_compiler
from codo.methods.freezing import compile_frozen, freeze
from codo.planning.flop_counter import Operations

CASES = (
    (("backbone",), False, False),
    (("backbone",), False, True),
    (("backbone",), True, False),
    (("backbone",), True, True),
    (("backbone", "fpn"), False, False),
)
"""What is frozen, whether the loss is symmetric, and whether the frozen parts are compiled."""
MOST = 0.45
"""A step with a frozen backbone is to take at most this share of a full step's time."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--groups", type=int, default=2)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    torch.set_num_threads(1)
    size, bf16 = Size(options.batch, groups=options.groups), has_bf16()
    if options.smoke:
        size = size.tiny()
    cpu = torch.device("cpu")
    batch = views(size, cpu)
    compiles = has_compiler(cpu)
    for parts, symmetric, compiled in CASES:
        if compiled and not compiles:
            continue
        full = OurStep(method(size, cpu, symmetric=symmetric), bf16=bf16)
        partly = method(size, cpu, symmetric=symmetric)
        freeze(partly, parts)
        before = [parameter.clone() for part in parts for parameter in partly.exports()[part].parameters()]
        ours = OurStep(partly, bf16=bf16)
        flops = [counted(step, batch) for step in (full, ours)]  # also warms them up
        if compiled:
            compile_frozen(partly)
            ours(batch)
        times = alternate(full, ours, [batch], rounds=1 if options.smoke else ROUNDS)
        after = [parameter for part in parts for parameter in partly.exports()[part].parameters()]
        same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        yield Row(
            "T5",
            f"step with frozen {' and '.join(parts)}{', symmetric loss' if symmetric else ''}"
            f"{', compiled' if compiled else ''}, R50-FPN {size.canvas}, "
            f"batch {size.batch}, {'bf16' if bf16 else 'fp32'}",
            "s",
            **times.spreads(1),
            reference_is="the same step with everything trained",
            least_ratio=1 / MOST if parts == ("backbone",) else None,
            checks=(Check("the frozen weights are the same afterwards", same),),
            note=f"{times.ours[0] / times.reference[0]:.2f} of the time, {flops[1] / flops[0]:.2f} of the operations",
        )


def has_compiler(device: torch.device) -> bool:
    """Whether torch.compile works."""
    try:
        check_compiler(device)
    except InputError:
        return False
    return True


def counted(step: OurStep, batch: ViewBatch) -> float:
    """Floating-point operations of a step."""
    with Operations() as operations:
        step(batch)
    return operations.flops


if __name__ == "__main__":
    run(__doc__, rows, arguments)
