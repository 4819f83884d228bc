"""Probes of labels, in a run and of what a run leaves."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import codo
from codo.cli import main
from codo.core.errors import InputError
from codo.core.run import Run
from codo.models.batch_statistics import data_statistics, tracking_layers
from codo.models.encoder import ModelSettings
from codo.models.normalization import IMAGENET
from codo.models.pretrained import load_encoder
from codo.probes.features import part_features
from codo.probes.labeled import LabeledProbes
from codo.probes.probe_settings import LabeledProbeSettings
from codo.probes.sets import featurize_all
from codo.training import checkpoint
from codo.training.load_run import load_method
from tests.annotations.synthetic import coco, write
from tests.training import tiny


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """boxes/ in COCO's layout, pictures/ in ImageNet's."""
    folder = tmp_path_factory.mktemp("labeled")
    write(folder / "boxes", *coco(6), "train")
    write(folder / "boxes", *coco(4, seed=1), "val")
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for c, name in enumerate(("dark", "light")):
            (folder / "pictures" / split / name).mkdir(parents=True)
            for i in range(4):
                image = rng.integers(100 * c, 100 * c + 60, (40, 50, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / "pictures" / split / name / f"{i}.png"), image)
    return folder


@pytest.fixture(scope="module")
def settings(catalog: Path, labeled: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    probe = {"every": 3, "proposals": 8, "group": 4, "data": str(labeled / "boxes"), "boxes": 12}
    probe |= {"image_folder": str(labeled / "pictures"), "images": 8}
    return tiny.settings(catalog, tmp_path_factory.mktemp("probed") / "run", probe=probe)


@pytest.fixture(scope="module")
def run(settings: dict[str, Any]) -> Run:
    torch.set_num_threads(1)
    return codo.pretrain(**settings)


NAMES = {f"probe/{kind}/{name}" for kind in ("roi", "image") for name in ("knn", "linear", "chance")}
NAMES |= {f"probe/roi/{part}/{name}" for part in ("backbone", "fpn", "box_head") for name in ("knn", "linear")}


def test_scores_are_logged_beside_chance_from_the_first_step(run: Run) -> None:
    rows = [row for row in run.metrics() if "probe/roi/knn" in row]
    assert [row["step"] for row in rows] == [0, 3, 6]
    for row in rows:
        assert row.keys() >= NAMES
        assert all(0 <= row[name] <= 1 for name in NAMES)
        assert row["probe/roi/knn"] == row["probe/roi/box_head/knn"]
    assert rows[-1]["probe/image/knn"] == 1.0  # dark and light tell themselves apart
    page = (run.path / "report.html").read_text()
    assert "Labeled boxes: mean recall" in page
    assert "Labeled pictures: mean recall" in page
    assert "Labeled boxes by part, linear: mean recall" in page
    assert "Effective rank of exported features" in page


def test_a_run_with_probes_computes_what_it_computes_without(run: Run, catalog: Path, tmp_path: Path) -> None:
    plain = codo.pretrain(**tiny.settings(catalog, tmp_path / "plain", probe=None))
    ours, theirs = (checkpoint.load(one.checkpoints()[-1]) for one in (run, plain))
    assert torch.equal(ours["rng"], theirs["rng"])
    assert ours["method"].keys() == theirs["method"].keys()
    assert all(torch.equal(tensor, theirs["method"][name]) for name, tensor in ours["method"].items())


def test_resumed_between_probes_it_comes_to_the_same_weights_and_scores(run: Run, settings: dict[str, Any]) -> None:
    last, rows = checkpoint.load(run.checkpoints()[-1]), tiny.timeless(run.metrics())
    run.checkpoints()[-1].unlink()
    assert checkpoint.load(run.checkpoints()[-1])["step"] == 4
    codo.pretrain(**settings)
    tiny.assert_same_state(checkpoint.load(run.checkpoints()[-1]), last)
    assert tiny.timeless(run.metrics()) == rows


def test_afterwards_the_same_numbers(run: Run, labeled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        str(run.path),
        f"data={labeled / 'boxes'}",
        "boxes=12",
        f"image_folder={labeled / 'pictures'}",
        "images=8",
    ]
    assert main(["probe", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["parts"] == ["backbone", "fpn", "box_head"]
    assert said["warnings"] == []
    last = run.metrics()[-1]
    assert {name: said[name] for name in NAMES} == {name: last[name] for name in NAMES}


def test_files_and_random_weights_are_probed_too(run: Run, labeled: Path) -> None:
    asked: dict[str, Any] = {"data": str(labeled / "boxes"), "boxes": 12, "canvas": 64}
    exported = codo.probe(codo.export(run, to="safetensors"), **asked)  # the file tells what trunk it is of
    assert exported["parts"] == ["backbone", "fpn", "box_head"]
    assert exported["probe/roi/linear"] == run.metrics()[-1]["probe/roi/linear"]
    asked["model"] = tiny.MODEL
    assert codo.probe("none", **asked) == codo.probe("none", **asked)
    backbone = codo.probe(codo.export(run, to="resnet"), **asked)
    assert backbone["parts"] == ["backbone"]


def test_only_untrained_parts_are_probed_with_new_statistics(run: Run, labeled: Path) -> None:
    settings = LabeledProbeSettings(data=str(labeled / "boxes"), boxes=12)
    probes, device = LabeledProbes.read(settings, 64), torch.device("cpu")
    seen: list[dict[str, torch.Tensor]] = []
    (boxes,) = probes.sets

    def record(parts: dict[str, torch.nn.Module], untrained: tuple[str, ...]) -> dict[str, torch.Tensor]:
        """The features that the probe learns from."""
        layers = tracking_layers(parts[part] for part in untrained)
        features = part_features(parts, device, IMAGENET)
        featurize = partial(featurize_all, features, boxes.train.images, boxes.train.boxes)
        with data_statistics(layers, featurize):
            seen.append(featurize())
        return seen[-1]

    encoder, parts = load_encoder("none", ModelSettings.model_validate(tiny.MODEL))
    untrained = {part: encoder.get_submodule(part).eval() for part in parts}
    own, anew = record(untrained, ()), record(untrained, parts)
    assert all(not torch.allclose(own[part], anew[part], rtol=0.1) for part in parts)
    by_verb = codo.probe("none", data=str(labeled / "boxes"), boxes=12, canvas=64, model=tiny.MODEL)
    scores = probes.scores(untrained, device, IMAGENET, parts)
    assert {name: by_verb[name] for name in scores} == scores
    assert scores != probes.scores(untrained, device, IMAGENET)
    # Of a run the scores are those of its own statistics.
    trained = load_method(run)[0].exports()
    assert probes.scores(trained, device, IMAGENET)["probe/roi/linear"] == run.metrics()[-1]["probe/roi/linear"]


def test_images_of_the_pool_are_warned_about(run: Run, catalog: Path, photos: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        for c, name in enumerate("ab"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(2):
                source = photos / f"{4 * (split == 'val') + 2 * c + i:03d}.jpg"
                (tmp_path / split / name / f"{i}.jpg").write_bytes(source.read_bytes())
    told = "4 of 4 images that probes judge by were in the pretraining pool of "
    (warning,) = codo.probe(run, image_folder=str(tmp_path), images=8)["warnings"]
    assert warning.startswith(f"{told}{run.path}")
    assert told not in (run.path / "train.log").read_text()
    probe = {"proposals": 8, "group": 4, "image_folder": str(tmp_path), "images": 8}
    leaky = codo.pretrain(**tiny.settings(catalog, tmp_path / "leaky", probe=probe, steps=1))
    assert f"WARNING {told}{leaky.path}" in (leaky.path / "train.log").read_text()


def test_methods_of_a_backbone_alone_are_probed_too(catalog: Path, labeled: Path, tmp_path: Path) -> None:
    probe = {"proposals": 8, "group": 4, "data": str(labeled / "boxes"), "boxes": 12}
    settings = tiny.settings(catalog, tmp_path / "run", method="moco", probe=probe, steps=1)
    del settings["backgrounds"]
    run = codo.pretrain(**settings)
    found = codo.probe(run, data=str(labeled / "boxes"), boxes=12)
    assert found["parts"] == ["backbone"]
    assert found["probe/roi/linear"] == run.metrics()[-1]["probe/roi/linear"]


def test_wrong_labels_stop_a_run_before_it_begins(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        codo.pretrain(**tiny.settings(catalog, tmp_path / "run", probe={"data": str(tmp_path / "absent")}))
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="no labeled data to probe with"):
        codo.probe("none")
