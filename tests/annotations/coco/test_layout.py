"""Where COCO's layout has annotations and images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, read_annotations, resolved
from codo.core.errors import InputError
from tests.annotations.refusals import Refuses, Spoil
from tests.conftest import MakeData


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_val.json", "val"),
        ("annotations/instances_val2017.json", "val2017"),
        ("annotations/val.json", "images/val"),
        ("annotations/val.json", "images"),
        ("val/_annotations.coco.json", "val"),
        ("valid/_annotations.coco.json", "valid"),
        ("annotations/instances_val.json", "."),
    ],
)
def test_layouts_of_a_folder(annotations: str, images: str, make_data: MakeData, tmp_path: Path) -> None:
    made, folder = make_data(), tmp_path / "other"
    (folder / annotations).parent.mkdir(parents=True, exist_ok=True)
    (folder / images).mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "annotations" / "instances_val.json", folder / annotations)
    for image in (made / "val").iterdir():
        shutil.copy(image, folder / images)
    read = read_annotations(DataSettings(folder=str(folder)), "val")
    assert len(read) == 4
    assert read.path(0).is_file()
    assert read.path(0).parent == (folder / images)


def test_missing_images_are_counted_and_the_first_is_named(make_data: MakeData) -> None:
    made = make_data()
    for name in ("001.png", "003.png"):
        (made / "train" / name).unlink()
    with pytest.raises(InputError) as caught:
        read_annotations(DataSettings(folder=str(made)), "train")
    assert caught.value.what == f"2 of 4 images missing in {made / 'train'}; the first: 001.png"
    assert len(read_annotations(DataSettings(folder=str(made)), "train", images=False)) == 4


WRITTEN = {
    "backslashes": lambda name: f"C:\\data\\{name}",
    "escapes": lambda name: name.replace("00", "%30%30"),
    "label studio": lambda name: f"/data/local-files/?d=up/{name}",
    "another machine": lambda name: f"/home/me/{name}",
    "another case": lambda name: name.replace(".png", ".PNG"),
    "a URL": lambda name: f"https://host/images/{name}?size=full",
}


def rewrite(data: Path, split: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the images of an annotation file."""
    path = data / f"annotations/instances_{split}.json"
    truth = json.loads(path.read_text())
    change(truth["images"])
    path.write_text(json.dumps(truth))


@pytest.mark.parametrize("kind", WRITTEN)
def test_names_as_tools_write_them_find_the_images_of_their_split(kind: str, make_data: MakeData) -> None:
    """The same names are in train/ and val/; each split finds its own."""
    made = make_data()
    right = read_annotations(DataSettings(folder=str(made)), "val")
    rewrite(made, "val", lambda rows: [row.update(file_name=WRITTEN[kind](row["file_name"])) for row in rows])
    read = read_annotations(DataSettings(folder=str(made)), "val")
    assert [read.path(i) for i in range(4)] == [right.path(i) for i in range(4)]
    assert read.bbox.tolist() == right.bbox.tolist()
    assert any(
        "4 of 4 file names are not there as written and were matched by their last parts" in n for n in read.notes
    )


