"""The setting ``data=``: find the annotation files and images of a split, and read them.

``data=`` is a folder in the layout of COCO (coco/layout.py), PASCAL VOC (voc/layout.py) or YOLO (yolo/layout.py),
recognized by its contents, or single COCO files: ``data.train=a.json data.val=b.json data.images=DIR`` (or
``data.train_images=`` and ``data.val_images=`` if they differ).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from codo.annotations.coco.layout import find_annotations, image_folders, locate_images
from codo.annotations.coco.read import read_coco
from codo.annotations.images import check_sizes
from codo.annotations.records import Annotations
from codo.annotations.voc import layout as voc_layout
from codo.annotations.voc.read import read_voc
from codo.annotations.yolo import layout as yolo_layout
from codo.annotations.yolo.read import read_yolo
from codo.core.config import SHORT, Settings
from codo.core.errors import InputError
from codo.core.paths import absolute

Split = Literal["train", "val"]
Format = Literal["coco", "voc", "yolo"]

PATHS = ("folder", "train", "val", "images", "train_images", "val_images")
"""Settings that are paths."""


class DataSettings(Settings):
    """Labeled images: ``data=FOLDER``, or single annotation files and image folders."""

    folder: str | None = Field(
        None,
        description="folder with both splits in the layout of COCO, VOC or YOLO, or YOLO's data file; "
        "data=FOLDER is short for it",
    )
    format: Literal["auto"] | Format = Field(
        "auto", description="coco, voc or yolo; auto: recognized by the folder's contents"
    )
    train: str | None = Field(None, description="COCO annotation file to train on, instead of a folder")
    val: str | None = Field(None, description="COCO annotation file to evaluate on, instead of a folder")
    images: str | None = Field(None, description="folder of the images of data.train and data.val")
    train_images: str | None = Field(None, description="folder of the images of data.train, if it is another")
    val_images: str | None = Field(None, description="folder of the images of data.val, if it is another")
    train_split: str | None = Field(
        None, description="name of the split of the folder to train on; VOC: also VOC2007/train,VOC2012/trainval"
    )
    val_split: str | None = Field(None, description="name of the split of the folder to evaluate on, likewise")
    fraction: float = Field(
        1.0, gt=0, le=1, description="fraction of the train images to train on, drawn class by class"
    )
    fraction_seed: int = Field(
        0, ge=0, description="seed of the draw of data.fraction; smaller fractions are subsets of larger ones"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """``data=FOLDER`` is ``data.folder=FOLDER``; ``data=FILE.json`` is ``data.val=FILE.json``."""
        value = {SHORT: value} if isinstance(value, str | Path) else value
        if not isinstance(value, dict) or SHORT not in value:
            return value
        named = str(value[SHORT])
        key = "val" if named.endswith(".json") else "folder"
        return {name: one for name, one in value.items() if name != SHORT} | {key: named}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.folder is None and self.train is None and self.val is None:
            raise ValueError("give data=FOLDER, or data.train=FILE and data.val=FILE")
        if self.folder and self.train and self.val:
            raise ValueError("data.folder is not used when data.train and data.val are given: leave one of them out")
        if self.format in ("voc", "yolo") and (self.folder is None or self.train or self.val):
            raise ValueError(f"data.format={self.format} needs a folder, and no data.train or data.val")
        return self

    def with_absolute_paths(self) -> Self:
        """The same with absolute paths, so that later commands find the files from any working directory."""
        return self.model_copy(update={name: absolute(path) for name in PATHS if (path := getattr(self, name))})

    def split_name(self, split: Split) -> str | None:
        """The user's name for a split."""
        return self.train_split if split == "train" else self.val_split


def read_annotations(data: DataSettings, split: Split, *, images: bool = True, sizes: bool = True) -> Annotations:
    """Read a split of a data set.

    Args:
        data: The data set.
        split: ``train`` or ``val``.
        images: Whether the images are needed too: they must exist and have the annotated sizes. (For YOLO the sizes are
            always read from the images.)
        sizes: Whether to check the sizes; pages can be made without damaged images.

    Raises:
        InputError: No annotations, invalid ones, or images that are missing or have another size; names the first and
            how many there are.
    """
    kind = find_format(data)
    folder = Path(data.folder or ".")
    if kind == "voc":
        sets = voc_layout.image_sets(folder, split, data.split_name(split))
        annotations = read_voc(folder, voc_layout.images_of(folder, sets, checked=images))
        return check_sizes(annotations) if images and sizes else annotations
    if kind == "yolo":
        data_file = yolo_layout.read_data_file(_data_file(folder))
        return read_yolo(
            data_file,
            yolo_layout.images_of(data_file, yolo_layout.split_name(data_file, split, data.split_name(split))),
        )
    path = _annotation_file(data, split)
    annotations = read_coco(path)
    if not images:
        return annotations
    located = locate_images(annotations, _image_folders(data, split, path))
    return check_sizes(located) if sizes else located


