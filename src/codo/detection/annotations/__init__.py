"""Labelled images in memory.

* ``records``: `Annotations`, the one form that every reader fills and everything else reads.
* ``segmentations``: polygons and run-length codes, kept compact, drawn when needed.
* ``table``: columns of a JSON list with their types checked; refuses with the first offender and the count.
* ``coco``: COCO JSON files.
* ``source``: what ``data=`` may be, and which files that means.
"""
