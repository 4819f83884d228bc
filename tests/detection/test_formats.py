"""COCO, VOC and YOLO versions of one data set are one data set to the detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codo.annotations.fraction import labeled_subset
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.core.config import nest, resolve
from codo.detection.dataset import TrainingDataset
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.task import prepare_task
from codo.evaluation.coco_metrics import coco_metrics
from codo.evaluation.voc_metrics import voc_scores
from tests.annotations.layouts import write_coco, write_voc, write_yolo
from tests.annotations.synthetic import TINY, coco

Splits = dict[str, tuple[dict[str, Any], list[np.ndarray]]]


@pytest.fixture(scope="module")
def splits() -> Splits:
    """Two splits of four images, the third without objects."""
    made: Splits = {"train": coco(4, seed=1), "val": coco(4, seed=2)}
    for truth, _ in made.values():
        empty = truth["images"][2]["id"]
        truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] != empty]
    return made


@pytest.fixture(scope="module")
def versions(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("formats")
    return {
        "coco": write_coco(folder / "coco", splits),
        "voc": write_voc(folder / "voc", splits),
        "yolo": write_yolo(folder / "yolo", splits),
        "yolo-boxes": write_yolo(folder / "yolo-boxes", splits, outlines=False),
    }


def read(folder: Path, split: Any = "train") -> Annotations:
    return read_annotations(DataSettings(folder=str(folder)), split)


def targets(annotations: Annotations, *, masks: bool) -> list[tuple[torch.Tensor, dict[str, torch.Tensor], list[str]]]:
    """What the detector reads of every image, and the names of its objects' classes."""
    images = np.arange(len(annotations))
    options: dict[str, Any] = {"seed": 3, "short_sides": (48, 64), "max_size": 200, "flip": 0.5}
    data = TrainingDataset(annotations, images, masks=masks, **options)
    samples = [data.sample(epoch, i) for epoch in range(2) for i in range(len(data))]
    names = [category.name for category in annotations.categories]
    return [(image, target, [names[label - 1] for label in target["labels"].tolist()]) for image, target in samples]


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("version", ["voc", "yolo", "yolo-boxes"])
def test_all_versions_give_the_same_targets(version: str, split: str, versions: dict[str, Path]) -> None:
    masks = version == "yolo"
    ours, theirs = read(versions["coco"], split), read(versions[version], split)
    assert theirs.has_masks is masks
    assert theirs.images_with_objects().tolist() == ours.images_with_objects().tolist() == [0, 1, 3]
    for (image, target, names), (other, expected, called) in zip(
        targets(theirs, masks=masks), targets(ours, masks=masks), strict=True
    ):
        assert torch.equal(image, other)
        assert names == called
        torch.testing.assert_close(target["boxes"], expected["boxes"], rtol=0, atol=1e-4)
        assert target["boxes"].shape == expected["boxes"].shape
        if masks:
            assert torch.equal(target["masks"], expected["masks"])
            assert target["masks"].any() or not names


def test_all_versions_give_the_same_ground_truth(versions: dict[str, Path]) -> None:
    ours = read(versions["coco"])
    for version in ("voc", "yolo", "yolo-boxes"):
        theirs = read(versions[version])
        np.testing.assert_allclose(theirs.bbox, ours.bbox, atol=1e-5)
        np.testing.assert_array_equal(theirs.sizes, ours.sizes)
        np.testing.assert_array_equal(theirs.offsets, ours.offsets)
        if version != "yolo":
            np.testing.assert_allclose(theirs.areas, ours.areas, rtol=1e-6)
    outlined = read(versions["yolo"])
    boxes = outlined.bbox[:, 2] * outlined.bbox[:, 3]
    rectangles = np.array([outlined.categories[label - 1].name == "box" for label in outlined.labels])
    np.testing.assert_allclose(outlined.areas[rectangles], boxes[rectangles], rtol=1e-6)
    np.testing.assert_allclose(outlined.areas[~rectangles], boxes[~rectangles] * np.pi / 4, rtol=0.02)


