"""``torchrun codo finetune`` and ``torchrun codo evaluate``: two processes through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codo.core.run import Run
from codo.detection.evaluate import evaluate
from codo.training import checkpoint
from tests.annotations.synthetic import coco, write
from tests.detection.test_finetune import QUICK


def torchrun(*arguments: str) -> str:
    """What a user types; returns what is printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, "-m", "codo.cli", *arguments], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained by two processes, on an odd number of images, so that they evaluate unequal shares."""
    folder = tmp_path_factory.mktemp("ranks")
    for split, images in (("train", 6), ("val", 5)):
        write(folder / "data", *coco(images), split)
    settings: dict[str, Any] = {**QUICK, "data": str(folder / "data"), "batch_size": 4, "precise_bn": 2}
    settings |= {"eval_every": 2, "early_stop": 9, "detector": {**QUICK["detector"], "score_threshold": 0.0}}
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({key: value for key, value in settings.items() if "." not in key}))
    printed = torchrun("finetune", "-c", str(recipe), "steps=4", f"out={folder / 'run'}", "log.progress=false")
    assert printed.count("report.html") == 1  # only one process speaks
    return Run(folder / "run")


def test_two_processes_finetune(run: Run) -> None:
    evaluations = [row for row in run.metrics() if "ap/bbox/AP" in row]
    assert [row["step"] for row in evaluations] == [2, 4]
    assert checkpoint.load(run.checkpoints()[-1])["step"] == 4
    assert (run.exports_dir / "detector.safetensors").is_file()


def test_scores_do_not_depend_on_the_number_of_processes(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    printed = torchrun("evaluate", str(run.path), f"out={two}", "workers=0")
    alone = evaluate(run, workers=0, out=str(one))
    assert json.loads(printed) == alone
    assert two.read_bytes() == one.read_bytes()
    found = json.loads(one.read_bytes())
    assert len(found) > 20
    assert list(dict.fromkeys(row["image_id"] for row in found)) == [10, 15, 20, 25, 30]  # in the order of the images
    # What two processes logged while training is what one finds now; early stopping keeps the best of the two.
    best = max((row for row in run.metrics() if "ap/bbox/AP" in row), key=lambda row: row["ap/bbox/AP"])
    assert {name: best[f"ap/bbox/{name}"] for name in alone["bbox"]} == alone["bbox"]
    assert {name: best[f"ap/segm/{name}"] for name in alone["segm"]} == alone["segm"]
    assert json.loads((run.path / "detections_val.json").read_bytes()) == found
