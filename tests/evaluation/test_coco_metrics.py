"""COCO's numbers: by hand where that is possible, else against pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from codo.annotations.source import DataSettings, read_annotations
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from codo.detection.results import write_results
from codo.evaluation.coco_metrics import NAMES, Kind, coco_metrics
from codo.geometry.segmentations import draw, encode
from tests.annotations.synthetic import TINY
from tests.evaluation.assignments import Results, Truth, result, truth_of
from tests.evaluation.cases import BIG, CASES, perturbed


def outlined(truth: Truth, results: Results) -> tuple[Truth, Results]:
    """The same with a mask for every object and detection: its box."""
    objects = [{**row, "segmentation": rectangle(row["bbox"])} for row in truth["annotations"]]
    return {**truth, "annotations": objects}, [{"segmentation": rectangle(row["bbox"]), **row} for row in results]


def rectangle(box: list[float]) -> dict[str, Any]:
    mask = np.zeros((200, 240), np.uint8)
    x, y, w, h = (round(v) for v in box)
    mask[max(0, y) : y + h, max(0, x) : x + w] = 1
    return encode(mask)


def assert_same(truth: Truth, results: Results, kind: Kind) -> None:
    ours = coco_metrics(truth, results, kind)
    oracle = coco_metrics(truth, results, kind, backend="pycocotools")
    assert ours.numbers == pytest.approx(oracle.numbers, abs=1e-6)
    assert ours.by_class == pytest.approx(oracle.by_class, abs=1e-6)


def test_a_perfect_detector_scores_one_where_there_are_objects() -> None:
    truth = truth_of([(1, 4, BIG), (2, 4, [5, 5, 40, 50])])
    scores = coco_metrics(truth, [result(1, 4, BIG, 0.9), result(2, 4, [5, 5, 40, 50], 0.8)], "bbox")
    small = ("APs", "ARs")
    assert scores.numbers == {name: -1 if name in small else pytest.approx(1) for name in NAMES}
    assert scores.by_class == {4: pytest.approx(1), 9: -1}


def test_an_overlap_of_seven_tenths_counts_up_to_its_threshold() -> None:
    # IoU 70/100: right at thresholds 0.50, 0.55, 0.60, 0.65 and 0.70 of the ten.
    truth = truth_of([(1, 4, [0, 0, 100, 100])])
    scores = coco_metrics(truth, [result(1, 4, [0, 0, 70, 100], 0.5)], "bbox")
    assert scores.numbers["AP"] == pytest.approx(0.5)
    assert scores.numbers["AP50"] == pytest.approx(1)
    assert scores.numbers["AP75"] == 0


def test_a_false_alarm_above_the_hit_halves_precision() -> None:
    truth = truth_of([(1, 4, BIG)])
    results = [result(1, 4, BIG, 0.5), result(1, 4, [140, 140, 50, 50], 0.9)]
    assert coco_metrics(truth, results, "bbox").numbers["AP"] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("name", CASES)
def test_edge_cases_equal_pycocotools(name: str, kind: Kind) -> None:
    assert_same(*outlined(*CASES[name]), kind)


BOX = st.tuples(*[st.integers(0, 120)] * 2, *[st.integers(1, 110)] * 2).map(lambda box: [float(v) for v in box])
OBJECT = st.tuples(st.integers(1, 2), st.sampled_from([4, 9]), BOX)


@given(
    objects=st.lists(OBJECT, max_size=6),
    crowd=st.sets(st.integers(0, 5)),
    found=st.lists(st.tuples(OBJECT, st.sampled_from([0.1, 0.5, 0.9])), max_size=8),
    again=st.lists(st.sampled_from([0.2, 0.5, 0.8]), max_size=6),
    kind=st.sampled_from(["bbox", "segm"]),
)
@settings(max_examples=40, deadline=None)
def test_random_cases_equal_pycocotools(
    objects: list[Any], crowd: set[int], found: list[Any], again: list[float], kind: Kind
) -> None:
    truth = truth_of(objects, crowd=tuple(crowd))
    results = [result(*what, score) for what, score in found]
    # Without detections that lie on objects almost nothing would ever match.
    results += [
        result(image, category, box, score) for (image, category, box), score in zip(objects, again, strict=False)
    ]
    assert_same(*outlined(truth, results), kind)


def test_masks_are_sized_by_themselves_not_by_their_boxes() -> None:
    # A thin diagonal has a large box and a small mask. Unmatched detections are counted by their own size, so that
    # taking the box's area would move this false alarm from small to large.
    diagonal = encode(np.eye(200, 240, dtype=np.uint8))
    truth = truth_of([(1, 4, [0, 0, 20, 20])])
    alarm = {"image_id": 1, "category_id": 4, "score": 0.9, "bbox": [0, 0, 200, 200], "segmentation": diagonal}
    truth, results = outlined(truth, [alarm, result(1, 4, [0, 0, 20, 20], 0.5)])
    assert coco_metrics(truth, results, "segm").numbers["APs"] == pytest.approx(0.5)
    assert coco_metrics(truth, results, "bbox").numbers["APs"] == pytest.approx(1)
    assert_same(truth, results, "segm")


@pytest.mark.photographs
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_real_ground_truth_equals_pycocotools(kind: Kind, test_data: Path) -> None:
    data = DataSettings(folder=str(test_data / "downstream" / "coco_masks"))
    truth = read_annotations(data, "val").to_coco()
    results = perturbed(truth, np.random.default_rng(0))
    assert any(annotation["iscrowd"] for annotation in truth["annotations"])
    scores = coco_metrics(truth, results, kind)
    assert 0.1 < scores.numbers["AP"] < 0.9
    assert_same(truth, results, kind)


def by_pycocotools_alone(truth: Path, results: Results, kind: Kind) -> list[float]:
    """The twelve numbers without any of our code: pycocotools reads the annotation file itself."""
    other = "segmentation" if kind == "bbox" else "bbox"  # else it would size masks by their boxes
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(truth))
        detections = ground_truth.loadRes([{k: v for k, v in row.items() if k != other} for row in results])
        evaluation = COCOeval(ground_truth, detections, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(evaluation.stats)


@pytest.mark.photographs
def test_a_result_file_scores_what_pycocotools_alone_says(test_data: Path, tmp_path: Path) -> None:
    """Detections near the truth, so that every number counts; from file to numbers as ``codo evaluate`` goes."""
    folder = test_data / "downstream" / "coco_masks"
    truth = read_annotations(DataSettings(folder=str(folder)), "val")
    results = perturbed(truth.to_coco(), np.random.default_rng(1))
    write_results(tmp_path / "found.json", results)
    scores = evaluate(tmp_path / "found.json", folder)
    for kind in ("bbox", "segm"):
        oracle = by_pycocotools_alone(truth.source, results, kind)
        assert list(scores[kind].values()) == pytest.approx(oracle, abs=1e-6)
        assert 0.1 < oracle[0] < 0.9


def one_class(source: Path, target: Path, images: int | None = None) -> Path:
    """Annotations with one class for all; of those ``images`` first images and of all that show a crowd."""
    truth = json.loads(source.read_text())
    crowded = {a["image_id"] for a in truth["annotations"] if a["iscrowd"]}
    kept = crowded | {image["id"] for image in truth["images"][:images]}
    truth["images"] = [image for image in truth["images"] if image["id"] in kept]
    truth["categories"] = [{"id": 7, "name": "thing"}]
    truth["annotations"] = [{**a, "category_id": 7} for a in truth["annotations"] if a["image_id"] in kept]
    target.write_text(json.dumps(truth))
    return target


@pytest.mark.photographs
def test_detections_of_a_detector_score_what_pycocotools_alone_says(test_data: Path, tmp_path: Path) -> None:
    """A hundred detections an image, on photographs with crowds; of things, for it cannot yet tell them apart.

    It has learned from the very photographs, so that some detections are right after few steps on any machine.
    """
    folder = test_data / "downstream" / "coco_masks"
    few = one_class(folder / "annotations" / "instances_val.json", tmp_path / "few.json", 4)
    files = few, shutil.copy(few, tmp_path / "again.json")
    run = finetune(
        None,
        data={"train": files[0], "val": files[1], "train_images": folder / "val", "val_images": folder / "val"},
        out=tmp_path / "run",
        **{**TINY, "detector": {**TINY["detector"], "score_threshold": 0.0, "detections": 100, "proposals": 300}},
        steps=40,
        batch_size=2,
        short_sides=[96],
        max_size=128,
        workers=0,
        **{"optim.lr": 0.05, "optim.lr_scaling": "none", "optim.warmup_steps": 10, "log.progress": False},
    )
    results = json.loads((run.path / "detections_val.json").read_text())
    scores = evaluate(run, workers=0)
    for kind in ("bbox", "segm"):
        oracle = by_pycocotools_alone(files[1], results, kind)
        assert list(scores[kind].values()) == pytest.approx(oracle, abs=1e-6)
        assert kind == "segm" or oracle[1] > 0  # AP50: some boxes are right
        assert oracle[8] > 0  # AR100


@pytest.mark.photographs
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_truth_itself_scores_one(kind: Kind, test_data: Path) -> None:
    truth = read_annotations(DataSettings(folder=str(test_data / "downstream" / "coco_masks")), "val").to_coco()
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth["images"]}
    results = [
        {
            **annotation,
            "score": 1.0,
            "segmentation": encode(draw(annotation["segmentation"], *sizes[annotation["image_id"]])),
        }
        for annotation in truth["annotations"]
        if not annotation["iscrowd"]
    ]
    numbers = coco_metrics(truth, results, kind).numbers
    assert numbers["AP"] == pytest.approx(1, abs=1e-3)
    assert numbers["AR100"] == pytest.approx(1, abs=1e-3)
