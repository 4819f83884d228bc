"""The settings below ``data.``: which combinations there are, and what runs recorded before they existed."""

from __future__ import annotations

from typing import Any

import pytest

from codo.annotations.data_settings import DataSettings
from codo.core.config import differences, parse_assignments, resolve
from codo.core.errors import InputError
from codo.detection.evaluate import EvaluateSettings


def test_values_from_the_command_line() -> None:
    given = ["data=FOLDER", "data.split=0.2", "data.voc_origin=0", "data.yolo_points=keypoints"]
    read = resolve(EvaluateSettings, None, parse_assignments(given)).data
    assert read is not None
    assert (read.folder, read.split, read.voc_origin, read.yolo_points) == ("FOLDER", 0.2, 0, "keypoints")
    assert DataSettings.model_validate("one.json").val == "one.json"


@pytest.mark.parametrize(
    "data",
    [
        {"folder": "a", "split": 0},
        {"folder": "a", "split": 1},
        {"folder": "a", "split": 0.2, "val_split": "test"},
        {"train": "a.json", "val": "b.json", "split": 0.2},
        {"folder": "a", "voc_origin": 2},
        {"folder": "a", "yolo_points": "pose"},
    ],
)
def test_what_does_not_go_together(data: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        resolve(EvaluateSettings, None, {"data": data})
    assert len(caught.value.lines()) == 3


def test_runs_from_before_the_settings_existed_can_be_resumed() -> None:
    new = DataSettings(folder="a").model_dump(mode="json")
    old = {key: value for key, value in new.items() if key not in ("split", "voc_origin", "yolo_points")}
    assert differences({"data": old}, {"data": new}) == []
    assert differences({"probe": {"data": old}}, {"probe": {"data": new}}) == []
    counted = DataSettings(folder="a", voc_origin=0).model_dump(mode="json")
    assert differences({"data": old}, {"data": counted}) == ["data.voc_origin: auto -> 0"]
