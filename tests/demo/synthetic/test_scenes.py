"""The data set on disk: COCO validity, determinism, what happens without photographs, wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from codo.core.errors import InputError
from codo.demo.synthetic import photographs
from codo.demo.synthetic.scenes import DemoData, write_demo, write_pictures


def _files(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()}


def _splits(data: DemoData) -> list[tuple[Path, COCO]]:
    return [(data.train, COCO(str(data.train_json))), (data.val, COCO(str(data.val_json)))]


def test_annotations_are_valid_coco(demo_data: DemoData) -> None:
    for (folder, coco), count in zip(_splits(demo_data), (40, 16), strict=True):
        raw: dict[str, Any] = coco.dataset
        assert set(raw) >= {"info", "licenses", "categories", "images", "annotations"}
        assert [c["name"] for c in raw["categories"]] == list(demo_data.classes)
        assert [c["id"] for c in raw["categories"]] == list(range(1, len(demo_data.classes) + 1))
        licenses = {entry["id"] for entry in raw["licenses"]}
        assert len(coco.imgs) == len(raw["images"]) == count
        assert len(coco.anns) == len(raw["annotations"])  # an id used twice would have been overwritten
        for image in raw["images"]:
            with Image.open(folder / image["file_name"]) as opened:
                assert opened.size == (image["width"], image["height"]) == (96, 96)
                assert opened.mode == "RGB"
            assert image["license"] in licenses
        assert {a["image_id"] for a in raw["annotations"]} == set(coco.imgs)  # no picture without an object
        assert all(a["iscrowd"] == 0 for a in raw["annotations"])


def test_boxes_and_areas_are_those_of_the_masks(demo_data: DemoData) -> None:
    for _, coco in _splits(demo_data):
        for annotation in coco.dataset["annotations"]:
            mask = coco.annToMask(annotation)
            assert mask.shape == (96, 96)
            rows, columns = np.nonzero(mask)
            x, y, w, h = annotation["bbox"]
            assert (x, y) == (columns.min(), rows.min())
            assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)
            assert annotation["area"] == mask.sum() > 0
            assert all(isinstance(value, float) for value in annotation["bbox"])


def test_masks_of_one_picture_do_not_overlap(demo_data: DemoData) -> None:
    for _, coco in _splits(demo_data):
        for image_id in coco.imgs:
            total = sum(coco.annToMask(a).astype(int) for a in coco.imgToAnns[image_id])
            assert np.max(total) == 1


def test_every_class_is_in_both_splits(demo_data: DemoData) -> None:
    for _, coco in _splits(demo_data):
        assert {a["category_id"] for a in coco.dataset["annotations"]} == set(coco.cats)


def test_scenes_have_one_to_four_objects_and_some_are_partly_hidden(demo_data: DemoData) -> None:
    coco = COCO(str(demo_data.train_json))
    counts = [len(coco.imgToAnns[k]) for k in coco.imgs]
    assert min(counts) >= 1
    assert max(counts) <= 4
    assert len(set(counts)) >= 3


def test_same_seed_same_bytes_and_other_seed_other_pictures(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"size": 64, "objects": 4, "train": 4, "val": 2}
    first, again = write_demo(tmp_path / "a", seed=5, **settings), write_demo(tmp_path / "b", seed=5, **settings)
    assert _files(first.root) == _files(again.root)
    assert _files(write_demo(tmp_path / "a", seed=5, **settings).root) == _files(again.root)  # over an older one
    other = _files(write_demo(tmp_path / "c", seed=6, **settings).root)
    drawn = [name for name in _files(first.root) if "object-" in name or "scene-" in name]
    assert len(drawn) == 10
    assert all(other[name] != _files(first.root)[name] for name in drawn)


def test_splits_and_pictures_differ_from_each_other(demo_data: DemoData) -> None:
    pictures = [content for name, content in _files(demo_data.root).items() if name.endswith(".jpg")]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("size", [64, 150, 512])
def test_size(tmp_path: Path, size: int) -> None:
    data = write_demo(tmp_path / "demo", size=size, objects=2, train=2, val=1)
    pictures = [*data.unlabeled.iterdir(), *data.train.iterdir(), *data.val.iterdir()]
    assert len(pictures) >= 5
    for file in pictures:
        with Image.open(file) as opened:
            assert opened.size == (size, size)


def test_without_the_packages_backgrounds_are_procedural_and_annotations_the_same(
    tmp_path: Path, demo_data: DemoData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs.importlib.util, "find_spec", lambda name: None)
    bare = write_demo(tmp_path / "bare", size=96, objects=10, train=40, val=16, seed=3)
    assert bare.photographs == ()
    assert not list(bare.unlabeled.glob("photo-*"))
    assert not (bare.root / "CREDITS.txt").exists()
    for ours, theirs in ((bare.train_json, demo_data.train_json), (bare.val_json, demo_data.val_json)):
        here, there = json.loads(ours.read_text()), json.loads(theirs.read_text())
        assert here["annotations"] == there["annotations"]
        assert {image["license"] for image in here["images"]} == {1}


def test_photographs_can_be_declined(tmp_path: Path) -> None:
    data = write_demo(tmp_path / "demo", size=64, objects=1, train=1, val=1, use_photographs=False)
    assert data.photographs == ()
    assert [file.name for file in data.unlabeled.iterdir()] == ["object-00000.jpg"]


def test_used_photographs_are_credited(demo_data: DemoData) -> None:
    if not demo_data.photographs:
        pytest.skip("neither scikit-image nor scikit-learn is installed")
    credited = (demo_data.root / "CREDITS.txt").read_text()
    for photograph in demo_data.photographs:
        assert photograph.path in credited
    raw = json.loads(demo_data.train_json.read_text())
    licenses = {entry["id"]: entry["name"] for entry in raw["licenses"]}
    names = [photograph.name for photograph in demo_data.photographs]
    shown = [image for image in raw["images"] if image["background"] in names]
    assert shown
    assert all(image["background"] in licenses[image["license"]] for image in shown)


def test_progress_counts_every_image_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    data = write_demo(
        tmp_path / "demo", size=64, objects=3, train=2, val=1, progress=lambda done, total: seen.append((done, total))
    )
    total = len(list(data.root.rglob("*.jpg")))
    assert seen == [(k, total) for k in range(1, total + 1)]


def test_a_smaller_set_is_not_mixed_with_a_larger_one(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    before = _files(write_demo(out, size=64, objects=3, train=2, val=1).root)
    with pytest.raises(InputError, match="files of another data set"):
        write_demo(out, size=64, objects=2, train=2, val=1)
    assert _files(out) == before


@pytest.mark.parametrize("wrong", [{"size": 32}, {"size": 4096}, {"objects": 0}, {"train": 0}, {"seed": -1}])
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is {next(iter(wrong.values()))}"):
        write_demo(tmp_path / "demo", **wrong)
    assert not (tmp_path / "demo").exists()


def test_a_file_in_the_way_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("not a folder")
    with pytest.raises(InputError, match="cannot create the folder"):
        write_demo(tmp_path / "demo", size=64, objects=1, train=1, val=1)


def test_pictures_in_class_folders_are_the_object_images(tmp_path: Path) -> None:
    data = write_demo(tmp_path / "data", size=64, objects=9, train=1, val=1, use_photographs=False)
    folder = write_pictures(tmp_path / "pictures", size=64, train=9, val=8, use_photographs=False)
    first = data.classes[0]
    assert [file.name for file in sorted((folder / "train" / first).iterdir())] == [
        "object-00000.jpg",
        "object-00008.jpg",
    ]
    for file in (folder / "train").rglob("*.jpg"):
        assert file.read_bytes() == (data.unlabeled / file.name).read_bytes()
    assert sorted(entry.name for entry in (folder / "val").iterdir()) == sorted(data.classes)
    seen = {file.read_bytes() for file in (folder / "train").rglob("*.jpg")}
    assert not seen & {file.read_bytes() for file in (folder / "val").rglob("*.jpg")}
    before = _files(folder)
    write_pictures(folder, size=64, train=9, val=8, use_photographs=False)
    assert _files(folder) == before
