"""YOLO annotations.

* ``layout``: the data file, and the images and label files of a split.
* ``read``: reads and checks label files; ``shapes``: converts their numbers to boxes and polygons in pixels.
"""
