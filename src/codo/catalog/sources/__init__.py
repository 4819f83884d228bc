"""Sources of images: from what a user names to a listing of image files.

* ``source``: which kind of source a path is, and the listing of all of them.
* ``listing``: members, names of image files, unique keys, fingerprint.
* ``folder``: folder trees; ``archives``: tar and zip.
* ``image_lists``: parses files that list images (text, VOC image sets, COCO annotations), also for `codo.annotations`.
* ``selection``, ``voc``: selecting among the images by such files.
"""
