"""Selecting images by COCO annotations and text files."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from codo.core.errors import InputError
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.sources.listings import coco, keys, listed, read, write_zip


@pytest.mark.parametrize("place", ["train2017", "images/train2017"])
def test_a_coco_json_finds_its_images_and_orders_them(tmp_path: Path, place: str) -> None:
    write_folder(tmp_path / place, jpegs(4))
    wanted = ["002.jpg", "000.jpg"]
    write_folder(tmp_path, {"annotations/instances_train2017.json": coco(wanted)})
    listing = listed(tmp_path / "annotations" / "instances_train2017.json")
    assert keys(listing) == wanted
    assert read(listing)["002.jpg"] == jpeg(2)
    assert listing.selected.endswith("instances_train2017.json")


def test_a_coco_json_restricts_any_source(tmp_path: Path) -> None:
    write_zip(tmp_path / "train2017.zip", {f"train2017/{name}": data for name, data in jpegs(4).items()})
    write_folder(tmp_path, {"some.json": coco(["003.jpg", "001.jpg", "009.jpg"])})
    listing = listed(tmp_path / "train2017.zip", select=str(tmp_path / "some.json"))
    assert keys(listing) == ["train2017/003.jpg", "train2017/001.jpg", "009.jpg"]
    assert listing.members[2].problem == "missing: in the list, not in the source"
    assert read(listing)["train2017/001.jpg"] == jpeg(1)


def test_names_in_a_list_may_start_further_up(tmp_path: Path) -> None:
    write_folder(tmp_path / "images" / "train", jpegs(3))
    write_folder(tmp_path, {"l.json": coco(["train/001.jpg"])})
    assert keys(listed(tmp_path / "images" / "train", select=str(tmp_path / "l.json"))) == ["001.jpg"]
    assert keys(listed(tmp_path / "images", select=str(tmp_path / "l.json"))) == ["train/001.jpg"]


def test_a_name_that_fits_two_images_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", jpegs(2, "train/") | jpegs(2, "val/"))
    write_folder(tmp_path, {"l.json": coco(["001.jpg"])})
    with pytest.raises(InputError, match=r"could be 'train/001\.jpg' and 'val/001\.jpg'"):
        listed(tmp_path / "images", select=str(tmp_path / "l.json"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{broken", "broken JSON: .* at line 1, column 2"),
        (b"[1, 2]", "a JSON list, as result files are"),
        (b'{"images": [{"id": 7}]}', "image 7 has no 'file_name'"),
        (b'{"images": []}', "names no image"),
        (b'{"images": [3]}', "image number 1 has no 'file_name'"),
        (coco(["elsewhere.jpg"]), "cannot find the images"),
    ],
)
def test_broken_annotations(tmp_path: Path, content: bytes, message: str) -> None:
    write_folder(tmp_path, {"annotations/instances_val.json": content, "val/1.jpg": jpeg(1)})
    with pytest.raises(InputError, match=message):
        listed(tmp_path / "annotations" / "instances_val.json")


def test_a_list_of_other_images_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"l.json": coco(["x.jpg"]), "images/1.jpg": jpeg(1)})
    with pytest.raises(InputError, match="none of the 1 listed images is in the source"):
        listed(tmp_path / "images", select=str(tmp_path / "l.json"))


def test_a_text_file_of_paths(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    write_folder(tmp_path, jpegs(3, "some/"))
    memory.pipe("/bucket/far.jpg", jpeg(7))
    lines = [
        "# my favorites",
        "./some/002.jpg",
        "",
        f"{tmp_path}/some/000.jpg",
        "some/002.jpg",
        "memory://bucket/far.jpg",
    ]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    listing = listed(tmp_path / "list.txt")
    assert keys(listing) == ["some/002.jpg", f"{tmp_path}/some/000.jpg"[1:], "bucket/far.jpg"]
    assert list(read(listing).values()) == [jpeg(2), jpeg(0), jpeg(7)]
    assert listing.repeated == 1


def test_a_text_file_of_wrong_paths(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg\n")
    with pytest.raises(InputError, match=r"do not exist, such as '.*/a\.jpg'"):
        listed(tmp_path / "list.txt")