def find_format(data: DataSettings) -> Format:
    """The format of the data: ``data.format``, or recognized by the folder's contents.

    Raises:
        InputError: The folder does not exist, or has none or several of the layouts.
    """
    if data.train or data.val or data.folder is None:
        return "coco"
    folder = Path(data.folder)
    if not folder.exists():
        raise InputError("no such folder", where=str(folder), fix="give a folder of labeled images")
    if data.format != "auto":
        return data.format
    candidates: dict[Format, bool] = {
        "coco": any(find_annotations(folder, data.split_name(one) or one) for one in ("train", "val")),
        "voc": bool(voc_layout.years(folder)),
        "yolo": yolo_layout.find_data_file(folder) is not None,
    }
    found = [name for name, present in candidates.items() if present]
    if len(found) > 1:
        raise InputError(
            f"the folder has annotations in {len(found)} formats: {', '.join(found)}",
            where=str(folder),
            fix=f"choose one: data.format={found[0]}",
        )
    if not found:
        raise InputError(
            "no annotations in the folder: neither COCO's annotations/instances_train.json, nor VOC's Annotations/ and "
            "ImageSets/Main/, nor YOLO's data.yaml",
            where=str(folder),
            fix="give a folder in one of these layouts, or COCO files with data.train= and data.val=",
        )
    return found[0]


def resolved(data: DataSettings, train: Annotations, val: Annotations) -> DataSettings:
    """The settings with explicit files and splits, so that a later command reads the same data."""
    kind = find_format(data)
    draw = {"format": kind, "fraction": data.fraction, "fraction_seed": data.fraction_seed}
    if kind == "coco":
        files = {"train": str(train.source), "val": str(val.source)}
        return DataSettings(**files, train_images=str(train.folder), val_images=str(val.folder), **draw)
    folder, names = Path(data.folder or "."), dict[str, str]()
    for split in ("train", "val"):
        named = data.train_split if split == "train" else data.val_split
        if kind == "voc":
            names[f"{split}_split"] = voc_layout.format_sets(folder, voc_layout.image_sets(folder, split, named))
        else:
            names[f"{split}_split"] = yolo_layout.split_name(yolo_layout.read_data_file(train.source), split, named)
    return DataSettings(folder=str(folder if kind == "voc" else train.source), **names, **draw)


def _annotation_file(data: DataSettings, split: Split) -> Path:
    """The COCO file of a split.

    Raises:
        InputError: Nothing there.
    """
    named = data.train if split == "train" else data.val
    if named is not None:
        if not Path(named).is_file():
            raise InputError(
                "no such annotation file",
                where=named,
                fix="check the path; if the data were moved, give the new place with data=…",
            )
        return Path(named)
    if data.folder is None:
        raise InputError(
            f"no annotation file for {split}", where="data", fix=f"add data.{split}=FILE.json, or give data=FOLDER"
        )
    name = data.split_name(split) or split
    found = find_annotations(Path(data.folder), name)
    if found is None:
        raise InputError(
            f"no COCO annotations of '{name}' in the folder",
            where=data.folder,
            fix=f"add annotations/instances_{name}.json, or give the file with data.{split}=FILE.json",
        )
    return found


def _image_folders(data: DataSettings, split: Split, annotation_file: Path) -> list[Path]:
    """Possible folders of the images of a COCO file, best first; only one if the user gave it."""
    images = (data.train_images if split == "train" else data.val_images) or data.images
    if images is not None:
        return [Path(images)]
    parent = annotation_file.parent
    root = Path(data.folder) if data.folder else parent.parent if parent.name == "annotations" else parent
    return image_folders(root, data.split_name(split) or split)


def _data_file(folder: Path) -> Path:
    found = yolo_layout.find_data_file(folder)
    if found is None:
        raise InputError(
            "no data.yaml in the folder", where=str(folder), fix="add it, or give the file: data=FILE.yaml"
        )
    return found
