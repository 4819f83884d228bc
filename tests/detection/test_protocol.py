"""What a run says of its BatchNorm, its learning rate and its length."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codo.core.errors import InputError
from codo.detection.finetune import finetune, resolve_norm
from codo.detection.optim import DetectorOptimSettings
from codo.detection.protocol import describe_length, describe_lr, describe_norm
from codo.optim.optimizer import Schedule
from codo.training.distributed import DistributedContext
from tests.conftest import MakeData
from tests.detection.test_finetune import QUICK

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")


@pytest.mark.parametrize(
    ("world", "device", "expected"), [(1, GPU, "batch"), (8, GPU, "sync"), (1, CPU, "batch"), (2, CPU, "batch")]
)
def test_auto_is_sync_on_several_gpus_only(world: int, device: torch.device, expected: str) -> None:
    assert resolve_norm("auto", DistributedContext(0, world, device)) == expected
    assert resolve_norm("frozen", DistributedContext(0, world, device)) == "frozen"


def test_sync_needs_gpus() -> None:
    assert resolve_norm("sync", DistributedContext(0, 1, GPU)) == "sync"
    with pytest.raises(InputError, match="norm=sync needs GPUs"):
        resolve_norm("sync", DistributedContext(0, 2, CPU))


@pytest.mark.parametrize(
    ("norm", "world", "said", "hint"),
    [
        ("sync", 8, "the 16 images of all 8 processes", False),
        ("batch", 1, "the 16 images of a step; SyncBN, as in the papers, needs several GPUs", False),
        ("batch", 4, "each process's 4 of 16 images", False),
        ("batch", 8, "each process's 2 of 16 images", True),
        ("frozen", 8, "keeps the statistics and scales of the weights", False),
    ],
)
def test_batchdescribe_norm(norm: str, world: int, said: str, hint: bool) -> None:
    text = describe_norm(norm, 16, DistributedContext(0, world, GPU), "imagenet")
    assert text.startswith(f"norm={norm}: ")
    assert said in text
    assert ("norm=frozen may be better" in text) == hint
    assert "may be better" not in describe_norm(norm, 16, DistributedContext(0, world, GPU), "none")


@pytest.mark.parametrize(
    ("rule", "batch", "said"),
    [
        ("linear", 16, "lr 0.02 for 16 images per step (optim.lr_scaling=linear: 0.02 for 16)"),
        ("linear", 4, "lr 0.005 for 4 images per step (optim.lr_scaling=linear: 0.02 for 16)"),
        ("sqrt", 4, "lr 0.01 for 4 images per step (optim.lr_scaling=sqrt: 0.02 for 16)"),
        ("none", 4, "lr 0.02 for 4 images per step (optim.lr_scaling=none: independent of the batch size)"),
    ],
)
def test_the_rule_of_the_learning_rate_is_logged(rule: str, batch: int, said: str) -> None:
    optim = DetectorOptimSettings.model_validate({"lr_scaling": rule})
    schedule = Schedule(optim, batch_size=batch, steps=10, per_epoch=5, reference=optim.reference_batch)
    assert describe_lr(optim, schedule, batch) == said


def test_1x_is_12_epochs_of_coco() -> None:
    """117266 of the 118287 images of train2017 have objects; 90000 x 16 / 117266 = 12.28."""
    assert describe_length(90_000, 16, 117_266, 1000) == (
        "90000 steps, 1000 of them warm-up: 12.3 epochs of 117266 images"
    )


def test_a_run_says_and_does_it(make_data: MakeData, tmp_path: Path) -> None:
    """On one process, with 2 images a step: the lr of each step is that of the rule, by hand."""
    optim = {"lr": 0.02, "warmup_steps": 2, "warmup_factor": 0.5, "schedule": "multistep", "milestones": [0.5, 0.75]}
    settings = {**QUICK, "data": make_data(images=2), "batch_size": 2, "steps": 8, "optim": optim, "log.every": 1}
    run = finetune(None, **{**settings, "out": tmp_path / "run"})
    peak = 0.02 * 2 / 16
    by_hand = [peak / 2, peak * 0.75, peak, peak, peak / 10, peak / 10, peak / 100, peak / 100]
    assert [row["lr"] for row in run.metrics()] == pytest.approx(by_hand, rel=1e-12)
    log = (run.path / "train.log").read_text()
    assert "norm=batch: BatchNorm uses the statistics of the 2 images of a step" in log
    assert "lr 0.0025 for 2 images per step (optim.lr_scaling=linear: 0.02 for 16)" in log
    assert "8 steps, 2 of them warm-up: 8.0 epochs of 2 images" in log
