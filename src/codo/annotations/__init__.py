"""Labeled images in memory.

* ``records``: `Annotations`, the one form that every reader fills and everything else reads.
* ``segmentations``: polygons and run-length codes, kept compact, drawn when needed.
* ``assemble``: the last step of every reader.
* ``entries``: refuses wrong entries of any format with the first offender and the count.
* ``images``: the image files, their sizes checked against the annotations.
* ``class_folders``: pictures in folders named after their class, as ImageNet has them.
* ``table``: columns of a JSON list with their types checked.
* ``coco``, ``voc``, ``yolo``: a reader for each format; ``yolo_shapes``: boxes and outlines of YOLO's lines.
* ``coco_layout``, ``voc_layout``, ``yolo_layout``: which files belong to a split, in each format's folders.
* ``results``: reads detections of any detector, checked against the ground truth.
* ``fraction``: a share of the images, drawn class by class.
* ``leaks``: were validation images in the pretraining pool?
* ``source``: what ``data=`` may be, and which files that means.
"""
