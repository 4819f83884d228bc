"""Bands and ranges of pretraining travel with its run and exports: labeled images and probes are read by them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import codo
from codo.comparison.compare_settings import CompareSettings
from codo.comparison.grid import read_alike
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run
from codo.detection.detector_io import SavedDetector
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune, resolve_settings
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.load_pretrained import read_as_pretrained
from codo.models.encoder import ModelSettings
from codo.models.pixel_rules import PixelRules
from codo.probes.pictures import picture_probe
from tests.annotations.synthetic import coco, write
from tests.detection.test_finetune import QUICK
from tests.rasters.files import tiff
from tests.training import tiny

RULES = PixelRules("percentile", (4, 3, 2))
GIVEN = {"bands": [4, 3, 2], "value_range": "percentile"}


def scene(number: int, height: int = 72, width: int = 96) -> np.ndarray:
    """Five bands of 12 bits: noise around a level that differs from band to band."""
    noise = np.random.default_rng(number).integers(0, 400, (height, width, 5))
    return (noise + 500 * np.arange(5)).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog, class folders and labeled images of such TIFFs."""
    root = tmp_path_factory.mktemp("pixels")
    for split in ("train", "val"):
        for name in ("field", "town"):
            (root / "classes" / split / name).mkdir(parents=True)
            for i in range(4):
                (root / "classes" / split / name / f"{i}.tif").write_bytes(tiff(scene(i)))
        write(root / "labeled", *coco(4), split)
    for path in (root / "labeled").rglob("*.png"):
        path.write_bytes(tiff(scene(9, 64)))
    codo.prepare(root / "classes", root / "catalog", jobs=1, **GIVEN)
    return root


@pytest.fixture(scope="module")
def arguments(folder: Path) -> dict[str, Any]:
    probe = {"every": 3, "proposals": 8, "group": 4, "image_folder": str(folder / "classes")}
    return tiny.settings(folder / "catalog", folder / "run", steps=2, checkpoint_every=1, probe=probe)


@pytest.fixture(scope="module")
def run(arguments: dict[str, Any]) -> Run:
    return codo.pretrain(**arguments)


def test_the_run_records_them_and_says_so_once(run: Run) -> None:
    assert run.config["model"]["pixels"] == {"value_range": "percentile", "bands": [4, 3, 2], "nodata": None}
    log = (run.path / "train.log").read_text()
    assert (
        log.count("images became colors by bands=[4,3,2] value_range=percentile; labeled images are read likewise") == 1
    )


def test_class_folders_are_read_as_the_catalog(folder: Path) -> None:
    probe = picture_probe(str(folder / "classes"), 8, 32, RULES)
    assert 110 < probe.train.images.float().mean() < 145  # stretched; 12 bits without the range would be darker
    plain = picture_probe(str(folder / "classes"), 8, 32)
    assert plain.train.images[..., 0].float().mean() < 30


def test_detectors_from_the_run_and_its_export_read_alike(run: Run, folder: Path, tmp_path: Path) -> None:
    given = {"data": str(folder / "labeled"), "out": str(tmp_path / "out")}
    for weights in (run.path, codo.export(run, to="safetensors")):
        settings = resolve_settings(None, {**given, "weights": str(weights)})
        assert settings.data.pixel_rules == settings.model.pixels.pixel_rules == RULES
    own = resolve_settings(None, {**given, "weights": str(run.path), "data.bands": [1, 2, 3]})
    assert own.data.pixel_rules == own.model.pixels.pixel_rules == PixelRules("percentile", (1, 2, 3))
    bare = resolve_settings(None, {**given, "weights": "none"})
    assert (bare.data.pixel_rules, bare.model.pixels) == (PixelRules(), None)


def test_finetuning_and_evaluation_read_alike(run: Run, folder: Path, tmp_path: Path) -> None:
    labeled = str(folder / "labeled")
    options = {**QUICK, "model": {}, "steps": 1, "masks": False, "data": labeled, "out": str(tmp_path / "detector")}
    detector = finetune(None, weights=str(run.path), **options)
    log = (detector.path / "train.log").read_text()
    assert "image files become colors by bands=[4,3,2] value_range=percentile" in log
    assert "image files become colors by" in (detector.path / "data.txt").read_text()
    assert "those of pretraining" not in log
    saved = SavedDetector.load(detector.exports_dir / "detector.safetensors")
    assert saved.card.model.pixels.pixel_rules == RULES
    assert evaluate(detector.exports_dir / "detector.safetensors", labeled) == evaluate(detector)
    model = saved.card.model
    other = resolve(FinetuneSettings, None, {**options, "data.bands": [1, 2, 3], "model": model.model_dump()})
    settings, warning = read_as_pretrained(other.model_copy(update={"out": str(tmp_path / "new")}))
    assert settings.data.pixel_rules == PixelRules("percentile", (1, 2, 3))
    assert warning == (
        "labeled images become colors by bands=[1,2,3] value_range=percentile, those of pretraining by bands=[4,3,2] "
        "value_range=percentile"
    )


def test_a_run_from_before_goes_on_without(run: Run, arguments: dict[str, Any], tmp_path: Path) -> None:
    """As if its last step had not been done, and its settings written by an older version."""
    old = tmp_path / "old"
    shutil.copytree(run.path, old)
    config = {**run.config, "out": str(old)}
    del config["model"]["pixels"]
    (old / "config.yaml").write_text(yaml.safe_dump(config))
    Run(old).checkpoints()[-1].unlink()
    (old / "checkpoints/last").write_text(Run(old).checkpoints()[-1].name)
    again = codo.pretrain(**{**arguments, "out": str(old)})
    assert again.config["model"]["pixels"] is None
    assert "resumed from step 1" in (old / "train.log").read_text()


def test_a_comparison_reads_all_alike(run: Run, folder: Path, tmp_path: Path) -> None:
    def settings(inits: list[str], **data: Any) -> CompareSettings:
        labeled = {"folder": str(folder / "labeled"), **data}
        return CompareSettings.model_validate({"inits": inits, "data": labeled, "out": str(tmp_path), "steps": 1})

    trunk = ModelSettings(**tiny.MODEL)
    assert read_alike(settings(["none", str(run.path)]), trunk).data.pixel_rules == RULES
    assert read_alike(settings(["none"]), trunk).data.pixel_rules == PixelRules()
    other = tmp_path / "other"
    shutil.copytree(run.path, other)
    config = {**run.config}
    config["model"]["pixels"] = {"bands": [1, 2, 3]}
    (other / "config.yaml").write_text(yaml.safe_dump(config))
    both = [str(run.path), str(other)]
    with pytest.raises(InputError, match="different ways"):
        read_alike(settings(both), trunk)
    assert read_alike(settings(both, bands=[5]), trunk).data.bands == (5,)
