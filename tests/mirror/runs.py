"""Folders that look like a run, without training."""

from __future__ import annotations

from pathlib import Path

from codo.core.run import Run, start_run

CONFIG = {"method": "codo", "seed": 0, "out": "x", "mirror": "y"}


def started(folder: Path, *steps: int, **changes: object) -> Run:
    """A run with checkpoints of these steps."""
    run = start_run(folder, CONFIG | changes, "pretrain")
    for step in steps:
        add_checkpoint(run, step)
    return run


def add_checkpoint(run: Run, step: int) -> Path:
    """As the loop writes one: the log first."""
    with run.metrics_file.open("a") as file:
        file.write(f'{{"step": {step}}}\n')
    path = run.checkpoints_dir / f"step-{step:08d}.pt"
    path.write_bytes(b"%d" % step * 1000)
    (run.checkpoints_dir / "last").write_text(f"{path.name}\n")
    return path
