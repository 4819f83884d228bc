"""COCO result files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from codo.annotations.coco.results import read_results
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.detection.results import to_results, write_results
from codo.geometry.segmentations import draw
from tests.conftest import MakeData


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
