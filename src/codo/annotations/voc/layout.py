"""PASCAL VOC's folder layout: where images and labels are.

::

    VOCdevkit/                          or the folder of one year
      VOC2007/
        JPEGImages/000005.jpg
        Annotations/000005.xml
        ImageSets/Main/trainval.txt     one name per line, without extension
      VOC2012/…

The image sets of several years are joined. If a ``test`` set is labeled, VOC's protocol is followed: training on
``trainval`` of all years (07+12), evaluation on ``test``; otherwise ``train`` and ``val``. Other sets are chosen with
``data.train_split=`` and ``data.val_split=``: ``trainval`` of every year, or ``VOC2007/trainval``, or
``VOC2007/train,VOC2012/val``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from codo.catalog.sources.image_lists import parse_image_set
from codo.catalog.sources.listing import IMAGE_EXTENSIONS
from codo.core.errors import InputError, nearest


class ImageSet(NamedTuple):
    """One image set.

    Attributes:
        root: Folder of one year.
        name: ``trainval``, …
    """

    root: Path
    name: str

    @property
    def file(self) -> Path:
        """The text file."""
        return self.root / "ImageSets" / "Main" / f"{self.name}.txt"

    def stems(self) -> list[str]:
        """Names of its images, without extension; for the set of a class including images without the class."""
        return [row.name for row in parse_image_set(self.file.read_bytes(), str(self.file))]


class VocImage(NamedTuple):
    """An image and its labels.

    Attributes:
        name: Image file, relative to the data folder.
        labels: XML file.
    """

    name: str
    labels: Path


def years(folder: Path) -> list[Path]:
    """The folders below ``folder`` with the layout of a VOC year, by name; ``folder`` itself if it has this layout."""
    inside = folder / "VOCdevkit"
    candidates = [folder, *(sorted((inside if inside.is_dir() else folder).iterdir()) if folder.is_dir() else [])]
    found = [one for one in candidates if (one / "Annotations").is_dir() and (one / "ImageSets" / "Main").is_dir()]
    return found[:1] if found[:1] == [folder] else found


def image_sets(folder: Path, split: str, named: str | None) -> list[ImageSet]:
    """The image sets of a split.

    Args:
        folder: The data folder.
        split: ``train`` or ``val``.
        named: Value of ``data.train_split`` or ``data.val_split``.

    Raises:
        InputError: There is no such set; suggests the nearest name.
    """
    roots = years(folder)
    if named is not None:
        return [one for part in named.split(",") for one in _named(roots, part.strip(), f"data.{split}_split")]
    tested = [ImageSet(root, "test") for root in roots if _is_labeled(ImageSet(root, "test"))]
    trained = [ImageSet(root, "trainval") for root in roots if ImageSet(root, "trainval").file.is_file()]
    if tested and trained:
        return trained if split == "train" else tested
    return _named(roots, split, f"data.{split}_split")


def images_of(folder: Path, sets: list[ImageSet], *, checked: bool) -> list[VocImage]:
    """Images of image sets, in order.

    Args:
        folder: Folder that names are relative to.
        sets: From `image_sets`.
        checked: Whether the images must exist; else they are assumed to be JPEGs.

    Raises:
        InputError: Images or XML files are missing, or sets are empty or list an image twice; names the first.
    """
    images: list[VocImage] = []
    for one in sets:
        stems = one.stems()
        repeated = [stem for stem, times in Counter(stems).items() if times > 1]
        if repeated:
            count = "1 image is" if len(repeated) == 1 else f"{len(repeated)} images are"
            raise InputError(
                f"{count} listed more than once; the first: {repeated[0]}",
                where=str(one.file),
                fix="list every image once",
            )
        labels, images_folder = one.root / "Annotations", one.root / "JPEGImages"
        extensions = {
            path.stem: path.suffix for path in _entries(images_folder) if path.suffix.lower() in IMAGE_EXTENSIONS
        }
        _refuse_missing(
            stems, {path.stem for path in _entries(labels) if path.suffix == ".xml"}, "XML files", labels, one
        )
        if checked:
            _refuse_missing(stems, extensions.keys(), "images", images_folder, one)
        place = images_folder.relative_to(folder).as_posix()
        images += [VocImage(f"{place}/{stem}{extensions.get(stem, '.jpg')}", labels / f"{stem}.xml") for stem in stems]
    if not images:
        raise InputError("the image set is empty", where=", ".join(str(one.file) for one in sets), fix="choose another")
    return images


def format_sets(folder: Path, sets: list[ImageSet]) -> str:
    """Image sets as ``data.train_split`` takes them."""
    return ",".join(one.name if one.root == folder else f"{one.root.name}/{one.name}" for one in sets)


def _named(roots: list[Path], name: str, key: str) -> list[ImageSet]:
    year, _, short = name.rpartition("/")
    known = [
        ImageSet(root, path.stem) for root in roots for path in sorted((root / "ImageSets" / "Main").glob("*.txt"))
    ]
    found = [one for one in known if one.name == short and year in ("", one.root.name)]
    if found:
        return found
    present = [f"{one.root.name}/{one.name}" if year else one.name for one in known]
    raise InputError(
        f"no image set '{name}' in ImageSets/Main of {', '.join(root.name for root in roots)}",
        where=str(roots[0].parent if len(roots) > 1 else roots[0]),
        fix=nearest(name, present)
        or f"choose one with {key}= ({', '.join(dict.fromkeys(present[:8])) or 'there is none'})",
    )


def _is_labeled(one: ImageSet) -> bool:
    """Whether a set has labels: VOC has published lists of test images for all years, but labels only for 2007."""
    if not one.file.is_file():
        return False
    stems = one.stems()
    return bool(stems) and (one.root / "Annotations" / f"{stems[0]}.xml").is_file()


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _refuse_missing(stems: list[str], present: Container[str], what: str, folder: Path, one: ImageSet) -> None:
    missing = [stem for stem in stems if stem not in present]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(stems)} {what} missing in {folder}; the first: {missing[0]}",
            where=str(one.file),
            fix="copy them there, or remove the names from the list",
        )
