"""The data set of ``codo demo``: rendered object images and detection scenes, nothing to download.

* ``scenes``: writes the data set; ``coco``: its annotations.
* ``classes``: the eight classes; ``manmade_shapes``, ``organic_shapes``: how an object of each is planned.
* ``primitives``, ``outlines``: parts of a figure and the closed curves they are bounded by; unlabeled clutter.
* ``painting``: a figure to pixels: pose, light, pattern, camera; ``textures``: patterns and backgrounds.
* ``composing``: what is in an image; ``compositor``: objects in front of each other, visible masks, shadows.
* ``photographs``: photographs in installed packages, as backgrounds; ``pixels``: arrays of pixels, resize, blur.
"""
