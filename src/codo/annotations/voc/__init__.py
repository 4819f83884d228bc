"""PASCAL VOC annotations.

* ``layout``: finds images and XML files in a VOCdevkit, and the image sets of a split.
* ``read``: reads and checks the XML files.
"""
