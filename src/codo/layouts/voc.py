"""The folder layouts of PASCAL VOC and of tools that write its XML files: where images and labels are.

::

    VOCdevkit/                          or the folder of one year
      VOC2007/
        JPEGImages/000005.jpg
        Annotations/000005.xml
        ImageSets/Main/trainval.txt     one name per line, without extension
      VOC2012/…

    train/a.jpg  train/a.xml            a folder per split, with XML files beside the images or in Annotations/
    valid/…      test/…                 (images then in JPEGImages/, images/ or data/)

    Annotations/a.xml  JPEGImages/a.jpg     one set: all images with an XML file; or both in the folder itself; FiftyOne
                                            has labels/ and data/

The image sets of several years are joined. If a ``test`` set is labeled, VOC's protocol is followed: training on
``trainval`` of all years (07+12), evaluation on ``test``; otherwise ``train`` and ``val``. Other sets are chosen with
``data.train_split=`` and ``data.val_split=``: ``trainval`` of every year, or ``VOC2007/trainval``, or
``VOC2007/train,VOC2012/val``. A folder with one set only, such as CVAT's ``default.txt``, has nothing to evaluate on:
``data.split=`` keeps a part of it for that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from codo.core.errors import InputError, nearest
from codo.layouts.missing import Missing, missing_note
from codo.layouts.splits import no_such_split, only_one_set
from codo.sources.folder import files_with, image_files, visible_files, visible_folders
from codo.sources.image_lists import parse_image_set
from codo.sources.listing import IMAGE_EXTENSIONS, extension

IMAGES = ("JPEGImages", "images", "Images", "imgs", "data")
LABELS = ("Annotations", "annotations", "labels", "xmls", "xml")
"""Names of the folders of images and of XML files; without such a folder they are in the folder itself."""

EVALUATED = ("val", "valid", "validation")
"""Names of a split to evaluate on, in the order in which they are tried."""

ALL = "all"
"""Name of the only set of a folder without image sets and split folders."""


class ImageSet(NamedTuple):
    """One image set, or one folder with all images of a split.

    Attributes:
        root: Folder of one year or split.
        name: ``trainval``, …
        listed: Whether a text file lists its images; else they are all images with an XML file.
    """

    root: Path
    name: str
    listed: bool = True

    @property
    def file(self) -> Path:
        """The text file; the folder of a set without one."""
        return self.root / "ImageSets" / "Main" / f"{self.name}.txt" if self.listed else self.root

    @property
    def images(self) -> Path:
        """Folder of its images."""
        if self.listed:
            return self.root / "JPEGImages"
        if self.labels == self.root and any(extension(name) in IMAGE_EXTENSIONS for name in visible_files(self.root)):
            return self.root
        return next((self.root / name for name in IMAGES if (self.root / name).is_dir()), self.root)

    @property
    def labels(self) -> Path:
        """Folder of its XML files."""
        if self.listed:
            return self.root / "Annotations"
        return _labels(self.root) or self.root


class VocImage(NamedTuple):
    """An image and its labels.

    Attributes:
        name: Image file, relative to the data folder.
        labels: XML file.
    """

    name: str
    labels: Path


class VocSplit(NamedTuple):
    """The images of a split, in order, and what was inferred about where they are.

    Attributes:
        images: The images.
        notes: One line each.
        missing: Names of the images that are not there and were left out.
    """

    images: list[VocImage]
    notes: list[str]
    missing: list[str]


def years(folder: Path) -> list[Path]:
    """The folders below ``folder`` with the layout of a VOC year, by name; ``folder`` itself if it has this layout."""
    inside = folder / "VOCdevkit"
    candidates = [folder, *visible_folders(inside if inside.is_dir() else folder)]
    found = [one for one in candidates if (one / "Annotations").is_dir() and _set_names(one)]
    return found[:1] if found[:1] == [folder] else found


def is_voc(folder: Path) -> bool:
    """Whether a folder has XML files of VOC in a layout without image sets."""
    return bool(_unlisted(folder))


def label_folders(folder: Path) -> list[Path]:
    """The folders of all XML files, of every year and split."""
    roots = years(folder)
    return [root / "Annotations" for root in roots] if roots else [one.labels for one in _unlisted(folder)]


def image_sets(folder: Path, split: str, named: str | None) -> list[ImageSet]:
    """The image sets of a split.

    Args:
        folder: The data folder.
        split: ``train`` or ``val``.
        named: Value of ``data.train_split`` or ``data.val_split``.

    Raises:
        InputError: There is no such set; suggests the nearest name, or says how to choose.
    """
    known = [ImageSet(root, name) for root in years(folder) for name in _set_names(root)] or _unlisted(folder)
    if named is not None:
        return [one for part in named.split(",") for one in _named(folder, known, part.strip(), f"data.{split}_split")]
    tested = [one for one in known if one.name == "test" and one.listed and _is_labeled(one)]
    trained = [one for one in known if one.name == "trainval"]
    if tested and trained:
        return trained if split == "train" else tested
    for name in EVALUATED if split == "val" else (split,):
        if found := [one for one in known if one.name.lower() == name]:
            return found
    names = _plain(known)
    if len(names) == 1:
        if split == "train":
            return [one for one in known if one.name == names[0]]
        raise only_one_set(names[0], str(folder))
    if split == "val" and "test" in names:
        raise no_such_split(split, names, str(folder))
    return _named(folder, known, split, f"data.{split}_split")


def images_of(folder: Path, sets: list[ImageSet], *, checked: bool, missing: Missing = "error") -> VocSplit:
    """Images of image sets, in order.

    Args:
        folder: Folder that names are relative to.
        sets: From `image_sets`.
        checked: Whether the images must exist; else they are assumed to be JPEGs.
        missing: What to do about images that do not exist: ``error``, or ``skip`` them.

    Raises:
        InputError: Images or XML files are missing or ambiguous, or sets are empty or list an image twice; names the
            first.
    """
    images: list[VocImage] = []
    notes: list[str] = []
    gone: list[str] = []
    for one in sets:
        found = image_files(one.images)
        pictures = _by_stem(found.paths, one.images)
        labels = _by_stem(files_with(one.labels, {".xml"}).paths, one.labels)
        stems = _listed(one, {*pictures, *labels}) if one.listed else sorted(labels)
        repeated = [stem for stem, times in Counter(stems).items() if times > 1]
        if repeated:
            count = "1 image is" if len(repeated) == 1 else f"{len(repeated)} images are"
            raise InputError(
                f"{count} listed more than once; the first: {repeated[0]}",
                where=str(one.file),
                fix="list every image once",
            )
        if missing == "skip":
            absent = [f"{one.images.relative_to(folder).as_posix()}/{stem}" for stem in stems if stem not in pictures]
            notes += filter(None, [missing_note(str(one.file), absent, len(stems))])
            gone += absent
            stems = [stem for stem in stems if stem in pictures]
        _refuse_twins(found.paths, pictures, stems, one.images)
        _refuse_missing(stems, labels, "XML files", one.labels, one)
        if checked:
            _refuse_missing(stems, pictures, "images", one.images, one)
        for stem in stems:
            picture = pictures.get(stem, one.images / f"{stem}.jpg")
            images.append(VocImage(picture.relative_to(folder).as_posix(), labels[stem]))
        notes += _notes(one, pictures, labels, found.hidden)
    if not images:
        raise InputError("the image set is empty", where=", ".join(str(one.file) for one in sets), fix="choose another")
    return VocSplit(images, notes, gone)


def format_sets(folder: Path, sets: list[ImageSet]) -> str:
    """Image sets as ``data.train_split`` takes them."""
    return ",".join(f"{one.root.name}/{one.name}" if one.listed and one.root != folder else one.name for one in sets)


def _notes(one: ImageSet, pictures: dict[str, Path], labels: dict[str, Path], hidden: list[str]) -> list[str]:
    notes = []
    if not one.listed:
        unlabeled = sorted(pictures.keys() - labels.keys())
        more = f"; {len(unlabeled)} without one are left out, the first: {unlabeled[0]}" if unlabeled else ""
        notes.append(f"{one.root}: no ImageSets/Main: '{one.name}' is the {len(labels)} images with an XML file{more}")
    elif one.name not in ("train", "val", "trainval", "test"):
        notes.append(f"{one.root}: the image set is '{one.name}'")
    if hidden:
        notes.append(f"{one.images}: {len(hidden)} hidden files and folders are left out, the first: {hidden[0]}")
    return notes


def _unlisted(folder: Path) -> list[ImageSet]:
    """The sets of a folder without image sets: its folders with XML files, or the folder itself."""
    if not folder.is_dir():
        return []
    if _labels(folder) not in (None, folder):
        return [ImageSet(folder, ALL, listed=False)]
    inside = folder / "VOCdevkit"
    below = visible_folders(inside if inside.is_dir() else folder)
    found = [ImageSet(one, one.name, listed=False) for one in below if _labels(one)]
    return found or ([ImageSet(folder, ALL, listed=False)] if _labels(folder) else [])


def _labels(root: Path) -> Path | None:
    """The folder of the XML files of the images of one folder."""
    places = [*(root / name for name in LABELS), root]
    return next((place for place in places if _has_labels(place)), None)


def _has_labels(folder: Path) -> bool:
    """Whether the first XML file in a folder is one of VOC; others are those of CVAT, or of something else."""
    first = next((name for name in visible_files(folder) if name.lower().endswith(".xml")), None)
    if first is None:
        return False
    with (folder / first).open("rb") as file:
        start = file.read(4096).replace(b"\0", b"")  # in UTF-16 every second byte is zero
    return re.search(rb"<annotation[\s>]", start) is not None


def _set_names(root: Path) -> list[str]:
    names = visible_files(root / "ImageSets" / "Main")
    return [name.removesuffix(".txt") for name in names if name.endswith(".txt")]


def _plain(known: list[ImageSet]) -> list[str]:
    """The names of sets that are not the set of a class of another (``cat_default`` of ``default``)."""
    names = list(dict.fromkeys(one.name for one in known))
    return [name for name in names if not any(name.endswith(f"_{other}") for other in names)]


def _named(folder: Path, known: list[ImageSet], name: str, key: str) -> list[ImageSet]:
    year, _, short = name.rpartition("/")
    found = [one for one in known if one.name == short and year in ("", one.root.name)]
    if found:
        return found
    roots = list(dict.fromkeys(one.root for one in known if one.listed))
    where = f"in ImageSets/Main of {', '.join(root.name for root in roots)}" if roots else "among the folders"
    present = [f"{one.root.name}/{one.name}" if year else one.name for one in known]
    raise InputError(
        f"no image set '{name}' {where}",
        where=str(roots[0] if len(roots) == 1 else roots[0].parent if roots else folder),
        fix=nearest(name, present)
        or f"choose one with {key}= ({', '.join(dict.fromkeys(present[:8])) or 'there is none'})",
    )


def _listed(one: ImageSet, known: Container[str]) -> list[str]:
    """Names of the images of a listed set; for the set of a class including images without the class."""
    rows = parse_image_set(one.file.read_bytes(), str(one.file), known.__contains__)
    return [row.name for row in rows]


def _is_labeled(one: ImageSet) -> bool:
    """Whether a set has labels: VOC has published lists of test images for all years, but labels only for 2007."""
    labels = _by_stem(files_with(one.labels, {".xml"}).paths, one.labels)
    return any(stem in labels for stem in _listed(one, labels)[:1])


def _by_stem(paths: list[Path], folder: Path) -> dict[str, Path]:
    """Files by their path below a folder, without extension."""
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def _refuse_twins(paths: list[Path], pictures: dict[str, Path], stems: list[str], folder: Path) -> None:
    """Refuse labeled images that differ from another one in the extension only: which of them is meant is unknown."""
    twins = {path for path in paths if path not in set(pictures.values())} if len(paths) > len(pictures) else set()
    for stem, path in _by_stem(sorted(twins), folder).items():
        if stem in set(stems):
            what = f"{path.name} and {pictures[stem].name} have one name, so which of them is labeled is unknown"
            raise InputError(what, where=str(path.parent), fix="keep one of the two in this folder")


def _refuse_missing(stems: list[str], present: Container[str], what: str, folder: Path, one: ImageSet) -> None:
    missing = [stem for stem in stems if stem not in present]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(stems)} {what} missing in {folder}; the first: {missing[0]}",
            where=str(one.file),
            fix=f"copy them there, or {'remove the names from the list' if one.listed else 'remove the others'}"
            + (", or leave them out: data.missing=skip" if what == "images" else ""),
        )
