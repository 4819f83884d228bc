"""`codo demo`: the whole system on a data set that is drawn on the spot.

* `demo`: the script of ``codo demo``
* `scenes`: the data set on disk: object images, detection scenes
* `coco`: their annotations
* `composing`: what is in a picture
* `stage`: things in front of each other: places, visible masks, shadows
* `painting`: figures to pixels; the camera
* `shapes`: the classes, planned in `built` and `grown`
* `figures`: what a figure is; clutter
* `outlines`: curves that figures are made of
* `textures`: patterns and procedural backgrounds
* `pixels`: arrays of pixels, resize and blur
* `photographs`: photographs that installed packages ship
"""
