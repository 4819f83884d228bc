"""Detections of a run and of a result file, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.source import DataSettings
from codo.core.errors import InputError
from codo.core.run import Run
from codo.evaluation.load_detections import RESULTS, detections_of_file, detections_of_run
from codo.geometry.segmentations import encode
from tests.evaluation.assignments import result, truth_of

BOX = [10.0, 10, 20, 20]


@pytest.fixture
def data(tmp_path: Path) -> DataSettings:
    """Two images with a cat each; nothing here looks at the pixels."""
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "truth.json").write_text(json.dumps(truth_of([(1, 4, BOX), (2, 4, BOX)])))
    return DataSettings(val=str(tmp_path / "truth.json"), val_images=str(tmp_path))


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / RESULTS
    path.write_text(json.dumps(rows))
    return path


def test_a_run_knows_its_data_and_detections(data: DataSettings, make_run: Callable[..., Run]) -> None:
    run = make_run(config={"data": data.model_dump()}, verb="finetune")
    with pytest.raises(InputError, match=r"no detections_val\.json yet"):
        detections_of_run(run)
    write(run.path, result(2, 4, BOX, 0.9))
    found = detections_of_run(run)
    assert (found.kind, [len(one.found) for one in found.image_results]) == ("bbox", [0, 1])
    run = make_run(config={"steps": 1}, verb="finetune", name="other")
    write(run.path)
    with pytest.raises(InputError, match="have no data"):
        detections_of_run(run)


def test_boxes_go_before_masks_unless_told(data: DataSettings, tmp_path: Path) -> None:
    mask = encode(np.ones((200, 240), np.uint8))
    row = {"image_id": 1, "category_id": 4, "score": 0.5, "segmentation": mask}
    path = write(tmp_path, row | {"bbox": BOX})
    assert detections_of_file(path, data, "val").kind == "bbox"
    with pytest.raises(InputError, match="an object without a mask"):
        detections_of_file(path, data, "val", "segm")
    with pytest.raises(InputError, match="the detections have no masks") as caught:
        detections_of_file(write(tmp_path, result(1, 4, BOX, 0.5)), data, "val", "segm")
    assert "by=bbox" in caught.value.lines()[2]


@pytest.mark.parametrize(("score", "said"), [(87, "score 87"), (-2, "score -2")])
def test_scores_that_are_no_confidences_are_refused(
    data: DataSettings, tmp_path: Path, score: float, said: str
) -> None:
    path = write(tmp_path, result(1, 4, BOX, 0.9), result(2, 4, BOX, score))
    with pytest.raises(InputError, match=rf"1 of 2 detections .* the first: detection number 2 \({said}\)") as caught:
        detections_of_file(path, data, "val")
    assert len(caught.value.lines()) == 3
