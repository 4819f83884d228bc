"""The table of formats: what is said of folders and files, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.annotations.source import DataSettings, find_format, read_annotations
from codo.core.errors import InputError
from codo.label_formats.formats import FORMATS, find_sets, format_of_file
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read, save
from tests.label_formats.test_createml import box, row
from tests.label_formats.test_label_studio import RECTANGLE as RESULT
from tests.label_formats.test_label_studio import task
from tests.label_formats.test_labelme import RECTANGLE, labels
from tests.label_formats.test_open_images import HEAD, line


def test_a_folder_in_two_formats_is_asked_about(tmp_path: Path, refuses: Refuses) -> None:
    image(tmp_path / "a.png")
    save(tmp_path / "a.json", labels("a.png", RECTANGLE))
    save(tmp_path / "export.json", [row("a.png", box("dog", 25, 40, 30, 40))])
    refuses(tmp_path, "annotations in 2 formats: labelme, createml", str(tmp_path), "data.split=0.5")
    assert boxes(read(tmp_path, format="createml"))[0][0] == "dog"
    assert boxes(read(tmp_path, format="labelme"))[0][0] == "cat"


def test_a_folder_of_coco_with_exports_of_tools_in_it_is_coco(tmp_path: Path) -> None:
    """Nothing that was read before is read otherwise."""
    image(tmp_path / "train" / "a.png")
    save(tmp_path / "train" / "a.json", labels("a.png", RECTANGLE))
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 80}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 1, "name": "owl"}],
    }
    save(tmp_path / "annotations" / "instances_train.json", truth)
    assert find_format(DataSettings(folder=str(tmp_path))) == "coco"
    assert boxes(read(tmp_path)) == [("owl", 1, 2, 3, 4)]


def test_a_usual_name_of_coco_may_hold_another_format(tmp_path: Path) -> None:
    for split in ("train", "val"):
        image(tmp_path / split / f"{split}.png")
        save(tmp_path / "annotations" / f"{split}.json", [row(f"{split}.png", box("cat", 25, 40, 30, 40))])
    for split in ("train", "val"):
        found = read(tmp_path, split)
        assert (found.file_names.tolist(), boxes(found)) == ([f"{split}.png"], [("cat", 10, 20, 30, 40)])


def test_a_format_that_is_not_there(tmp_path: Path, refuses: Refuses) -> None:
    image(tmp_path / "a.png")
    for name, form in FORMATS.items():
        with pytest.raises(InputError, match="in the folder"):
            find_sets(name, tmp_path)
        refuses(tmp_path, f"no {form.layout} in the folder", str(tmp_path), f"data.format={name}")


def test_files_by_their_content(tmp_path: Path) -> None:
    assert format_of_file(save(tmp_path / "a.json", [task(RESULT)])) == "label_studio"
    assert format_of_file(save(tmp_path / "a.csv", HEAD + line("00a1"))) == "open_images"
    assert format_of_file(save(tmp_path / "b.csv", "name,x\n")) is None
    assert format_of_file(save(tmp_path / "b.json", labels("a.png"))) is None  # of one image
    assert format_of_file(save(tmp_path / "c.json", {"images": []})) is None  # COCO is read elsewhere


def test_one_file_is_split(tmp_path: Path) -> None:
    for i in range(4):
        image(tmp_path / "images" / f"{i}.png")
    save(tmp_path / "export.json", [task(RESULT, name=f"{i}.png") for i in range(4)])
    data = DataSettings(folder=str(tmp_path), split=0.25)
    parts = [read_annotations(data, "train"), read_annotations(data, "val")]
    assert [len(one) for one in parts] == [3, 1]
    with pytest.raises(InputError, match="there is one set of images, 'export', and no other to evaluate on"):
        read(tmp_path, "val")
