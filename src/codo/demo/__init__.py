"""`codo demo`: the whole system on a data set that is drawn on the spot.

* `demo`: the script of ``codo demo``
* `scenes`: the data set: object images, detection scenes with COCO annotations
* `composing`: what is in a picture
* `stage`: things in front of each other: places, visible masks, shadows
* `painting`: figures to pixels; the camera
* `shapes`: the classes, planned in `built` and `grown`
* `figures`: what a figure is; clutter
* `outlines`: curves that figures are made of
* `textures`: patterns and procedural backgrounds
* `photographs`: photographs that installed packages ship
"""
