"""Which images belong to a split of a VOCdevkit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from codo.annotations.source import find_format, read_annotations, resolved
from codo.core.errors import InputError
from codo.sources.source import list_sources
from tests.annotations.layouts import names, settings, write_voc
from tests.annotations.refusals import Refuses, Spoil, replace_in
from tests.annotations.synthetic import coco


def test_where_a_test_set_is_labeled_years_are_joined_by_vocs_protocol(devkit: Path) -> None:
    train = names(devkit, "train")
    assert train == [
        *(f"VOC2007/JPEGImages/trainval_{i:03}.png" for i in range(3)),
        "VOC2012/JPEGImages/trainval_000.png",
    ]
    assert names(devkit, "val") == [f"VOC2007/JPEGImages/test_{i:03}.png" for i in range(2)]
    assert names(devkit.parent, "train") == [f"VOCdevkit/{name}" for name in train]


def test_image_sets_by_name(devkit: Path) -> None:
    assert len(names(devkit, "train", train_split="train")) == 2
    assert len(names(devkit, "train", train_split="VOC2007/train, VOC2012/val")) == 4
    assert names(devkit, "val", val_split="VOC2012/trainval") == ["VOC2012/JPEGImages/trainval_000.png"]
    with pytest.raises(
        InputError, match=r"no image set 'VOC2012/train' in ImageSets/Main of VOC2007, VOC2012"
    ) as caught:
        names(devkit, "train", train_split="VOC2012/train")
    assert caught.value.fix == "did you mean 'VOC2012/trainval'?"


def test_two_images_of_one_name_are_refused(devkit: Path) -> None:
    images = devkit / "VOC2007/JPEGImages"
    (images / "trainval_001.jpg").write_bytes((images / "trainval_001.png").read_bytes())
    with pytest.raises(InputError) as caught:
        names(devkit, "train")
    assert caught.value.what.startswith("trainval_001.jpg and trainval_001.png have one name")
    assert caught.value.where == str(images)


def test_a_year_alone_has_train_and_val(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "VOC2012", {"train": coco(2, seed=1), "val": coco(1, seed=2)}, year=None)
    assert names(folder, "train") == ["JPEGImages/train_000.png", "JPEGImages/train_001.png"]
    assert names(folder, "val") == ["JPEGImages/val_000.png"]


def test_images_without_the_class_of_a_set_are_in_the_split_but_not_in_a_catalog(tmp_path: Path) -> None:
    """One file, two uses: negative examples for detection, and not what a selection by class asks for."""
    folder = write_voc(tmp_path, {"train": coco(3, seed=1), "val": coco(1, seed=2)})
    rows = "train_000 -1\n\ntrain_001  1\ntrain_002  0\n"
    (folder / "VOC2007/ImageSets/Main/cat_train.txt").write_text(rows)
    images = [f"VOC2007/JPEGImages/train_{i:03}.png" for i in range(3)]
    assert names(folder, "train", train_split="cat_train") == images
    assert [member.key for member in list_sources([str(folder)], "cat_train").members] == images[1:]


def flat(folder: Path, splits: dict[str, int], labels: str = ".", images: str = ".") -> Path:
    """VOC's files without image sets: a folder per split, ``""`` for the folder itself."""
    for seed, (split, count) in enumerate(splits.items()):
        written = write_voc(folder / ".written" / split, {"x": coco(count, seed=seed)}, year=None)
        for kind, place, extension in (("JPEGImages", images, "png"), ("Annotations", labels, "xml")):
            (folder / split / place).mkdir(parents=True, exist_ok=True)
            for file in sorted((written / kind).iterdir()):
                file.rename(folder / split / place / f"{file.stem.replace('x_', split[:1] or 'a')}.{extension}")
    return folder


@pytest.mark.parametrize(
    ("labels", "images"),
    [
        (".", "."),
        ("Annotations", "JPEGImages"),
        ("annotations", "images"),
        ("Annotations", "."),
        (".", "images"),
        ("labels", "data"),
    ],
)
def test_one_folder_per_split(tmp_path: Path, labels: str, images: str) -> None:
    """As Roboflow writes them: XML beside the images; or in folders of their own."""
    folder = flat(tmp_path, {"train": 2, "valid": 1, "test": 3}, labels, images)
    inside = "" if images == "." else f"{images}/"
    assert names(folder, "train") == [f"train/{inside}t{i:03}.png" for i in range(2)]
    assert names(folder, "val") == [f"valid/{inside}v000.png"]
    assert len(names(folder, "val", val_split="test")) == 3
    train, val = (read_annotations(settings(folder), split) for split in ("train", "val"))
    assert (find_format(settings(folder)), len(train.labels), len(val.labels)) == ("voc", 4, 2)
    assert train.categories == val.categories
    assert train.notes[0] == f"{folder}/train: no ImageSets/Main: 'train' is the 2 images with an XML file"
    again = resolved(settings(folder), train, val)
    assert (again.train_split, again.val_split) == ("train", "valid")
    assert read_annotations(again, "val").bbox.tolist() == val.bbox.tolist()


