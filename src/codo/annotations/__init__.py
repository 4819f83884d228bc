"""Labeled images in memory, read from COCO, PASCAL VOC, YOLO and the formats of `codo.label_formats`.

* ``records``: `Annotations`, the common data structure of all readers.
* ``data_settings``, ``source``: the settings ``data=``, and reading a split by them; ``formats``: the table of formats.
* ``coco``, ``voc``, ``yolo``: the reader of each format; folder layouts are in `codo.layouts`.
* ``assemble``: builds `Annotations`, for every reader.
* ``images``: sizes and pixels of the image files, checked against the annotations.
* ``fraction``: a class-aware random fraction of the labeled images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.annotations.coco.read import read_coco as read_coco
    from codo.annotations.fraction import labeled_subset as labeled_subset
    from codo.annotations.records import Annotations as Annotations
    from codo.annotations.records import Category as Category
    from codo.annotations.source import DataSettings as DataSettings
    from codo.annotations.source import read_annotations as read_annotations
    from codo.annotations.voc.read import read_voc as read_voc
    from codo.annotations.yolo.read import read_yolo as read_yolo
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Annotations": "records",
            "Category": "records",
            "DataSettings": "source",
            "labeled_subset": "fraction",
            "read_annotations": "source",
            "read_coco": "coco.read",
            "read_voc": "voc.read",
            "read_yolo": "yolo.read",
        },
    )
