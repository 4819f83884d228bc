"""T10: from starting a killed run again to its first new step, beyond building its model, anywhere in an epoch.

    python -m benchmarks.resume [--data DIR] [--rows N]

The run is the paper's in everything that costs time here: ResNet-50 with FPN, a queue of 65,536 for each level (a
checkpoint of 0.6 GB) and a catalog of 1.3 million rows; canvas and batch are small. It is killed after its first
checkpoint and started again in a fresh process; then the checkpoint's step is set to the last ones of the epoch, and it
is started once more. Timed, by the wall clock, is everything from starting Python to the first batch in the hands of
the loop: imports, opening the catalog, reading the checkpoint, starting the loader. What a process takes that only
imports torch and builds the model is the reference, run in turn; the bound is on the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.command import run
from benchmarks.large_catalog import IMAGENET, write_large
from benchmarks.pictures import photographs
from benchmarks.row import Check, Row, Spread

BATCH = 4


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=IMAGENET)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    count = 500 if options.smoke else options.rows
    with tempfile.TemporaryDirectory() as scratch:
        files = photographs(options.data, Path(scratch) / "photographs", 8 if options.smoke else 48)
        catalog = str(write_large(Path(scratch) / "catalog", files, count))
        settings: dict[str, Any] = {
            "foregrounds": catalog,
            "backgrounds": [catalog],
            "out": str(Path(scratch) / "run"),
            "canvas": 64,
            "batch_size": BATCH,
            "epochs": 1,
            "checkpoint_every": 2,
            "probe": None,
            "workers": 1,
            "contrast": {"queue": 1024 if options.smoke else 65536, "bn_groups": 0},
        }
        if options.smoke:
            settings["model"] = {"backbone": "resnet18", "width": 0.25, "fpn_channels": 32, "head_dim": 64}
        saved = train_until_saved(settings)
        size = saved.stat().st_size / 1e6
        per_epoch = count // BATCH
        for where, step in (("early", 2), ("late", per_epoch - 2)):
            move(saved, step)
            runs = [(fresh(BUILD, settings), fresh(RESTART, settings)) for _ in range(1 if options.smoke else 3)]
            yield Row(
                "T10",
                f"restart {where} in an epoch of {count:,} images, beyond building the model",
                "s",
                Spread.of([restarted["seconds"] - built["seconds"] for built, restarted in runs]),
                most=5,
                checks=(Check(f"the first new step is {step + 1:,}", all(r["done"] == step for _, r in runs)),),
                note=f"building alone takes {statistics.median(b['seconds'] for b, _ in runs):.1f} s; "
                f"the checkpoint has {size:.0f} MB",
            )


def train_until_saved(settings: dict[str, Any]) -> Path:
    """Start the run and kill it as soon as it has a checkpoint; returns the checkpoint."""
    command = [sys.executable, "-c", "import json, sys, codo; codo.pretrain(**json.loads(sys.argv[1]))"]
    folder = Path(settings["out"]) / "checkpoints"
    with subprocess.Popen([*command, json.dumps(settings)], stderr=subprocess.DEVNULL, start_new_session=True) as child:
        while not (folder / "last").is_file():
            if child.poll() is not None:
                raise SystemExit(f"the run ended before its first checkpoint, with code {child.returncode}")
            time.sleep(0.1)
        os.killpg(child.pid, signal.SIGKILL)
    return max(folder.glob("step-*.pt"))


def move(checkpoint: Path, step: int) -> None:
    """Pretend that the checkpoint is of another step; it becomes the run's only one."""
    import torch

    from codo.training import checkpoint as checkpoints

    state = checkpoints.load(max(checkpoint.parent.glob("step-*.pt")))
    for old in checkpoint.parent.glob("step-*.pt"):
        old.unlink()
    torch.save({**state, "step": step}, checkpoint.with_name(f"step-{step:08d}.pt"))


def fresh(code: str, settings: dict[str, Any]) -> dict[str, float]:
    """Run a piece of Python in a process of its own: seconds since before it was started, and what else it prints."""
    command = [sys.executable, "-c", code, json.dumps(settings), repr(time.time())]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found


BUILD = """
import json, sys, time
from codo.methods.registry import build_method
from codo.training.pretrain_settings import PretrainSettings, method_setup
given = json.loads(sys.argv[1])
settings = PretrainSettings.model_validate(given)
build_method(settings.method, method_setup(settings))
print(json.dumps({"seconds": time.time() - float(sys.argv[2])}))
"""

RESTART = """
import json, sys, time
from importlib import import_module
pretraining = import_module("codo.training.pretrain")
found = {}

def first_batch(job):
    batches = iter(job.feed.batches)
    next(batches)
    found.update(seconds=time.time() - float(sys.argv[2]), done=job.start)
    del batches  # ends the loader's worker

pretraining.train = first_batch
pretraining.pretrain(**json.loads(sys.argv[1]))
print(json.dumps(found))
"""

if __name__ == "__main__":
    run(__doc__, rows, arguments)
