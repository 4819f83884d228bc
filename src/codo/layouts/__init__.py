"""Where a folder of labeled data has its images and labels, and the texts of its label files.

* ``class_folders``: images in one folder per class, as in ImageNet.
* ``coco``: places of COCO annotation files and of their images.
* ``voc``: folders of PASCAL VOC, and of tools that write its XML files; ``voc_xml``: one such file.
* ``yolo``: YOLO's data file, and the images and label files of a split; ``darknet``: Darknet's data file;
  ``yolo_lists``: lists of images; ``yolo_lines``: one label file.
* ``splits``: what is said where a split is missing; ``entries``: messages about invalid entries of label files;
  ``image_ids``: ids of images for formats without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.layouts.class_folders import ClassFolders as ClassFolders
    from codo.layouts.class_folders import read_class_folders as read_class_folders
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"ClassFolders": "class_folders", "read_class_folders": "class_folders"}
    )
