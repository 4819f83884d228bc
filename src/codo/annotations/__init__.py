"""Labeled images in memory, read from COCO, PASCAL VOC and YOLO layouts.

* ``records``: `Annotations`, the common data structure of all readers.
* ``source``: the setting ``data=``; finds the files of a split and reads them.
* ``coco``, ``voc``, ``yolo``: for each format its reader and its folder layout.
* ``assemble``, ``entries``: shared by the readers: building `Annotations`, and messages about invalid entries.
* ``segmentations``: polygons and run-length codes in compact form, decoded when needed.
* ``images``: sizes and pixels of the image files, checked against the annotations.
* ``class_folders``: images in one folder per class, as in ImageNet.
* ``fraction``: a class-aware random fraction of the labeled images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.annotations.class_folders import ClassFolders as ClassFolders
    from codo.annotations.class_folders import read_class_folders as read_class_folders
    from codo.annotations.coco.read import read_coco as read_coco
    from codo.annotations.fraction import labeled_subset as labeled_subset
    from codo.annotations.records import Annotations as Annotations
    from codo.annotations.records import Category as Category
    from codo.annotations.segmentations import Segmentations as Segmentations
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
            "ClassFolders": "class_folders",
            "DataSettings": "source",
            "Segmentations": "segmentations",
            "labeled_subset": "fraction",
            "read_annotations": "source",
            "read_class_folders": "class_folders",
            "read_coco": "coco.read",
            "read_voc": "voc.read",
            "read_yolo": "yolo.read",
        },
    )
