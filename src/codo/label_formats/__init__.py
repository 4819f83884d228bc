"""Readers of formats other than COCO, VOC and YOLO, each one file; they return the lists of a COCO file.

* ``labelme``, ``via``, ``createml``, ``label_studio``, ``open_images``, ``visdrone``, ``dota``: the formats.
* ``formats``: their table, and the reading of a split.
* ``table``: what readers return: images, objects, classes, with the place of each in its file.
* ``sets``, ``text_files``, ``json_kind``: which files of a folder have the labels of which split.
* ``problems``: invalid entries, collected and refused.
* ``coco_dialects``: fields of LVIS and Objects365, which are COCO files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.label_formats.formats import FORMATS as FORMATS
    from codo.label_formats.formats import LabelFormat as LabelFormat
    from codo.label_formats.table import LabeledImage as LabeledImage
    from codo.label_formats.table import LabeledObject as LabeledObject
    from codo.label_formats.table import Labels as Labels
    from codo.label_formats.table import LabelTable as LabelTable
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "FORMATS": "formats",
            "LabelFormat": "formats",
            "LabelTable": "table",
            "LabeledImage": "table",
            "LabeledObject": "table",
            "Labels": "table",
        },
    )
