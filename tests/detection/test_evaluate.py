"""What ``codo evaluate`` decides before it starts; the rest is in ``test_finetune``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import InputError
from codo.detection.evaluate import check_writable, evaluate, resolve_masks
from codo.evaluation.detections import rle
from codo.geometry.segmentations import Segmentations
from tests.conftest import MakeData


@pytest.fixture
def annotations(make_data: MakeData) -> Annotations:
    return read_annotations(DataSettings(folder=str(make_data())), "val")


def outlined(annotations: Annotations, count: int) -> Annotations:
    """The same objects, of which only the first ``count`` have an outline."""
    rows = [annotations.segmentations[i] if i < count else None for i in range(len(annotations.labels))]
    return replace(annotations, segmentations=Segmentations(rows))


@pytest.mark.parametrize(
    ("wish", "with_outline", "possible", "expected"),
    [
        ("auto", 8, True, True),
        ("auto", 8, False, False),  # boxes of another detector on data with masks
        ("auto", 0, True, False),
        (False, 8, True, False),
        (False, 3, True, False),
        (True, 8, True, True),
    ],
)
def test_masks_take_part_where_both_sides_have_them(
    wish: bool, with_outline: int, possible: bool, expected: bool, annotations: Annotations
) -> None:
    assert resolve_masks(wish, outlined(annotations, with_outline), possible, where="") is expected


def test_some_without_an_outline_or_masks_that_are_not_there_are_told(annotations: Annotations) -> None:
    with pytest.raises(InputError, match=r"5 of 8 .* empty segmentation; the first: annotation 4 of 001.png"):
        resolve_masks("auto", outlined(annotations, 3), True, where="")
    with pytest.raises(InputError, match=r"8 of 8 .* empty segmentation"):
        resolve_masks(True, outlined(annotations, 0), True, where="")
    with pytest.raises(InputError, match="there are no masks"):
        resolve_masks(True, annotations, False, where="found.json")


def test_a_split_without_objects_lacks_no_outline(annotations: Annotations) -> None:
    nothing = np.zeros(len(annotations) + 1, dtype=np.int64)
    empty = replace(annotations, offsets=nothing, labels=annotations.labels[:0], segmentations=Segmentations([]))
    assert resolve_masks(True, empty, True, where="") is True
    assert resolve_masks("auto", empty, True, where="") is False


def test_where_nothing_can_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "found.json")
    with pytest.raises(InputError, match="out= is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="the folder of out= does not exist"):
        check_writable(tmp_path / "none" / "found.json")


def test_result_files_of_masks_alone_and_with_keypoints(make_data: MakeData, tmp_path: Path) -> None:
    data = make_data(4)
    truth = read_annotations(DataSettings(folder=str(data)), "val")
    size = dict(zip(truth.image_ids.tolist(), truth.sizes.tolist(), strict=True))
    both = []
    for row in truth.to_coco()["annotations"]:
        code = rle(row["segmentation"], *size[row["image_id"]])
        mask = {"size": code["size"], "counts": code["counts"].decode()}
        named = {key: row[key] for key in ("image_id", "category_id", "bbox")}
        both.append({**named, "score": 0.9, "segmentation": mask})

    def scores(leave_out: str = "", **changes: Any) -> dict[str, float]:
        rows = [{key: value for key, value in row.items() if key not in leave_out.split()} for row in both]
        keypoints = {"keypoints": [1, 2, 2]} if changes.pop("keypoints", False) else {}
        (tmp_path / "found.json").write_text(json.dumps([{**row, **keypoints} for row in rows]))
        found = evaluate(tmp_path / "found.json", data, **changes)
        return {kind: round(numbers["AP"], 6) for kind, numbers in found.items()}

    assert scores() == scores(keypoints=True) == {"bbox": 1, "segm": 1}
    assert scores("bbox") == scores("bbox", keypoints=True) == {"segm": 1}
    assert scores("segmentation", keypoints=True) == {"bbox": 1}
    with pytest.raises(InputError, match="masks=false leaves nothing to score"):
        scores("bbox", masks=False)
    with pytest.raises(InputError, match="they have keypoints, of which no AP is computed"):
        scores("bbox segmentation", keypoints=True)
