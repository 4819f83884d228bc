"""YOLO annotations.

* ``layout``: the data file, and where the images of a split and their label files are.
* ``read``: reads and checks label files; ``shapes``: their numbers as boxes and outlines in pixels.
"""