def test_test_beside_train_names_the_setting(tmp_path: Path, answer: Callable[[list[str]], list[str]]) -> None:
    folder = flat(tmp_path, {"train": 2, "test": 1})
    lines = answer(["finetune", f"data={folder}", f"out={tmp_path / 'run'}", "steps=1"])
    assert lines[0] == "codo: no split 'val', but test, train"
    assert lines[2] == "  fix:   evaluate on test with data.val_split=test"
    assert names(folder, "val", val_split="test") == ["test/t000.png"]
    sets = write_voc(tmp_path / "sets", {"train": coco(2, seed=1), "test": coco(1, seed=2)})
    with pytest.raises(InputError, match="no split 'val', but test, train"):
        names(sets, "val")


@pytest.mark.parametrize(("labels", "images"), [("Annotations", "JPEGImages"), (".", "."), ("annotations", "images")])
def test_one_set_is_split_on_request(
    tmp_path: Path, labels: str, images: str, answer: Callable[[list[str]], list[str]]
) -> None:
    """Pascal folders without ImageSets: which images to evaluate on is asked, not guessed."""
    folder = flat(tmp_path, {"": 5}, labels, images)
    assert len(names(folder, "train")) == 5
    lines = answer(["finetune", f"data={folder}", f"out={tmp_path / 'run'}", "steps=1"])
    assert lines[0] == "codo: there is one set of images, 'all', and no other to evaluate on"
    assert "data.split=0.2" in lines[2]
    assert "data.val_split=all" in lines[2]
    whole = settings(folder, split=0.4)
    train, val = (read_annotations(whole, split).file_names.tolist() for split in ("train", "val"))
    assert (len(train), len(val)) == (3, 2)
    assert sorted(train + val) == names(folder, "train")
    again = resolved(whole, read_annotations(whole, "train"), read_annotations(whole, "val"))
    assert [read_annotations(again, split).file_names.tolist() for split in ("train", "val")] == [train, val]


def test_the_default_set_of_cvat(tmp_path: Path) -> None:
    """CVAT writes default.txt, and a set per class; images may be in folders."""
    folder = write_voc(tmp_path, {"default": coco(3)}, year=None)
    for kind in ("JPEGImages", "Annotations"):
        (folder / kind / "cam 1").mkdir()
        for file in sorted((folder / kind).glob("default_002*")):
            file.rename(folder / kind / "cam 1" / file.name)
    (folder / "ImageSets/Main/default.txt").write_text("default_000\ndefault_001\ncam 1/default_002\n")
    (folder / "ImageSets/Main/box_default.txt").write_text("default_000  1\ndefault_001 -1\ncam 1/default_002 -1\n")
    files = ["JPEGImages/default_000.png", "JPEGImages/default_001.png", "JPEGImages/cam 1/default_002.png"]
    read = read_annotations(settings(folder), "train")
    assert read.file_names.tolist() == files
    assert len(read.labels) == 6
    assert read.notes[0] == f"{folder}: the image set is 'default'"
    assert names(folder, "train", train_split="box_default") == files
    with pytest.raises(InputError, match="there is one set of images, 'default'"):
        names(folder, "val")
    assert names(folder, "val", val_split="default") == files


def test_images_without_an_xml_file_are_told_and_xml_files_without_an_image_refused(tmp_path: Path) -> None:
    folder = flat(tmp_path, {"train": 3, "val": 1})
    (folder / "train/t001.xml").unlink()
    read = read_annotations(settings(folder), "train")
    assert len(read) == 2
    assert "1 without one are left out, the first: t001" in read.notes[0]
    (folder / "train/t000.png").unlink()
    with pytest.raises(InputError, match=r"1 of 2 images missing in .*train; the first: t000"):
        names(folder, "train")


def test_hidden_files_and_upper_case(tmp_path: Path) -> None:
    folder = flat(tmp_path, {"train": 2, "val": 1})
    (folder / "train/t000.xml").rename(folder / "train/t000.XML")
    (folder / "train/t000.png").rename(folder / "train/t000.PNG")
    for name in ("._t000.xml", "._t000.png", "@eaDir/t000.png/SYNOPHOTO_THUMB_M.jpg", ".ipynb_checkpoints/t.xml"):
        (folder / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "train" / name).write_bytes(b"no image, no XML")
    (folder / "@eaDir").mkdir()
    read = read_annotations(settings(folder), "train")
    assert read.file_names.tolist() == ["train/t000.PNG", "train/t001.png"]
    assert "3 hidden files and folders are left out, the first: ._t000.png" in read.notes[1]


