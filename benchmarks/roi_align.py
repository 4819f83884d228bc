"""RoIAlign as two matrix products against torchvision's operator, alternately in one process.

    python benchmarks/roi_align.py [--threads N] [--json FILE]

One box per image from the maps P2 to P5, batch 16, 256 channels, channels_last. torchvision has no bfloat16 kernel on
the CPU, so there it is given float32 as autocast does. Prints median and spread (quartiles) in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torchvision.ops import roi_align as torchvision_roi_align

from codo.models.backbone import STRIDES
from codo.models.roi_align import roi_align

BATCH, CHANNELS, REPEATS = 16, 256, 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [
        measure(canvas, dtype, backward)
        for canvas in (224, 96)
        for dtype in (torch.float32, torch.bfloat16)
        for backward in (False, True)
    ]
    print(f"{'canvas':>6} {'dtype':>9} {'pass':>8} {'torchvision ms':>22} {'ours ms':>22} {'ratio':>6} {'max diff':>9}")
    for row in rows:
        theirs, ours = (f"{row[k][1]:.1f} [{row[k][0]:.1f}, {row[k][2]:.1f}]" for k in ("torchvision", "ours"))
        print(
            f"{row['canvas']:>6} {row['dtype']:>9} {row['pass']:>8} {theirs:>22} {ours:>22} "
            f"{row['ratio']:>6.1f} {row['difference']:>9.1e}"
        )
    if options.json:
        options.json.write_text(json.dumps({"threads": options.threads, "rows": rows}, indent=2) + "\n")


def measure(canvas: int, dtype: torch.dtype, backward: bool) -> dict[str, object]:
    generator = torch.Generator().manual_seed(0)
    maps = [
        torch.randn(BATCH, CHANNELS, canvas // stride, canvas // stride, generator=generator)
        .to(dtype, memory_format=torch.channels_last)
        .requires_grad_()
        for stride in STRIDES
    ]
    sides = canvas * (0.5 + 0.5 * torch.rand(BATCH, 2, generator=generator))
    corner = (canvas - sides) * torch.rand(BATCH, 2, generator=generator)
    boxes = torch.cat([corner, corner + sides], dim=1)
    rois = torch.cat([torch.arange(BATCH)[:, None], boxes], dim=1)

    def ours() -> list[Tensor]:
        return [roi_align(m, boxes, 1 / stride) for m, stride in zip(maps, STRIDES, strict=True)]

    def theirs() -> list[Tensor]:
        return [
            torchvision_roi_align(m.float(), rois, 7, 1 / stride, sampling_ratio=-1, aligned=True).to(dtype)
            for m, stride in zip(maps, STRIDES, strict=True)
        ]

    def timed(pool: Callable[[], list[Tensor]]) -> float:
        start = time.perf_counter()
        pooled = pool()
        if backward:
            torch.autograd.grad([p.float().square().sum() for p in pooled], maps)
        return 1000 * (time.perf_counter() - start)

    with torch.no_grad():
        difference = max(float((a - b).abs().max()) for a, b in zip(ours(), theirs(), strict=True))
    timed(ours), timed(theirs)
    times = [(timed(ours), timed(theirs)) for _ in range(REPEATS)]
    quartiles = [statistics.quantiles(column, n=4) for column in zip(*times, strict=True)]
    return {
        "canvas": canvas,
        "dtype": str(dtype).removeprefix("torch."),
        "pass": "both" if backward else "forward",
        "ours": quartiles[0],
        "torchvision": quartiles[1],
        "ratio": quartiles[1][1] / quartiles[0][1],
        "difference": difference,
    }


if __name__ == "__main__":
    main()
