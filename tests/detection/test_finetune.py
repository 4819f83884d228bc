"""Finetuning and evaluating from end to end, on images small enough to learn by heart in seconds."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.config import resolve, shipped_recipes
from codo.core.errors import InputError
from codo.core.run import Run
from codo.detection.detector_io import SavedDetector
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from codo.detection.finetune_settings import FinetuneSettings
from codo.evaluation.coco_metrics import NAMES
from codo.training import checkpoint
from tests.annotations.synthetic import TINY, coco, write
from tests.conftest import MakeData

QUICK: dict[str, Any] = {
    **TINY,
    "batch_size": 4,
    "short_sides": [72],
    "workers": 0,
    "optim": {"lr": 0.05, "lr_scaling": "none", "warmup_steps": 20, "schedule": "cosine_step"},
    "log.progress": False,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned") / "data"
    for split in ("train", "val"):
        write(folder, *coco(4), split)
    return folder


@pytest.fixture(scope="module")
def learned(data: Path) -> Run:
    """A Mask R-CNN that has learned four images by heart."""
    return finetune(None, data=str(data), out=str(data.parent / "run"), steps=90, **QUICK)


def last(run: Run) -> dict[str, Any]:
    return run.metrics()[-1]


def test_a_few_images_are_learned_by_heart(learned: Run) -> None:
    row = last(learned)
    assert row["ap/bbox/AP50"] > 0.95
    assert row["ap/segm/AP50"] > 0.95
    assert (
        row["ap/bbox/AP75"] > 0.7
    )  # boxes come back in pixels of the image on disk, which is shown at 9/8 of its size
    assert row["ap/segm/AP75"] > 0.7
    assert row["ap/bbox/class/box"] > 0.5
    assert row["ap/bbox/class/disc"] > 0.5
    assert row["loss"] < learned.metrics()[0]["loss"] / 2


def test_a_run_says_what_it_did(learned: Run) -> None:
    row = last(learned)
    assert {f"ap/{kind}/{name}" for kind in ("bbox", "segm") for name in NAMES} <= row.keys()
    assert {"loss/objectness", "loss/rpn_box", "loss/class", "loss/box", "loss/mask", "lr", "grad_norm"} <= row.keys()
    assert learned.verb == "finetune"
    assert Path(learned.config["data"]["val"]).is_file()
    assert Path(learned.config["data"]["val_images"]).is_dir()


def numbers(run: Run) -> dict[str, dict[str, float]]:
    return {kind: {name: last(run)[f"ap/{kind}/{name}"] for name in NAMES} for kind in ("bbox", "segm")}


def test_evaluating_the_run_its_file_and_its_detections_gives_the_logged_numbers(
    learned: Run, data: Path, tmp_path: Path
) -> None:
    assert evaluate(learned, workers=0) == numbers(learned)
    exported = learned.exports_dir / "detector.safetensors"
    out = tmp_path / "found.json"
    assert evaluate(exported, data, workers=0, out=str(out)) == numbers(learned)
    assert json.loads(out.read_text()) == json.loads((learned.path / "detections_val.json").read_text())
    assert evaluate(out, data) == numbers(learned)
    oracle = evaluate(out, data, backend="pycocotools")
    assert {k: pytest.approx(v, abs=1e-6) for k, v in oracle.items()} == numbers(learned)
    assert evaluate(out, data, masks=False).keys() == {"bbox"}


def test_full_shared_memory_is_told_when_evaluating(
    learned: Run, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.loading.loader.free_memory", lambda: 0)
    with caplog.at_level(logging.WARNING):
        assert evaluate(learned, workers=1) == numbers(learned)
    assert "WARNING /dev/shm is full or missing: workers=0" in caplog.text


def test_the_exported_file_is_the_checkpoint_and_holds_torchvisions_names(learned: Run) -> None:
    file = learned.exports_dir / "detector.safetensors"
    assert file.stat().st_mode == (learned.path / "config.yaml").stat().st_mode  # others may read it as much
    saved = SavedDetector.load(file)
    state = checkpoint.load(learned.checkpoints()[-1])["method"]
    assert all(torch.equal(tensor, state[name]) for name, tensor in saved.detector.state_dict().items())
    names = set(saved.detector.detector.state_dict())
    assert {
        "backbone.body.conv1.weight",
        "rpn.head.cls_logits.weight",
        "roi_heads.mask_predictor.mask_fcn_logits.bias",
    } <= names
    assert [tuple(c) for c in saved.card.categories] == [(3, "box"), (8, "disc")]


def test_a_finished_run_continues_as_weights(learned: Run, data: Path, tmp_path: Path) -> None:
    run = finetune(None, **{**QUICK, "data": data, "weights": learned, "out": tmp_path / "on", "steps": 1, "model": {}})
    assert run.config["model"] == learned.config["model"]
    assert " 0 " in (run.path / "load_report.txt").read_text()


SHORT = {"steps": 4, "checkpoint_every": 2, "keep_checkpoints": 3, "log.every": 1, "short_sides": [48, 64]}


def weights(run: Run) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = checkpoint.load(run.checkpoints()[-1])["method"]
    return state


def without_times(run: Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if not k.startswith("time/")} for row in run.metrics()]


def test_a_resumed_run_and_one_with_workers_are_bit_identical(make_data: MakeData, tmp_path: Path) -> None:
    settings = {**QUICK, "data": make_data(images=5), "batch_size": 2, **SHORT}
    whole = finetune(None, **{**settings, "out": tmp_path / "whole"})
    shutil.copytree(whole.path, tmp_path / "killed")
    (tmp_path / "killed" / "checkpoints" / "step-00000004.pt").unlink()  # as after a kill in step 3
    torch.manual_seed(99)
    resumed = finetune(None, **{**settings, "out": tmp_path / "killed"})
    parallel = finetune(None, **{**settings, "out": tmp_path / "parallel", "workers": 2})
    expected = weights(whole)
    for other in (resumed, parallel):
        found = weights(other)
        assert without_times(other) == without_times(whole)
        assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
        assert (other.path / "detections_val.json").read_text() == (whole.path / "detections_val.json").read_text()


@pytest.fixture(scope="module")
def partial(learned: Run, data: Path) -> Run:
    """Finetuned from two parts of a detector, with a frozen backbone and RoI levels that follow the images."""
    return finetune(None, **partial_settings(learned, data), out=str(data.parent / "partial"))


def partial_settings(learned: Run, data: Path) -> dict[str, Any]:
    start = {
        "seed": 1,
        "weights": learned,
        "parts": ["backbone", "fpn"],
        "freeze": "backbone",
        "model": {},
        "masks": False,
    }
    detector = {**TINY["detector"], "canonical_scale": "auto"}
    return {**QUICK, **SHORT, "data": data, "batch_size": 2, **start, "detector": detector}


def test_a_run_from_some_parts_with_a_frozen_backbone_resumes_to_the_same_bits(
    partial: Run, learned: Run, data: Path, tmp_path: Path
) -> None:
    shutil.copytree(partial.path, tmp_path / "killed")
    (tmp_path / "killed" / "checkpoints" / "step-00000004.pt").unlink()
    torch.manual_seed(99)
    resumed = finetune(None, **partial_settings(learned, data), out=str(tmp_path / "killed"))
    assert without_times(resumed) == without_times(partial)
    expected, found, before = weights(partial), weights(resumed), weights(learned)
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    assert (resumed.path / "detections_val.json").read_text() == (partial.path / "detections_val.json").read_text()
    # What the settings say has happened to the weights: the backbone is the one taken, the pyramid has gone on from it.
    backbone = [name for name in before if name.startswith("detector.backbone.body.") and "batches" not in name]
    assert len(backbone) > 80
    assert [name for name in backbone if not torch.equal(expected[name], before[name])] == []
    fpn, head = (next(n for n in before if part in n and n.endswith("weight")) for part in ("fpn.", "box_head"))
    assert 0 < (expected[fpn] - before[fpn]).norm() < 0.5 * before[fpn].norm()
    assert (expected[head] - before[head]).norm() > 0.5 * before[head].norm()  # random, not taken


def test_roi_levels_that_follow_the_images_are_exported_and_evaluated(partial: Run, data: Path, tmp_path: Path) -> None:
    """The card has the resolved number, which a detector read back pools with."""
    file = partial.exports_dir / "detector.safetensors"
    saved = SavedDetector.load(file)
    scale = partial.config["detector"]["canonical_scale"]
    resolved = saved.card.detector.canonical_scale
    assert scale == "auto"
    assert resolved == pytest.approx(224 * 64 / 800)  # the largest short side of training
    assert saved.detector.detector.roi_heads.box_roi_pool.canonical_scale == resolved
    logged = {"bbox": {name: last(partial)[f"ap/bbox/{name}"] for name in NAMES}}
    assert evaluate(partial, workers=0) == logged
    assert evaluate(file, data, workers=0, masks=False, out=str(tmp_path / "found.json")) == logged
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(
        (partial.path / "detections_val.json").read_text()
    )


def test_a_run_that_saved_nothing_starts_anew_from_its_weights(learned: Run, data: Path, tmp_path: Path) -> None:
    settings = {**QUICK, "data": data, "weights": str(learned.path), "steps": 1, "model": {}, "optim.lr": 1e-9}
    run = finetune(None, **{**settings, "out": tmp_path / "run"})
    for path in run.checkpoints():
        path.unlink()
    again = finetune(None, **{**settings, "out": tmp_path / "run"})
    name = "detector.backbone.body.layer1.0.conv1.weight"
    torch.testing.assert_close(weights(again)[name], weights(learned)[name])


def test_a_run_does_not_go_on_with_other_labels(tmp_path: Path) -> None:
    """Its head would keep the old channels under the new names of the classes."""
    folder, (truth, pictures) = tmp_path / "data", coco(4)
    for split in ("train", "val"):
        write(folder, truth, pictures, split)
    given = {**QUICK, "data": str(folder), "out": str(tmp_path / "run"), "steps": 2}
    run = finetune(None, **given)
    card, rows = (run.path / "detector.json").read_text(), run.metrics()
    first, second = truth["categories"]
    renamed = [{**first, "name": second["name"]}, {**second, "name": first["name"]}]
    write(folder, {**truth, "categories": renamed}, pictures, "train")
    write(folder, {**truth, "categories": renamed}, pictures, "val")
    with pytest.raises(
        InputError, match=r"other images or labels as train: 4 images, 8 objects, 2 classes, "
    ) as raised:
        finetune(None, **given)
    assert f"weights={run.path}" in raised.value.fix
    assert (run.path / "detector.json").read_text() == card
    write(folder, truth, pictures, "train")
    write(folder, truth, pictures, "val")
    assert finetune(None, **given).metrics() == rows


def test_boxes_only_data_make_a_faster_rcnn(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data(images=2)
    for path in (folder / "annotations").iterdir():
        truth = json.loads(path.read_text())
        for annotation in truth["annotations"]:
            del annotation["segmentation"]
        path.write_text(json.dumps(truth))
    run = finetune(None, **{**QUICK, "data": folder, "out": tmp_path / "run", "steps": 1, "batch_size": 2})
    assert not any(name.startswith("ap/segm") for name in last(run))
    assert evaluate(run, workers=0).keys() == {"bbox"}
    assert "segmentation" not in (run.path / "detections_val.json").read_text()


def spoil(path: Path, **values: Any) -> None:
    truth = json.loads(path.read_text())
    truth["annotations"][1].update(values)
    path.write_text(json.dumps(truth))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown setting": ({"bach_size": 3}, "unknown setting 'bach_size'"),
    "no length": ({"steps": None}, "the length of the run is missing"),
    "no data": ({"data": "nowhere"}, "no such folder"),
    "no weights": ({"weights": "nowhere.pth"}, "no such weight file"),
    "batch too large": ({"batch_size": 16}, "batch_size=16 is larger than the 4 images"),
    "frozen without weights": ({"norm": "frozen"}, "norm=frozen needs weights"),
    "sync on a CPU": ({"norm": "sync"}, "norm=sync needs GPUs"),
    "initial weights twice": ({"model.init": "file.pth"}, "model.init is for pretraining"),
    "tiny images": ({"short_sides": [8]}, "short_sides must be at least 32"),
    "no short side": ({"short_sides": []}, "short_sides"),
    "no optimizer of detectors": ({"optim.kind": "lars"}, "optim.kind"),
    "unknown backbone": ({"model.backbone": "resnet19"}, "unknown backbone 'resnet19'"),
    "no GPU": ({"device": "cuda"}, "no CUDA device"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_told_and_nothing_is_written(name: str, make_data: MakeData, tmp_path: Path) -> None:
    change, message = WRONG[name]
    if name == "no GPU" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    out = tmp_path / "run"
    settings = {**QUICK, "data": make_data(), "out": out, "steps": 1, **change}
    with pytest.raises(InputError, match=message) as caught:
        finetune(None, **settings)
    assert 2 <= len(caught.value.lines()) <= 3
    assert not out.exists()


def test_wrong_data_are_told_and_nothing_is_written(make_data: MakeData, tmp_path: Path) -> None:
    def attempt(message: str, **change: Any) -> None:
        with pytest.raises(InputError, match=message):
            finetune(None, **{**QUICK, "data": folder, "out": tmp_path / "run", "steps": 1, **change})
        assert not (tmp_path / "run").exists()

    folder = make_data(name="outlines")
    spoil(folder / "annotations" / "instances_train.json", segmentation=[])
    attempt("1 of 8 annotations have an empty segmentation; the first: annotation 2")
    folder = make_data(name="classes")
    val = folder / "annotations" / "instances_val.json"
    val.write_text(val.read_text().replace('"disc"', '"disk"'))
    attempt("1 of 2 categories differ .* id 8 is 'disk' here, 'disc' there")
    folder = make_data(name="sizes")
    shutil.copy(folder / "train" / "000.png", folder / "val" / "000.png")
    train = folder / "annotations" / "instances_train.json"
    train.write_text(train.read_text().replace('"width": 96', '"width": 97'))
    attempt("4 images whose size differs .* 000.png .96 x 64 pixels, annotated as 97 x 64")
    folder = make_data(name="empty")
    truth = json.loads((folder / "annotations" / "instances_train.json").read_text())
    (folder / "annotations" / "instances_train.json").write_text(json.dumps({**truth, "annotations": []}))
    attempt("no objects to train on")


def test_what_cannot_be_evaluated_is_told(learned: Run, data: Path, make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run or file"):
        evaluate(tmp_path / "nothing", data)
    with pytest.raises(InputError, match="neither a finetune run"):
        evaluate(data, data)
    with pytest.raises(InputError, match="unknown setting 'bakend'"):
        evaluate(learned, bakend="x")
    with pytest.raises(InputError, match="data= is missing"):
        evaluate(learned.path / "detections_val.json")
    (tmp_path / "w.safetensors").write_bytes(b"12345678")
    with pytest.raises(InputError, match="cannot read the file"):
        evaluate(tmp_path / "w.safetensors", data)
    other = make_data(name="other")
    val = other / "annotations" / "instances_val.json"
    val.write_text(val.read_text().replace('"id": 8, "name"', '"id": 7, "name"').replace('_id": 8', '_id": 7'))
    with pytest.raises(InputError, match="1 of 2 categories differ from those of the detector; the first: id 7"):
        evaluate(learned, other)
    with pytest.raises(InputError, match="whose category_id is not in the ground truth"):
        evaluate(learned.path / "detections_val.json", other)


@pytest.mark.parametrize("recipe", [name for name in shipped_recipes() if name.startswith("finetune")])
def test_shipped_recipes_load(recipe: str) -> None:
    settings = resolve(FinetuneSettings, recipe, {"data": "d", "out": "o"})
    assert settings.steps or settings.epochs


def test_the_defaults_are_the_protocol_of_the_papers() -> None:
    settings = resolve(FinetuneSettings, None, {"data": "d", "out": "o"})
    optim = settings.optim
    assert (settings.batch_size, optim.lr, optim.warmup_steps, optim.warmup_factor) == (16, 0.02, 1000, 0.001)
    assert (optim.weight_decay, optim.norm_weight_decay, optim.momentum) == (1e-4, 0, 0.9)
    assert [round(90_000 * share) for share in optim.milestones] == [60_000, 80_000]
    assert settings.short_sides == tuple(range(640, 801, 32))
    assert settings.max_size == 1333
    assert (settings.model.backbone, settings.model.head) == ("resnet50", "4conv1fc")


@pytest.mark.photographs
@pytest.mark.parametrize(("name", "kinds"), [("balloon", {"bbox", "segm"}), ("voc_animals", {"bbox"})])
def test_photographs_train_and_evaluate(name: str, kinds: set[str], test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "downstream" / name
    truth = json.loads((folder / "annotations" / "instances_val.json").read_text())
    kept = {image["id"] for image in truth["images"][:8]}
    truth["images"] = [image for image in truth["images"] if image["id"] in kept]
    truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] in kept]
    (tmp_path / "val.json").write_text(json.dumps(truth))
    data = {"train": str(folder / "annotations" / "instances_train.json"), "val": str(tmp_path / "val.json")}
    images = {"train_images": str(folder / "train"), "val_images": str(folder / "val")}
    settings = {**QUICK, "data": {**data, **images}, "out": tmp_path / "run", "steps": 3, "detector.score_threshold": 0}
    run = finetune(None, **{**settings, "short_sides": [96, 128], "optim.warmup_steps": 0})
    assert evaluate(run, workers=0).keys() == kinds
    assert {row["image_id"] for row in json.loads((run.path / "detections_val.json").read_text())} == kept
    assert all(0 < row["loss"] < 20 for row in run.metrics())
