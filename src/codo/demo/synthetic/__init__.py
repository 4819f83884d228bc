"""The data set of ``codo demo``: rendered object images and detection scenes, without downloads.

* ``scenes``: writes the data set; ``coco``: its annotations.
* ``classes``: the eight classes; ``manmade_shapes``, ``organic_shapes``: draw a random figure of each class.
* ``primitives``, ``outlines``: the parts of a figure and their closed curves; unlabeled clutter.
* ``painting``: renders a figure as pixels: pose, light, pattern, camera; ``textures``: patterns and backgrounds.
* ``composing``: chooses the contents of an image; ``compositor``: layers, visible masks, shadows.
* ``photographs``: photographs in installed packages, as backgrounds; ``pixels``: arrays of pixels, resize, blur.
"""
