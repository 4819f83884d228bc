"""Who evaluates on images of the pretraining pool is told, by either verb."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import codo
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from tests.annotations.synthetic import coco, write
from tests.detection.test_finetune import QUICK
from tests.training import tiny

WARNING = "3 of 3 images to evaluate on were in the pretraining pool"


def test_finetuning_and_evaluating_warn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split, images in (("train", 8), ("val", 3)):
        write(tmp_path / "data", *coco(images, seed=images), split)
    codo.prepare([tmp_path / "data/train", tmp_path / "data/val"], tmp_path / "pool", jobs=1)
    settings = tiny.settings(tmp_path / "pool", tmp_path / "pretrained", steps=1, probe=None)
    pretrained = codo.pretrain(**settings)
    settings = {**QUICK, "data": tmp_path / "data", "steps": 1, "model": tiny.MODEL}
    run = finetune(None, **{**settings, "weights": pretrained, "out": tmp_path / "run"})
    assert f"WARNING {WARNING} of {pretrained.path}" in (run.path / "train.log").read_text()
    for source in (run.path, run.exports_dir / "detector.safetensors"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            evaluate(source, tmp_path / "data", workers=0)
        assert WARNING in caplog.text
    caplog.clear()
    scratch = finetune(None, **{**settings, "out": tmp_path / "scratch"})
    evaluate(scratch, workers=0)
    assert "pretraining pool" not in (scratch.path / "train.log").read_text() + caplog.text
