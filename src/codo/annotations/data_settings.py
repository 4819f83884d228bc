"""The setting ``data=``: which labeled images, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from codo.annotations.upright import Exif
from codo.annotations.yolo.read import Points
from codo.core.config import SHORT
from codo.core.paths import absolute
from codo.geometry.boxes import Format as BoxFormat
from codo.geometry.boxes import Unit as BoxUnit
from codo.geometry.corners import Origin
from codo.label_formats.formats import FORMATS as LABEL_FORMATS
from codo.label_formats.formats import LabelFormatName
from codo.models.pixel_rules import PixelSettings

Split = Literal["train", "val"]
Format = Literal["coco", "voc", "yolo"] | LabelFormatName

FORMATS = ("coco", "voc", "yolo", *LABEL_FORMATS)

FOLDERS_ONLY = ("voc", "yolo", *(name for name, one in LABEL_FORMATS.items() if not one.one_file))
"""Formats whose labels are a folder, never one file."""

PATHS = ("folder", "train", "val", "images", "train_images", "val_images")
"""Settings that are paths."""


class DataSettings(PixelSettings):
    """Labeled images: ``data=FOLDER``, or single annotation files and image folders."""

    folder: str | None = Field(
        None,
        description="folder with both splits in the layout of one of the formats, or YOLO's data file; "
        "data=FOLDER is short for it",
    )
    format: Literal["auto"] | Format = Field(
        "auto", description=f"{', '.join(FORMATS)}; auto: recognized by the folder's contents"
    )
    train: str | None = Field(
        None, description="annotation file to train on, instead of a folder: COCO, or another format with one file"
    )
    val: str | None = Field(None, description="annotation file to evaluate on, likewise")
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
    split: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="fraction of the train images to keep for evaluation, drawn class by class; "
        "for data with one set only",
    )
    exif: Exif = Field(
        "auto",
        description="which images the labels are of where an EXIF orientation turns images: stored, upright, or auto "
        "(by their sizes)",
    )
    missing: Literal["error", "skip"] = Field(
        "error", description="images that are not there: error, or skip them and list them in the run"
    )
    crowd: Literal["auto", "ignore", "object"] = Field(
        "auto",
        description="COCO objects marked as crowds: ignore, or read as object; auto: ignore, but an error where a "
        "class has hardly any other",
    )
    box_format: BoxFormat = Field("xywh", description="how COCO boxes are written: xywh, corners (xyxy) or cxcywh")
    box_unit: BoxUnit = Field(
        "pixels", description="unit of the boxes of COCO and CreateML: pixels, relative (0 to 1) or percent"
    )
    same_names: Literal["refuse", "merge"] = Field(
        "refuse", description="COCO categories of the same name: refuse, or merge them into one class"
    )
    areas: Literal["file", "computed"] = Field(
        "file",
        description="areas of COCO objects, which decide small, medium and large: of the file, or computed from "
        "outlines and boxes",
    )
    voc_origin: Origin = Field(
        "auto", description="what the corners of VOC count from, 0 or 1; auto: 0 if any corner is 0, else 1"
    )
    yolo_points: Points = Field(
        "auto",
        description="what YOLO lines with more than five columns are, outline or keypoints; auto: key points if the "
        "data file has kpt_shape, else outlines, and an error where they may be key points",
    )

    class_attribute: str | None = Field(
        None, description="region attribute of VIA that is the class; null: the only one, an error if there are more"
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
        if self.split and ((self.val and (self.train or self.folder)) or self.val_split):
            raise ValueError("data.split takes the evaluation images from the train images: leave data.val* out")
        if self.format in FOLDERS_ONLY and (self.folder is None or self.train or self.val):
            raise ValueError(f"data.format={self.format} needs a folder, and no data.train or data.val")
        return self

    def with_absolute_paths(self) -> Self:
        """The same with absolute paths, so that later commands find the files from any working directory."""
        return self.model_copy(update={name: absolute(path) for name in PATHS if (path := getattr(self, name))})

    def split_name(self, split: Split) -> str | None:
        """The user's name for a split."""
        return self.train_split if split == "train" else self.val_split
