"""The catalog: one dataset of images as a directory, and `codo prepare`, which makes it.

* ``catalog``: the format, and how it is opened and read
* ``table``: its Parquet file as arrays
* ``build``: ``prepare``, from a source to a catalog; ``open_or_prepare`` for plain image folders
* ``request``: what is asked for, checked
* ``settings``: what can be chosen
* ``sources``: from what a user names to a listing of image files
* ``paths``: local paths and URLs
* ``reading``: bytes of images in place, inside tar and zip archives too
* ``decode``: bytes to RGB, and why some are rejected
* ``picture``: an image that is decoded where it is looked at
* ``jpeg_tiles``, ``tile_copy``: a part of a packed JPEG without the rest
* ``plan``: the working directory, chunks, and resuming
* ``work``: what happens to one chunk of images
* ``engines``: who works on the chunks: this machine's processes, or Ray
* ``pack``: small JPEGs in WebDataset shards
* ``merge``: from finished chunks to the catalog
"""