def test_a_name_that_two_images_fit_is_refused(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    for split in ("train", "val"):
        (data / split).rename(data / f"my_{split}")
    rewrite(data, "train", lambda rows: [row.update(file_name=f"x/{row['file_name']}") for row in rows])
    refuses(data, "4 file names fit more than one image", "instances_train.json")
    rewrite(data, "train", lambda rows: [row.update(file_name=f"my_train\\{row['file_name'][2:]}") for row in rows])
    rewrite(data, "val", lambda rows: [row.update(file_name=f"/up/my_val/{row['file_name']}") for row in rows])
    read = read_annotations(DataSettings(folder=str(data)), "train")
    assert read.path(0) == data / "my_train" / "000.png"


def test_an_image_that_is_gone_is_not_the_one_of_another_folder(spoil: Spoil) -> None:
    data = spoil("coco")
    rewrite(data, "train", lambda rows: [row.update(file_name=f"/up/train/{row['file_name']}") for row in rows])
    (data / "train" / "002.png").unlink()  # val/002.png has the same size
    with pytest.raises(InputError, match=r"1 of 4 images missing .* the first: /up/train/002\.png"):
        read_annotations(DataSettings(folder=str(data)), "train")


def test_missing_images_are_left_out_on_request(make_data: MakeData) -> None:
    made = make_data()
    for name in ("001.png", "003.png"):
        (made / "train" / name).unlink()
    for images in (True, False):
        read = read_annotations(DataSettings(folder=str(made), missing="skip"), "train", images=images)
        assert read.file_names.tolist() == ["000.png", "002.png"]
        assert read.missing == ("001.png", "003.png")


def test_sizes_that_are_left_out_are_those_of_the_images(make_data: MakeData) -> None:
    made = make_data()
    right = read_annotations(DataSettings(folder=str(made)), "val")
    rewrite(made, "val", lambda rows: [row.pop("width") for row in rows])
    assert read_annotations(DataSettings(folder=str(made)), "val").sizes.tolist() == right.sizes.tolist()
    (made / "val" / "001.png").unlink()
    with pytest.raises(InputError, match="1 images have neither a size in the file nor a file"):
        read_annotations(DataSettings(folder=str(made)), "val", images=False)


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("annotations/instances_default.json", "images/default"),
        ("labels.json", "data"),
        ("result.json", "images"),
        ("whatever.json", "some/where"),
    ],
)
def test_one_file_of_all_images_is_split(
    file: str, images: str, make_data: MakeData, tmp_path: Path, refuses: Refuses
) -> None:
    made, folder = make_data(images=10), tmp_path / "one"
    for place in ((folder / file).parent, folder / images):
        place.mkdir(parents=True, exist_ok=True)
    shutil.copy(made / "annotations" / "instances_val.json", folder / file)
    for image in (made / "val").iterdir():
        shutil.copy(image, folder / images)
    data = DataSettings(folder=str(folder), split=0.2)
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (8, 2)
    named = [Path(name).name for name in (*train.file_names, *val.file_names)]
    assert sorted(named) == [f"{i:03d}.png" for i in range(10)]
    again = resolved(data, train, val)
    assert [str(read_annotations(again, "val").path(i)) for i in range(2)] == [str(val.path(i)) for i in range(2)]
    refuses(folder, "one set of images", str(folder))


def test_settings_of_the_reading_are_kept_for_later_commands(make_data: MakeData) -> None:
    data = DataSettings(folder=str(make_data()), crowd="object", exif="upright", areas="computed", missing="skip")
    train, val = (read_annotations(data, split) for split in ("train", "val"))
    again = resolved(data, train, val)
    assert (again.crowd, again.exif, again.areas, again.missing) == ("object", "upright", "computed", "skip")


def test_boxes_and_crowds_are_refused_by_the_command_line(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    path = data / "annotations/instances_train.json"
    right = path.read_text()
    truth = json.loads(right)
    for row in truth["annotations"]:
        row["iscrowd"] = 1
    path.write_text(json.dumps(truth))
    refuses(data, "2 classes have hardly any object that is not marked as a crowd", "instances_train.json")
    truth = json.loads(right)
    for row in truth["annotations"]:
        x, y, w, h = row["bbox"]
        row["bbox"] = [x / 96, y / 64, w / 96, h / 64]
    path.write_text(json.dumps(truth))
    refuses(data, "the boxes are not x, y, width, height in pixels", "instances_train.json")
    read = read_annotations(DataSettings(folder=str(data), box_unit="relative"), "train")
    assert read.bbox.round(6).tolist() == [row["bbox"] for row in json.loads(right)["annotations"]]


def test_coco_images_missing_on_disk(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    for name in ("001.png", "003.png"):
        (data / "train" / name).unlink()
    what = f"2 of 4 images missing in {data / 'train'}; the first: 001.png"
    refuses(data, what, "instances_train.json")
