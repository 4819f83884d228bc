"""Labeled images in memory, read from COCO, PASCAL VOC and YOLO layouts.

* ``records``: `Annotations`, the one form that every reader fills and everything else reads.
* ``source``: what ``data=`` may be, and which files that means.
* ``coco``, ``voc``, ``yolo``: a reader for each format, and where its layout has images and labels.
* ``assemble``, ``entries``: what the readers share: columns to `Annotations`, and messages about wrong entries.
* ``segmentations``: polygons and run-length codes, kept compact, drawn when needed.
* ``images``: sizes and pixels of the image files, checked against the annotations.
* ``class_folders``: images in folders named after their class, as ImageNet has them.
* ``fraction``: a share of the labeled images, drawn class by class.
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
