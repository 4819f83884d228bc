"""Sources of images: from what a user names to a listing of image files.

* ``source``: which kind of source it is; the listing of all of them
* ``listing``: members, image names, unique keys, fingerprint
* ``folder``: folder trees
* ``archives``: tar and zip
* ``selection``: COCO annotations and text files that choose among the images
* ``voc``: VOC image sets, which do so too
"""
