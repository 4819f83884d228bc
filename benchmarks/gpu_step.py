"""T6: the training step on a GPU, against its roofline and against a plain float32 step; with the loader attached.

    make bench-gpu [DATA=…]                     all of it, into docs/results/bench-gpu.{json,md}
    python -m benchmarks.gpu_step --smoke       the same code, tiny, on a CPU: its numbers mean nothing

Steps: ResNet-50 with FPN at 224, bfloat16, 8 BatchNorm groups, batches on the device already; 2 and 4 views, batch 128
to 512, eager and compiled. The roofline is what the operators need one by one on an H100: 288 microseconds a sample for
2 views, 447 for 4 (docs/performance.md#floor-of-the-step; `codo.planning.flop_counter` counts 273 for 2). A size that
does not fit is told and left out. With the loader: ``codo pretrain`` itself on a packed catalog, its own measure of the
wait for data.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

import codo
from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.plain_step import PlainStep
from benchmarks.row import Check, Row, Spread
from benchmarks.steps import OPTIM, TINY, OurStep, Size, method, settings, views
from codo.loading.step_dataset import ViewBatch
from codo.planning.flop_counter import count_step

ROOFLINE_US = {2: 288.0, 4: 447.0}
"""docs/performance.md#floor-of-the-step: an H100 at 790 TFLOP/s and 3.0 TB/s, BatchNorm and ReLU not fused."""
SIZES = [Size(batch, count) for count in (2, 4) for batch in (128, 256, 512)]
PLAIN_BATCH = 128  # float32 activations of more may not fit


def rows(options: argparse.Namespace) -> Iterator[Row]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.smoke:
        raise SystemExit("T6 needs a GPU; --smoke runs it tiny on the CPU")
    sizes = [size.tiny() for size in (SIZES[0], SIZES[3])] if options.smoke else SIZES
    for size in sizes:
        for compiled in (False, True):
            if compiled and options.smoke:
                continue  # compiling for a CPU takes minutes
            yield from attempt(partial(roofline_row, size, device, compiled, options.smoke), name(size, compiled))
    for count in (2, 4):
        size = Size(PLAIN_BATCH, count)
        size = size.tiny() if options.smoke else size
        yield from attempt(partial(plain_row, size, device, options.smoke), f"plain, {count} views")
    yield loader_row(options, device)


def name(size: Size, compiled: bool) -> str:
    return f"{size.views} views, batch {size.batch}, {'compiled' if compiled else 'eager'}"


def attempt(measure: Callable[[], Row], what: str) -> Iterator[Row]:
    """The row, unless it does not fit into memory."""
    try:
        yield measure()
    except torch.OutOfMemoryError:
        print(f"{what}: does not fit into the memory of this GPU", flush=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def roofline_row(size: Size, device: torch.device, compiled: bool, smoke: bool) -> Row:
    """Our step against the roofline, with its peak memory beside the calculated floor."""
    batch = views(size, device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ours = OurStep(method(size, device), bf16=True, compiled=compiled)
    spread = per_sample_us(lambda: ours(batch), size.batch, device, smoke)
    roofline = ROOFLINE_US[size.views]
    floor = count_step(settings(size), size.batch).memory / 2**30
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
    return Row(
        "T6",
        f"step, {name(size, compiled)}",
        "us a sample",
        spread,
        reference=Spread.of([roofline]),
        ratio=Spread(*(roofline / us for us in (spread.median, spread.high, spread.low)), spread.n),
        reference_is="the roofline of its operators",
        least_ratio=0.75,
        note=f"{1e6 / spread.median:.0f} samples a second; peak memory {peak:.1f} GiB, calculated floor "
        f"{floor:.1f} GiB; {_gpu(device)}",
    )


def plain_row(size: Size, device: torch.device, smoke: bool) -> Row:
    """Our step against the same step as one would write it down first, eager both."""
    batch, start = views(size, device), method(size, device)

    def timed(step: Callable[[ViewBatch], object]) -> Spread:
        return per_sample_us(lambda: step(batch), size.batch, device, smoke)

    theirs = timed(PlainStep(start, OPTIM))  # gone before ours needs the memory
    ours = timed(OurStep(start, bf16=True))
    return Row(
        "T6",
        f"step, {name(size, False)}",
        "us a sample",
        ours,
        reference=theirs,
        ratio=Spread.of([theirs.median / ours.median]),
        reference_is="the same step in float32, NCHW, eager",
        least_ratio=2,
        note=_gpu(device),
    )


def per_sample_us(step: Callable[[], object], samples: int, device: torch.device, smoke: bool) -> Spread:
    """Microseconds a sample, in runs of several steps without a stop in between."""
    runs, steps, warm = (1, 1, 1) if smoke else (7, 10, 12)
    for _ in range(warm):
        step()
    found = []
    for _ in range(runs):
        wait(device)
        began = time.perf_counter()
        for _ in range(steps):
            step()
        wait(device)
        found.append(1e6 * (time.perf_counter() - began) / (steps * samples))
    return Spread.of(found)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def loader_row(options: argparse.Namespace, device: torch.device) -> Row:
    """The share of the time that ``codo pretrain`` waits for data from a packed catalog."""
    size = Size(256)
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "photographs"
        photographs(options.data, files, 16 if options.smoke else 4096)
        prepared = {
            name: str(codo.prepare(files, Path(scratch) / name, pack=side, propose=propose, progress=False).path)
            for name, side, propose in (("foregrounds", 320, True), ("backgrounds", 256, False))
        }
        every = 2 if options.smoke else 15
        given: dict[str, Any] = {
            "foregrounds": prepared["foregrounds"],
            "backgrounds": [prepared["backgrounds"]],
            "out": str(Path(scratch) / "run"),
            "batch_size": size.batch,
            "steps": 4 * every,
            "probe": None,
            "contrast.bn_groups": size.groups,
            "augment.device": "device",
            "log.every": every,
            "log.progress": False,
        }
        if options.smoke:
            tiny = size.tiny()
            given |= {"batch_size": 8, "canvas": 64, "contrast": {"queue": tiny.queue, "bn_groups": 2}}
            given |= {"model": TINY.model_dump(), "workers": 1, "device": device.type}
            del given["contrast.bn_groups"]
        laps = [row for row in codo.pretrain(**given).metrics() if "time/data_wait" in row][1:]  # the first warms up
    waits = Spread.of([100 * lap["time/data_wait"] for lap in laps])
    rate = Spread.of([lap["time/images_per_s"] / size.views for lap in laps])
    return Row(
        "T6",
        f"wait for data, packed catalog, {name(replace(size, batch=given['batch_size']), False)}",
        "%",
        waits,
        most=5,
        checks=(Check(f"{len(laps)} laps of {every} steps", len(laps) == 3),),
        note=f"{rate} samples a second; {_gpu(device)}",
    )


def _gpu(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "on the CPU"


if __name__ == "__main__":
    run(__doc__, rows)
