"""PASCAL VOC annotations.

* ``layout``: where a VOCdevkit has images and XML files, and which image sets make up a split.
* ``read``: reads and checks the XML files.
"""