def test_xml_files_of_something_else_are_no_voc(tmp_path: Path) -> None:
    """CVAT's own format, and a project file."""
    (tmp_path / "annotations.xml").write_text("<?xml version='1.0'?><annotations><version>1.1</version></annotations>")
    with pytest.raises(InputError, match="no annotations in the folder"):
        names(tmp_path, "train")


def test_names_with_spaces(tmp_path: Path) -> None:
    """Cut at the space, both splits would be the plain image beside them."""
    folder = write_voc(tmp_path, {"train": coco(3, seed=1), "val": coco(1, seed=2)}, year=None)
    renamed = {"train_000": "img", "train_001": "img (1)", "train_002": "img 1"}
    for old, new in renamed.items():
        (folder / f"JPEGImages/{old}.png").rename(folder / f"JPEGImages/{new}.PNG")
        (folder / f"Annotations/{old}.xml").rename(folder / f"Annotations/{new}.xml")
    main = folder / "ImageSets/Main"
    (main / "train.txt").write_text('"img (1)"\n', encoding="utf-8-sig")
    (main / "val.txt").write_text("img 1\nimg\n", encoding="utf-16")
    (main / "cat_val.txt").write_text("img 1  1\nimg -1\nimg  (1) 0\n")
    assert names(folder, "train") == ["JPEGImages/img (1).PNG"]
    assert names(folder, "val") == ["JPEGImages/img 1.PNG", "JPEGImages/img.PNG"]
    assert len(read_annotations(settings(folder), "val").labels) == 4
    with pytest.raises(InputError, match=r"1 of 3 XML files missing in .*; the first: img  \(1\)"):
        names(folder, "val", val_split="cat_val")


def test_an_image_may_be_of_any_kind(tmp_path: Path) -> None:
    folder = write_voc(tmp_path, {"train": coco(1)})
    picture = folder / "VOC2007/JPEGImages/train_000.png"
    cv2.imwrite(str(picture.with_suffix(".jpg")), cv2.imread(str(picture)))
    picture.unlink()
    assert names(folder, "train") == ["VOC2007/JPEGImages/train_000.jpg"]


@pytest.mark.parametrize(("folder", "what"), [("JPEGImages", "images"), ("Annotations", "XML files")])
def test_missing_files(folder: str, what: str, spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    for file in sorted((data / "VOC2007" / folder).glob("train_*"))[1:3]:
        file.unlink()
    refuses(data, f"2 of 4 {what} missing in ", "Main/train.txt")


def test_missing_images_are_skipped_on_request(spoil: Spoil, answer: Callable[[list[str]], list[str]]) -> None:
    data = spoil("voc")
    pictures = data / "VOC2007/JPEGImages"
    for name in ("train_001", "train_002"):
        (pictures / f"{name}.png").unlink()
    (data / "VOC2007/Annotations/train_002.xml").unlink()  # an image of which nothing is there but its name
    read = read_annotations(settings(data, missing="skip"), "train")
    assert read.file_names.tolist() == [f"VOC2007/JPEGImages/train_{i}.png" for i in ("000", "003")]
    assert read.missing == ("VOC2007/JPEGImages/train_001", "VOC2007/JPEGImages/train_002")
    note = "2 of 4 images are not there and were left out (data.missing=skip)"
    assert read.notes == (f"{data / 'VOC2007/ImageSets/Main/train.txt'}: {note}",)
    for file in pictures.glob("train_*"):
        file.unlink()
    lines = answer(["finetune", f"data={data}", "data.missing=skip", f"out={data.parent / 'run'}", "steps=1"])
    assert lines[0] == "codo: none of 4 images is there; the first: VOC2007/JPEGImages/train_000"


def test_an_image_that_is_named_twice(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("voc")
    replace_in(data / "VOC2007/ImageSets/Main/train.txt", old="train_002", new="train_001")
    refuses(data, "1 image is listed more than once; the first: train_001", "Main/train.txt")


def test_an_unknown_split(right: dict[str, Path], refuses: Refuses) -> None:
    what = "no image set 'tain' in ImageSets/Main of VOC2007"
    refuses(right["voc"], what, "VOC2007", "data.train_split=tain")
    what = "no image set 'VOC2012/train'"
    refuses(right["voc"], what, "VOC2007", "data.train_split=VOC2012/train")
