"""Every kind of source: which files it lists, in which order, under which keys, and where their bytes are."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest

from codo.catalog.reading import Reader
from codo.catalog.sources.listing import Listing
from codo.catalog.sources.source import list_sources
from codo.core.errors import InputError
from tests.catalog.pictures import jpeg, jpegs, write_folder


def listed(*sources: object, select: str | None = None) -> Listing:
    return list_sources([str(source) for source in sources], select)


def keys(listing: Listing) -> list[str]:
    return [member.key for member in listing.members]


def read(listing: Listing) -> dict[str, bytes]:
    """The bytes of all members that have no problem."""
    reader = Reader()
    return {member.key: reader.read(member.location) for member in listing.members if not member.problem}


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_a_folder_tree(tmp_path: Path) -> None:
    files = {"b/2.JPG": jpeg(1), "a/1.png": jpeg(2), "top.jpeg": jpeg(3)}
    junk = {"notes.txt": b"x", "a/x.csv": b"x", ".hidden.jpg": b"x", ".git/1.jpg": b"x", "a/._1.jpg": b"x"}
    listing = listed(write_folder(tmp_path, files | junk))
    assert keys(listing) == ["a/1.png", "b/2.JPG", "top.jpeg"]
    assert listing.ignored == {".csv": 1, ".txt": 1, "hidden": 2}
    assert read(listing) == files


def test_an_imagenet_layout_keeps_its_classes_in_the_keys_only(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"train/n{c:08d}/n{c:08d}_{i}.JPEG": jpeg(2 * c + i) for c in range(3) for i in range(2)})
    assert keys(listed(tmp_path / "train"))[:3] == [
        "n00000000/n00000000_0.JPEG",
        "n00000000/n00000000_1.JPEG",
        "n00000001/n00000001_0.JPEG",
    ]


def test_files_without_an_extension_may_be_images(tmp_path: Path) -> None:
    assert keys(listed(write_folder(tmp_path, {"0a1b2c": jpeg(1), "README": b"x"}))) == ["0a1b2c", "README"]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"1.jpg": jpeg(1)})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos" / "linked" / "round").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "dangling.jpg").symlink_to(tmp_path / "nothing")
    assert keys(listed(tmp_path / "photos")) == ["dangling.jpg", "linked/1.jpg"]


def test_a_tar_is_read_in_place_in_its_order(tmp_path: Path) -> None:
    long = "folder/" * 20 + "long.jpg"
    files = {"./b.jpg": jpeg(1), "a/1.jpg": jpeg(2), long: jpeg(3)}
    listing = listed(write_tar(tmp_path / "x.tar", files | {"info.json": b"{}", "__MACOSX/._b.jpg": b"x"}))
    assert keys(listing) == ["b.jpg", "a/1.jpg", long]
    assert list(read(listing).values()) == list(files.values())
    assert {member.location.uri for member in listing.members} == {str(tmp_path / "x.tar")}
    assert listing.ignored == {".json": 1, "hidden": 1}


def test_webdataset_shards(tmp_path: Path) -> None:
    for shard in range(2):
        files = {f"{n:04d}.{e}": jpeg(10 * shard + n) if e == "jpg" else b"1" for n in range(2) for e in ("cls", "jpg")}
        write_tar(tmp_path / f"train-{shard:03d}.tar", files)
    expected = ["0000.jpg", "0001.jpg", "train-001/0000.jpg", "train-001/0001.jpg"]
    for source in (tmp_path, tmp_path / "train-*.tar", tmp_path / "train-{000..001}.tar"):
        listing = listed(source)
        assert keys(listing) == expected
        assert list(read(listing).values()) == [jpeg(0), jpeg(1), jpeg(10), jpeg(11)]


def test_tars_inside_a_tar(tmp_path: Path) -> None:
    inner = {}
    for name in ("n01", "n02"):
        write_tar(tmp_path / "inner.tar", {f"{name}_{i}.JPEG": jpeg(i) for i in range(2)})
        inner[f"{name}.tar"] = (tmp_path / "inner.tar").read_bytes()
    listing = listed(write_tar(tmp_path / "outer.tar", inner | {"last.jpg": jpeg(9)}))
    assert keys(listing) == ["n01/n01_0.JPEG", "n01/n01_1.JPEG", "n02/n02_0.JPEG", "n02/n02_1.JPEG", "last.jpg"]
    assert list(read(listing).values()) == [jpeg(0), jpeg(1), jpeg(0), jpeg(1), jpeg(9)]


def test_a_damaged_tar_loses_nothing_in_silence(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", jpegs(3))
    data = bytearray(path.read_bytes())
    second = data.index(b"001.jpg")
    data[second : second + 20] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)
    path.write_bytes(write_tar(path, jpegs(3)).read_bytes()[:-11000])
    with pytest.raises(InputError, match="damaged archive"):
        listed(path)


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz"])
def test_a_compressed_tar_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read in place"):
        listed(tmp_path / name)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_in_place(tmp_path: Path, method: int) -> None:
    files = {"b/x.jpg": jpeg(1), "a.jpg": jpeg(2)}
    listing = listed(write_zip(tmp_path / "x.zip", files | {"list.csv": b"1"}, method))
    assert keys(listing) == ["b/x.jpg", "a.jpg"]
    assert read(listing) == files
    assert {member.location.deflated for member in listing.members} == {method == zipfile.ZIP_DEFLATED}


def test_zip_members_that_cannot_be_read_in_place_say_so(tmp_path: Path) -> None:
    write_zip(tmp_path / "x.zip", {"a.jpg": jpeg(1)}, zipfile.ZIP_BZIP2)
    assert listed(tmp_path / "x.zip").members[0].problem.startswith("unreadable: zip compression 12")
    (tmp_path / "y.zip").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(InputError, match="damaged archive"):
        listed(tmp_path / "y.zip")


def coco(names: list[str]) -> bytes:
    images = [{"id": n, "file_name": name, "width": 60, "height": 48} for n, name in enumerate(names)]
    return json.dumps({"images": images, "annotations": [], "categories": []}).encode()


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
    assert listing.members[2].problem == "missing: named by the list, not in the source"
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
        (b"{broken", "cannot read the list of images"),
        (b"[1, 2]", "there is no list 'images'"),
        (b'{"images": [{"id": 7}]}', "image 7 has no 'file_name'"),
        (b'{"images": []}', "names no image"),
        (coco(["elsewhere.jpg"]), "cannot find the images"),
    ],
)
def test_broken_annotations(tmp_path: Path, content: bytes, message: str) -> None:
    write_folder(tmp_path, {"annotations/instances_val.json": content, "val/1.jpg": jpeg(1)})
    with pytest.raises(InputError, match=message):
        listed(tmp_path / "annotations" / "instances_val.json")


def test_a_list_of_other_images_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"l.json": coco(["x.jpg"]), "images/1.jpg": jpeg(1)})
    with pytest.raises(InputError, match="none of the 1 images it names is in the source"):
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


def test_folders_and_archives_by_url(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    for name, data in (jpegs(3, "class/") | {"list.txt": b"x"}).items():
        memory.pipe(f"/bucket/photos/{name}", data)
    memory.pipe("/bucket/x.tar", write_tar(tmp_path / "x.tar", jpegs(3)).read_bytes())
    memory.pipe("/bucket/x.zip", write_zip(tmp_path / "x.zip", jpegs(3)).read_bytes())
    assert read(listed("memory://bucket/photos")) == jpegs(3, "class/")
    assert read(listed("memory://bucket/x.tar")) == jpegs(3)
    assert read(listed("memory://bucket/x.zip")) == jpegs(3)
    assert listed("memory://bucket/photos").ignored == {".txt": 1}
    with pytest.raises(InputError, match="nothing at this URL"):
        listed("memory://bucket/phtos")


def test_several_sources_keep_their_order_and_keys_apart(tmp_path: Path) -> None:
    write_folder(tmp_path / "b", jpegs(2))
    write_folder(tmp_path / "a", jpegs(2))
    listing = listed(tmp_path / "b", tmp_path / "a", tmp_path / "a" / "001.jpg")
    assert keys(listing) == ["000.jpg", "001.jpg", "a/000.jpg", "a/001.jpg"]
    assert listing.repeated == 1


def test_names_that_are_not_unicode_are_rejected_by_name(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.jpg", "wb") as file:
        file.write(jpeg(1))
    write_folder(tmp_path, {"café.jpg": jpeg(2)})
    listing = listed(tmp_path)
    problems = {member.key: member.problem for member in listing.members}
    assert problems == {"café.jpg": "", r"caf\xe9.jpg": "unreadable: the file name is not UTF-8"}


@pytest.mark.parametrize("name", ["empty", "words"])
def test_nothing_to_list(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "words", {"a.txt": b"x", "b.md": b"x", "c.md": b"x"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no images found \(it is empty\)" if name == "empty" else r"2 \.md, 1 \.txt"):
        listed(tmp_path / name)


def test_files_of_no_known_kind(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a '\.parquet' file is not a source"):
        listed(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no such file"):
        listed(tmp_path / "a.jsn")
    with pytest.raises(InputError, match="no such file"):
        listed(tmp_path / "a.json")


def test_the_fingerprint_changes_with_the_source(tmp_path: Path) -> None:
    write_folder(tmp_path, jpegs(3))
    before = listed(tmp_path).fingerprint()
    assert listed(tmp_path).fingerprint() == before
    os.utime(tmp_path / "001.jpg", ns=(0, 1_000_000))
    touched = listed(tmp_path).fingerprint()
    (tmp_path / "002.jpg").unlink()
    assert len({before, touched, listed(tmp_path).fingerprint()}) == 3