def test_a_fraction_is_the_same_images_in_all_versions(tmp_path: Path) -> None:
    splits: Splits = {"train": coco(20, seed=1)}
    made = [write_coco(tmp_path / "c", splits), write_voc(tmp_path / "v", splits), write_yolo(tmp_path / "y", splits)]
    for seed in range(3):
        drawn = [labeled_subset(read(folder), 0.3, seed).tolist() for folder in made]
        assert drawn[0] == drawn[1] == drawn[2]
        assert len(drawn[0]) == 6


@pytest.fixture(scope="module")
def difficult(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    """The train split in VOC's layout with its first object marked as difficult."""
    truth, pictures = splits["train"]
    marked = [{**a, "difficult": int(i == 0)} for i, a in enumerate(truth["annotations"])]
    return read(
        write_voc(tmp_path_factory.mktemp("difficult"), {"train": ({**truth, "annotations": marked}, pictures)})
    )


def test_difficult_objects_are_not_learned(difficult: Annotations) -> None:
    assert difficult.difficult is not None
    assert difficult.difficult.tolist() == [True] + [False] * 5
    assert difficult.learnable(0).tolist() == [1]
    assert difficult.trainable().tolist() == [False] + [True] * 5
    assert [len(target["boxes"]) for _, target, _ in targets(difficult, masks=False)[:4]] == [1, 2, 0, 2]


def test_difficult_objects_are_learned_where_that_is_asked_for(difficult: Annotations, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**QUICK, "data": str(difficult.folder), "data.val_split": "train", "out": str(tmp_path)}
    for wish, objects in ((False, 5), (True, 6)):
        task = prepare_task(resolve(FinetuneSettings, None, nest({**settings, "learn_difficult": wish})), world=1)
        assert np.count_nonzero(task.train.trainable()) == objects
        assert np.count_nonzero(task.val.ignored) == 1


@pytest.mark.parametrize("found", [True, False])
def test_difficult_objects_count_neither_way(found: bool, difficult: Annotations) -> None:
    ids = [category.id for category in difficult.categories]
    of_image = difficult.of_image()
    results = [
        {
            "image_id": int(difficult.image_ids[of_image[row]]),
            "category_id": ids[difficult.labels[row] - 1],
            "bbox": difficult.bbox[row].tolist(),
            "score": 0.99 - 0.1 * row,
        }
        for row in range(0 if found else 1, 6)
    ]
    voc = voc_scores(difficult, results)
    assert voc == pytest.approx({"AP_07": 1, "AP50_07": 1, "AP75_07": 1, "AP50_12": 1})
    for backend in ("hotcoco", "pycocotools"):
        assert coco_metrics(difficult.to_coco(), results, "bbox", backend).numbers["AP"] == pytest.approx(1)


def test_only_voc_has_its_own_numbers(versions: dict[str, Path]) -> None:
    assert voc_scores(read(versions["coco"]), []) == voc_scores(read(versions["yolo"]), []) == {}
    assert voc_scores(read(versions["voc"]), [])["AP50_07"] == 0


QUICK: dict[str, Any] = {
    **TINY,
    "batch_size": 1,
    "short_sides": [64],
    "workers": 0,
    "steps": 1,
    "log.progress": False,
    "device": "cpu",
}


@pytest.mark.parametrize("version", ["coco", "voc", "yolo"])
def test_a_run_on_each_format_evaluates_to_its_log_and_names_its_images(
    version: str, versions: dict[str, Path], tmp_path: Path
) -> None:
    settings = {**QUICK, "data": str(versions[version]), "data.fraction": 0.5, "out": str(tmp_path / "run")}
    run = finetune(None, **settings)
    assert (run.config["data"]["format"], run.config["data"]["fraction"]) == (version, 0.5)
    annotations = read(versions[version])
    drawn = set(labeled_subset(annotations, 0.5, 0).tolist()) & {0, 1, 3}  # image 2 has nothing to learn
    expected = [str(annotations.file_names[i]) for i in sorted(drawn)]
    assert (run.path / "labeled_images.txt").read_text().splitlines() == expected
    row = run.metrics()[-1]
    numbers = evaluate(run, workers=0)
    assert numbers == evaluate(run.path / "detections_val.json", versions[version])
    assert ("voc" in numbers) is (version == "voc")
    for kind, values in numbers.items():
        assert values == {name: row[f"ap/{kind}/{name}"] for name in values}
    assert "truth-side" in (run.path / "report.html").read_text()
    finetune(None, **settings)  # the same command finds it finished
