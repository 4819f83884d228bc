"""Image sets of a VOCdevkit."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from codo.core.errors import InputError
from tests.catalog.pictures import jpeg, write_folder
from tests.sources.listings import keys, listed, read


@pytest.fixture
def vocdevkit(tmp_path: Path) -> Path:
    """Two years; image 3 of 2007 is in test, 5 of 2012 in no set."""
    root = tmp_path / "VOCdevkit"
    for year, stems in (("2007", range(4)), ("2012", range(3, 6))):
        write_folder(root / f"VOC{year}" / "JPEGImages", {f"{stem:06d}.jpg": jpeg(stem) for stem in stems})
        write_folder(root / f"VOC{year}" / "SegmentationClass", {f"{stems[0]:06d}.png": jpeg(0)})
        write_folder(root / f"VOC{year}" / "Annotations", {f"{stems[0]:06d}.xml": b"<x/>"})
    sets = {
        "VOC2007": {"train": "000002", "trainval": "000002\n000001\n000000", "test": "000003"},
        "VOC2012": {"train": "000003", "trainval": "000003\n000004", "cat_train": "000003  1\n000004 -1"},
    }
    for year, texts in sets.items():
        write_folder(root / year / "ImageSets" / "Main", {f"{k}.txt": f"{v}\n".encode() for k, v in texts.items()})
    return root


TRAINVAL = [f"VOC2007/JPEGImages/00000{n}.jpg" for n in (2, 1, 0)] + [
    f"VOC2012/JPEGImages/00000{n}.jpg" for n in (3, 4)
]


def test_a_vocdevkit_is_trainval_unless_asked_otherwise(vocdevkit: Path) -> None:
    listing = listed(vocdevkit)
    assert keys(listing) == TRAINVAL
    assert listing.selected == "VOC2007/trainval, VOC2012/trainval"
    assert keys(listed(vocdevkit.parent)) == [f"VOCdevkit/{key}" for key in TRAINVAL]
    assert keys(listed(vocdevkit / "VOC2007")) == [key.removeprefix("VOC2007/") for key in TRAINVAL[:3]]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("VOC2007/train,VOC2012/train", [TRAINVAL[0], TRAINVAL[3]]),
        ("test", ["VOC2007/JPEGImages/000003.jpg"]),
        ("VOC2012/cat_train", [TRAINVAL[3]]),
        (
            "all",
            [*sorted(TRAINVAL[:3]), "VOC2007/JPEGImages/000003.jpg", *TRAINVAL[3:], "VOC2012/JPEGImages/000005.jpg"],
        ),
    ],
)
def test_voc_image_sets(vocdevkit: Path, select: str, expected: list[str]) -> None:
    assert keys(listed(vocdevkit, select=select)) == expected


def test_voc_in_the_tars_it_comes_in(vocdevkit: Path, tmp_path: Path) -> None:
    tars = []
    for year in ("VOC2007", "VOC2012"):
        tars.append(tmp_path / f"{year}.tar")
        with tarfile.open(tars[-1], "w") as tar:
            tar.add(vocdevkit / year, f"VOCdevkit/{year}")
    listing = listed(*tars)
    assert keys(listing) == [f"VOCdevkit/{key}" for key in TRAINVAL]
    assert read(listing)[f"VOCdevkit/{TRAINVAL[4]}"] == jpeg(4)


def test_names_with_spaces_are_the_images_of_that_name(vocdevkit: Path) -> None:
    """Cut at the space, both sets would be the plain image beside them."""
    folder = vocdevkit / "VOC2012"
    write_folder(folder / "JPEGImages", {f"{name}.jpg": jpeg(1) for name in ("img", "img (1)", "img 1", "._img")})
    write_folder(
        folder / "ImageSets/Main", {"train.txt": b"img (1)\nimg 1\n", "img_train.txt": b"img (1) -1\nimg  1\n"}
    )
    images = [f"VOC2012/JPEGImages/{name}.jpg" for name in ("img", "img (1)", "img 1")]
    listing = listed(vocdevkit, select="VOC2012/train")
    assert (keys(listing), listing.repeated) == (images[1:], 0)
    assert keys(listed(vocdevkit, select="VOC2012/img_train")) == images[:1]
    assert "VOC2012/JPEGImages/._img.jpg" not in keys(listed(vocdevkit, select="all"))


def test_voc_errors(vocdevkit: Path) -> None:
    with pytest.raises(InputError, match="no VOC image set 'trianval'") as caught:
        listed(vocdevkit, select="trianval")
    assert caught.value.fix == "did you mean 'trainval'?"
    with pytest.raises(InputError, match="no VOC image set 'VOC2012/test'") as caught:
        listed(vocdevkit, select="VOC2012/test")
    assert caught.value.fix == "VOC2012 has train, trainval"
    (vocdevkit / "VOC2007" / "JPEGImages" / "000001.jpg").unlink()
    assert listed(vocdevkit).members[1].problem == "missing: in trainval.txt, not in JPEGImages"
    with pytest.raises(InputError, match="not a VOCdevkit"):
        listed(vocdevkit / "VOC2012" / "JPEGImages", select="trainval")
