"""YOLO annotations.

* ``read``: reads and checks label files; `codo.layouts.yolo` finds them.
* ``shapes``: converts their numbers to boxes and polygons in pixels.
"""
