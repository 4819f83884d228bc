"""COCO result files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codo.detection.annotations.records import Annotations
from codo.detection.annotations.segmentations import draw, encode
from codo.detection.annotations.source import DataSettings, read_annotations
from codo.detection.results import read_results, to_results, write_results
from codo.errors import InputError

from .conftest import MakeData


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data())), "val")


def test_detections_are_written_with_category_ids_and_sizes(annotations: Annotations, tmp_path: Path) -> None:
    masks = torch.zeros(2, 1, 28, 28)
    masks[0] = 1
    detected = {
        "boxes": torch.tensor([[3.0, 5, 20, 9], [1 / 3, 2, 11, 12]]),
        "labels": torch.tensor([2, 1]),
        "scores": torch.tensor([0.9876543, 0.25]),
        "masks": masks,
    }
    results = to_results(annotations, 2, detected, ids=[3, 8])
    assert [{k: v for k, v in r.items() if k != "segmentation"} for r in results] == [
        {"image_id": 20, "category_id": 8, "score": 0.987654, "bbox": [3.0, 5.0, 17.0, 4.0]},
        {"image_id": 20, "category_id": 3, "score": 0.25, "bbox": [0.333, 2.0, 10.667, 10.0]},
    ]
    drawn = draw(results[0]["segmentation"], 64, 96)
    assert drawn[6:8, 5:18].all()  # the box, up to the pixel that its edges are blurred by
    assert drawn.sum() <= 6 * 19
    assert not draw(results[1]["segmentation"], 64, 96).any()
    path = tmp_path / "found.json"
    write_results(path, results)
    assert read_results(path, annotations) == results
    assert path.read_text().count("\n") == 2


def test_no_detections(annotations: Annotations, tmp_path: Path) -> None:
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "scores": torch.zeros(0)}
    assert to_results(annotations, 0, none, ids=[3, 8]) == []
    write_results(tmp_path / "found.json", [])
    assert read_results(tmp_path / "found.json", annotations) == []


GOOD = {"image_id": 10, "category_id": 3, "score": 0.5, "bbox": [1, 2, 3, 4]}
NO_BOX = {key: value for key, value in GOOD.items() if key != "bbox"}
MASK = encode(np.ones((64, 96), np.uint8))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, {**GOOD, "image_id": 11}], "1 detection whose image_id the .* not have: detection number 2"),
        ([{**GOOD, "category_id": i} for i in (1, 2)], "2 detections whose category_id .* detection number 1"),
        ([{**GOOD, "score": "0.5"}], "'score' is not a number: detection number 1"),
        ([{**GOOD, "bbox": [1, 2, -3, 4]}], "negative size"),
        ([GOOD, NO_BOX], "'bbox' is not a list of four numbers: detection number 2"),
        ([{**GOOD, "segmentation": [[1, 2, 3, 4, 5, 6]]}], "without an RLE segmentation"),
        ([{**GOOD, "segmentation": {**MASK, "size": [96, 64]}}], "RLE of size"),
        ([NO_BOX], "without bbox or segmentation"),
        ({"annotations": []}, "a JSON list"),
    ],
)
def test_what_does_not_fit_the_truth_is_refused(
    rows: Any, message: str, annotations: Annotations, tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(InputError, match=message) as caught:
        read_results(path, annotations)
    assert len(caught.value.lines()) == 3


def test_broken_json_is_refused(annotations: Annotations, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text('[{"image_id": 3')
    with pytest.raises(InputError, match="broken JSON"):
        read_results(tmp_path / "found.json", annotations)
    with pytest.raises(InputError, match="cannot read"):
        read_results(tmp_path / "none.json", annotations)
