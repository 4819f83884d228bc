"""Probes of labels, in a run and of what a run leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import codo
from codo.cli import main
from codo.errors import InputError
from codo.run import Run
from codo.training import checkpoint
from tests.annotations.synthetic import coco, write
from tests.training import tiny


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """boxes/ in COCO's layout, pictures/ in ImageNet's."""
    folder = tmp_path_factory.mktemp("labelled")
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
def run(catalog: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    probe = {"every": 3, "proposals": 8, "group": 4, "data": str(labelled / "boxes"), "boxes": 12}
    probe |= {"pictures": str(labelled / "pictures"), "images": 8}
    return codo.pretrain(**tiny.settings(catalog, tmp_path_factory.mktemp("probed") / "run", probe=probe))


NAMES = {f"probe/{kind}/{name}" for kind in ("roi", "image") for name in ("knn", "linear", "chance")}


def test_scores_are_logged_beside_chance_from_the_first_step(run: Run) -> None:
    rows = [row for row in run.metrics() if "probe/roi/knn" in row]
    assert [row["step"] for row in rows] == [0, 3, 6]
    for row in rows:
        assert row.keys() >= NAMES
        assert all(0 <= row[name] <= 1 for name in NAMES)
    assert rows[-1]["probe/image/knn"] == 1.0  # dark and light tell themselves apart
    page = (run.path / "report.html").read_text()
    assert "Labelled boxes: mean recall" in page
    assert "Labelled pictures: mean recall" in page


def test_a_run_with_probes_computes_what_it_computes_without(run: Run, catalog: Path, tmp_path: Path) -> None:
    plain = codo.pretrain(**tiny.settings(catalog, tmp_path / "plain", probe=None))
    ours, theirs = (checkpoint.load(one.checkpoints()[-1]) for one in (run, plain))
    assert torch.equal(ours["rng"], theirs["rng"])
    assert ours["method"].keys() == theirs["method"].keys()
    assert all(torch.equal(tensor, theirs["method"][name]) for name, tensor in ours["method"].items())


def test_afterwards_the_same_numbers(run: Run, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(run.path), f"data={labelled / 'boxes'}", "boxes=12", f"pictures={labelled / 'pictures'}", "images=8"]
    assert main(["probe", *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["parts"] == ["backbone", "fpn", "box_head"]
    assert said["warnings"] == []
    last = run.metrics()[-1]
    assert {name: said[name] for name in NAMES} == {name: last[name] for name in NAMES}


def test_files_and_random_weights_are_probed_too(run: Run, labelled: Path) -> None:
    asked: dict[str, Any] = {"data": str(labelled / "boxes"), "boxes": 12, "canvas": 64, "model": tiny.MODEL}
    exported = codo.probe(codo.export(run, to="safetensors"), **asked)
    assert exported["probe/roi/linear"] == run.metrics()[-1]["probe/roi/linear"]
    assert codo.probe("none", **asked) == codo.probe("none", **asked)
    backbone = codo.probe(codo.export(run, to="resnet"), **asked)
    assert backbone["parts"] == ["backbone"]


def test_images_of_the_pool_are_warned_about(run: Run, photos: Path, tmp_path: Path) -> None:
    for split in ("train", "val"):
        for c, name in enumerate("ab"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(2):
                source = photos / f"{4 * (split == 'val') + 2 * c + i:03d}.jpg"
                (tmp_path / split / name / f"{i}.jpg").write_bytes(source.read_bytes())
    (warning,) = codo.probe(run, pictures=str(tmp_path), images=8)["warnings"]
    assert warning.startswith("4 of 4 images that the probes judge by were in the pretraining pool")


def test_wrong_labels_stop_a_run_before_it_begins(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        codo.pretrain(**tiny.settings(catalog, tmp_path / "run", probe={"data": str(tmp_path / "absent")}))
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="nothing to probe with"):
        codo.probe("none")
