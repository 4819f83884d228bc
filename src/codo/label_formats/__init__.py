"""Readers of formats other than COCO, VOC and YOLO, each one file; they return the lists of a COCO file.

* ``labelme``, ``via``, ``createml``, ``label_studio``, ``open_images``, ``visdrone``, ``dota``: the formats.
* ``formats``: their table, and the reading of a split.
* ``table``: what readers return: images, objects, classes, with the place of each in its file.
* ``sets``, ``text_files``, ``json_kind``: which files of a folder have the labels of which split.
* ``problems``: invalid entries, collected and refused.
* ``coco_dialects``: fields of LVIS and Objects365, which are COCO files.
"""
